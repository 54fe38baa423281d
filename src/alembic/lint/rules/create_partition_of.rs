use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `create-partition-of`.
pub(super) struct CreatePartitionOf;

impl Rule for CreatePartitionOf {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-partition-of",
            title: "a partition is created in place",
            why: "CREATE TABLE ... PARTITION OF takes ACCESS EXCLUSIVE on the parent: all its partitions are out of \
                reach until the transaction ends.",
            safe: "CREATE TABLE (LIKE parent), then ALTER TABLE parent ATTACH PARTITION, which takes only SHARE \
                UPDATE EXCLUSIVE on the parent",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::CreateTable { table, partition_of: Some(parent), .. } = case.action() else { return None };
        Some(
            Verdict::warning(format!(
                "creates the partition {table}: {parent} cannot be used until the transaction ends"
            ))
            .about(Scope::Beside),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_partition_in_place_takes_the_parent() {
        lint_finds("create-partition-of", "op.execute('CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (2)')");
    }

    #[test]
    fn a_plain_table_does_not() {
        lint_ok("create-partition-of", "op.execute('CREATE TABLE t (LIKE p INCLUDING ALL)')");
    }
}
