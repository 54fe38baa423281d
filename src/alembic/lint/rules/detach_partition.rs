use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `detach-partition`.
pub(super) struct DetachPartition;

impl Rule for DetachPartition {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "detach-partition",
            title: "a partition is detached while everybody waits",
            why: "ACCESS EXCLUSIVE is taken on the parent: all its partitions are out of reach until the transaction \
                ends.",
            safe: "DETACH PARTITION ... CONCURRENTLY (PostgreSQL 14 and newer) inside `with \
                op.get_context().autocommit_block():`",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::DetachPartition { parent, partition, concurrently } = case.action() else { return None };
        let message = match (concurrently, case.options.postgres) {
            (true, ..14) => "DETACH PARTITION ... CONCURRENTLY needs PostgreSQL 14".to_owned(),
            (true, _) => return None,
            (false, _) => format!("detaches {partition}: {parent} cannot be used until the transaction ends"),
        };
        Some(Verdict::warning(message).about(Scope::Everything))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn detaching_takes_the_parent() {
        lint_finds("detach-partition", "op.execute('ALTER TABLE p DETACH PARTITION t')");
    }

    #[test]
    fn other_parts_of_alter_table_do_not() {
        lint_ok("detach-partition", "op.execute('ALTER TABLE p NO INHERIT t')");
    }
}
