use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `rewrite-table`.
pub(super) struct RewriteTable;

impl Rule for RewriteTable {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "rewrite-table",
            title: "a whole table is copied while everybody waits",
            why: "CLUSTER, VACUUM FULL, SET LOGGED, SET UNLOGGED, SET TABLESPACE, SET ACCESS METHOD and \
                batch_alter_table(recreate=\"always\") copy the table under ACCESS EXCLUSIVE.",
            safe: "copy in the background (pg_repack, or a new table filled in batches) and switch at the end",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let (Action::Rewrite { table } | Action::Vacuum { table, full: true }) = case.action() else { return None };
        Some(Verdict::error(format!("copies {table}: nobody can read it until that is done")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn these_statements_copy_the_table() {
        lint_finds("rewrite-table", "op.execute('CLUSTER t USING i')");
        lint_finds("rewrite-table", "with op.get_context().autocommit_block():\n    op.execute('VACUUM (FULL) t')");
        lint_finds("rewrite-table", "op.execute('ALTER TABLE t SET UNLOGGED')");
        lint_finds(
            "rewrite-table",
            "with op.batch_alter_table('t', recreate='always') as b:\n    \
            b.drop_column('a')",
        );
    }

    #[test]
    fn a_plain_vacuum_does_not() {
        lint_ok("rewrite-table", "op.execute('VACUUM ANALYZE t')");
    }
}
