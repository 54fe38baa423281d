use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Fill};

/// The rule `add-column-not-null`.
pub(super) struct AddColumnNotNull;

impl Rule for AddColumnNotNull {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "add-column-not-null",
            title: "a new NOT NULL column has no default",
            why: "PostgreSQL reads the whole table under ACCESS EXCLUSIVE and fails as soon as it meets a row, \
                because the column has no value for it.",
            safe: "add the column nullable, fill it in batches in a migration of its own, then make it NOT NULL as \
                `set-not-null` says; or give it a constant server_default",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddColumn { table, column } = case.action() else { return None };
        let found = column.not_null && column.fill == Fill::Nothing && column.generated.is_none();
        let name = column.name.as_deref().unwrap_or("?");
        found.then(|| {
            Verdict::error(format!(
                "adds the NOT NULL column `{name}` without a default: it fails if {table} has a single row"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_not_null_column_without_default_fails_on_rows() {
        lint_finds("add-column-not-null", "op.add_column('t', sa.Column('a', sa.Integer(), nullable=False))");
        lint_finds("add-column-not-null", "op.execute('ALTER TABLE t ADD COLUMN a int NOT NULL')");
    }

    #[test]
    fn a_default_or_null_is_enough() {
        lint_ok(
            "add-column-not-null",
            "op.add_column('t', sa.Column('a', sa.Integer(), nullable=False, server_default='0'))",
        );
        lint_ok("add-column-not-null", "op.add_column('t', sa.Column('a', sa.Integer()))");
    }
}
