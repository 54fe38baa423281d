use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `create-foreign-key`.
pub(super) struct CreateForeignKey;

impl Rule for CreateForeignKey {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-foreign-key",
            title: "a foreign key is added and checked at once",
            why: "Both tables are locked in SHARE ROW EXCLUSIVE, so that writes to either wait, while every row is \
                looked up.",
            safe: "op.create_foreign_key(..., postgresql_not_valid=True), then ALTER TABLE ... VALIDATE CONSTRAINT \
                in the next migration",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddConstraint { table, constraint: Constraint::ForeignKey { reference, not_valid: false }, .. } =
            case.action()
        else {
            return None;
        };
        Some(
            Verdict::error(format!(
                "adds a foreign key from {table} to {}: writes to both wait while every row is checked",
                reference.table
            ))
            .about(Scope::Everything),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_checked_foreign_key_blocks_writes() {
        lint_finds("create-foreign-key", "op.create_foreign_key('f', 't', 'p', ['p_id'], ['id'])");
        lint_finds(
            "create-foreign-key",
            "with op.batch_alter_table('t') as b:\n    b.create_foreign_key('f', 'p', ['p_id'], ['id'])",
        );
        lint_finds("create-foreign-key", "op.execute('ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (id)')");
    }

    #[test]
    fn not_valid_is_the_safe_form() {
        lint_ok(
            "create-foreign-key",
            "op.create_foreign_key('f', 't', 'p', ['p_id'], ['id'], postgresql_not_valid=True)",
        );
        lint_ok(
            "create-foreign-key",
            "op.execute('ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p NOT VALID')",
        );
    }
}
