use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `add-column-foreign-key`.
pub(super) struct AddColumnForeignKey;

impl Rule for AddColumnForeignKey {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "add-column-foreign-key",
            title: "a new column carries a foreign key",
            why: "The table is locked in ACCESS EXCLUSIVE and the referenced table in SHARE ROW EXCLUSIVE, so that \
                its writes wait too; Alembic adds the key in a second statement that checks every row.",
            safe: "add the column alone; in the next migration add the key with postgresql_not_valid=True, and \
                VALIDATE it in one more",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddColumn { table, column } = case.action() else { return None };
        let parent = &column.references.first()?.table;
        Some(
            Verdict::error(format!(
                "adds a column with a foreign key: {table} cannot be read and {parent} cannot be \
            written until the transaction ends"
            ))
            .about(Scope::Everything),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn an_inline_reference_locks_both_tables() {
        lint_finds(
            "add-column-foreign-key",
            "op.add_column('t', sa.Column('a', sa.Integer(), \
            sa.ForeignKey('p.id')))",
        );
        lint_finds("add-column-foreign-key", "op.execute('ALTER TABLE t ADD a int REFERENCES p')");
    }

    #[test]
    fn a_column_without_reference_does_not() {
        lint_ok("add-column-foreign-key", "op.add_column('t', sa.Column('a', sa.Integer()))");
    }
}
