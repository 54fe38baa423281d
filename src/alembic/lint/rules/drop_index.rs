use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `drop-index`.
pub(super) struct DropIndex;

impl Rule for DropIndex {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "drop-index",
            title: "an index is dropped while everybody waits",
            why: "DROP INDEX takes ACCESS EXCLUSIVE on the table: briefly, but it waits for the oldest query on it \
                and everybody queues behind.",
            safe: "op.drop_index(..., postgresql_concurrently=True) inside `with \
                op.get_context().autocommit_block():`",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::DropIndex { name, concurrently: false, .. } = case.action() else { return None };
        let table = &case.changed()?.table;
        let name = name.as_deref().unwrap_or("?");
        Some(Verdict::warning(format!(
            "drops index `{name}`: queries on {table} queue behind it, and those that used it become slow"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_plain_drop_takes_the_table() {
        lint_finds("drop-index", "op.drop_index('i', table_name='t')");
        lint_finds("drop-index", "op.execute('DROP INDEX i')");
    }

    #[test]
    fn a_concurrent_drop_does_not() {
        lint_ok(
            "drop-index",
            "with op.get_context().autocommit_block():\n    op.drop_index('i', 't', postgresql_concurrently=True)",
        );
    }
}
