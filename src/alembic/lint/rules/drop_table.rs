use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `drop-table`.
pub(super) struct DropTable;

impl Rule for DropTable {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "drop-table",
            title: "a table is dropped",
            why: "Code that still runs and names the table fails from that moment on. The lock is ACCESS EXCLUSIVE \
                on the table, and on every table that it references.",
            safe: "first deploy code that does not use the table any more; drop its foreign keys one by one before, \
                with a lock_timeout",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::DropTable { table } = case.action() else { return None };
        Some(
            Verdict::warning(format!(
                "drops {table}: code that still uses it fails, and tables that it references are locked too"
            ))
            .about(Scope::Everything)
            .at_any_size(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_dropped_table_breaks_the_code_that_runs() {
        lint_finds("drop-table", "op.drop_table('t')");
        lint_finds("drop-table", "op.execute('DROP TABLE IF EXISTS a, b')");
    }

    #[test]
    fn a_scratch_table_may_go() {
        lint_ok("drop-table", "op.create_table('scratch', sa.Column('a', sa.Integer()))\nop.drop_table('scratch')");
    }
}
