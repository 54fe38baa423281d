use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `create-unique`.
pub(super) struct CreateUnique;

impl Rule for CreateUnique {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-unique",
            title: "a unique constraint builds its index while everybody waits",
            why: "The index is built under ACCESS EXCLUSIVE.",
            safe: "build a unique index concurrently, then ALTER TABLE ... ADD CONSTRAINT ... UNIQUE USING INDEX",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddConstraint { table, constraint: Constraint::Unique { using_index: false }, .. } = case.action()
        else {
            return None;
        };
        Some(Verdict::error(format!("builds a unique index: {table} cannot be read until it is done")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_unique_constraint_builds_under_the_lock() {
        lint_finds("create-unique", "op.create_unique_constraint('u', 't', ['a'])");
        lint_finds("create-unique", "op.execute('ALTER TABLE ONLY t ADD UNIQUE (a)')");
    }

    #[test]
    fn using_an_index_does_not() {
        lint_ok("create-unique", "op.execute('ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i')");
    }
}
