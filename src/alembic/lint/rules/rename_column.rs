use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `rename-column`.
pub(super) struct RenameColumn;

impl Rule for RenameColumn {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "rename-column",
            title: "a column is renamed",
            why: "Code that runs knows the old name and code that comes knows the new one: one of them fails for as \
                long as both run.",
            safe: "expand and contract: add the new column, write both, fill, read the new one, then drop the old \
                one",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::RenameColumn { table, column, to } = case.action() else { return None };
        let (from, to) = (column.as_deref().unwrap_or("?"), to.as_deref().unwrap_or("?"));
        Some(
            Verdict::warning(format!("renames `{from}` of {table} to `{to}`: code that uses the old name fails"))
                .at_any_size(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_renamed_column_breaks_the_code_that_runs() {
        lint_finds("rename-column", "op.alter_column('t', 'a', new_column_name='b')");
        lint_finds("rename-column", "op.execute('ALTER TABLE t RENAME COLUMN a TO b')");
    }

    #[test]
    fn a_renamed_constraint_does_not() {
        lint_ok("rename-column", "op.execute('ALTER TABLE t RENAME CONSTRAINT a TO b')");
    }
}
