use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `rename-table`.
pub(super) struct RenameTable;

impl Rule for RenameTable {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "rename-table",
            title: "a table is renamed",
            why: "Code that runs knows the old name and code that comes knows the new one: one of them fails for as \
                long as both run.",
            safe: "expand and contract; or leave an updatable view under the old name in the same transaction",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::RenameTable { table, to } = case.action() else { return None };
        Some(
            Verdict::warning(format!(
                "renames {table} to {}: code that uses the old name fails",
                to.as_deref().unwrap_or("?")
            ))
            .at_any_size(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_renamed_table_breaks_the_code_that_runs() {
        lint_finds("rename-table", "op.rename_table('t', 'u')");
        lint_finds("rename-table", "op.execute('ALTER TABLE t RENAME TO u')");
    }

    #[test]
    fn a_new_table_may_take_its_name() {
        lint_ok(
            "rename-table",
            "op.create_table('new_t', sa.Column('a', sa.Integer()))\nop.rename_table('new_t', 't')",
        );
    }
}
