use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `reindex`.
pub(super) struct Reindex;

impl Rule for Reindex {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "reindex",
            title: "indexes are rebuilt while others wait",
            why: "REINDEX holds SHARE on the table and ACCESS EXCLUSIVE on each index: writes wait, and so do reads \
                that plan with the index.",
            safe: "REINDEX ... CONCURRENTLY inside `with op.get_context().autocommit_block():`",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::Reindex { concurrently: false, .. } = case.action() else { return None };
        let table = &case.changed()?.table;
        Some(Verdict::error(format!("rebuilds indexes of {table}: writes wait, and reads that plan with them")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_plain_reindex_blocks() {
        lint_finds("reindex", "op.execute('REINDEX TABLE t')");
        lint_finds("reindex", "op.execute('REINDEX INDEX i')");
    }

    #[test]
    fn a_concurrent_one_does_not() {
        lint_ok(
            "reindex",
            "with op.get_context().autocommit_block():\n    op.execute('REINDEX TABLE CONCURRENTLY \
            t')",
        );
    }
}
