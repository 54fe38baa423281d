use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `create-check`.
pub(super) struct CreateCheck;

impl Rule for CreateCheck {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-check",
            title: "a CHECK constraint is added and checked at once",
            why: "Every row is read under ACCESS EXCLUSIVE.",
            safe: "op.create_check_constraint(..., postgresql_not_valid=True), then ALTER TABLE ... VALIDATE \
                CONSTRAINT in the next migration",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddConstraint { table, constraint: Constraint::Check { not_valid: false, .. }, .. } = case.action()
        else {
            return None;
        };
        Some(Verdict::error(format!("adds a check: {table} is read through while nobody can use it")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_checked_constraint_reads_the_table() {
        lint_finds("create-check", "op.create_check_constraint('c', 't', sa.column('a') > 0)");
        lint_finds("create-check", "op.execute('ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)')");
    }

    #[test]
    fn not_valid_is_the_safe_form() {
        lint_ok("create-check", "op.create_check_constraint('c', 't', 'a > 0', postgresql_not_valid=True)");
    }
}
