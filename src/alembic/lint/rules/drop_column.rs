use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `drop-column`.
pub(super) struct DropColumn;

impl Rule for DropColumn {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "drop-column",
            title: "a column is dropped",
            why: "Code that still runs and names the column fails from that moment on; the lock is ACCESS EXCLUSIVE, \
                briefly.",
            safe: "first deploy code that does not use the column any more, then drop it, with a lock_timeout",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::DropColumn { table, column } = case.action() else { return None };
        let column = column.as_deref().unwrap_or("?");
        Some(
            Verdict::warning(format!("drops `{column}` of {table}: code that still reads or writes it fails"))
                .at_any_size(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_dropped_column_breaks_the_code_that_runs() {
        lint_finds("drop-column", "op.drop_column('t', 'a')");
        lint_finds("drop-column", "with op.batch_alter_table('t', schema='s') as b:\n    b.drop_column('a')");
        lint_finds("drop-column", "op.execute('ALTER TABLE t DROP a')");
    }

    #[test]
    fn nobody_uses_a_table_that_was_just_made() {
        lint_ok("drop-column", "op.create_table('t', sa.Column('a', sa.Integer()))\nop.drop_column('t', 'a')");
    }
}
