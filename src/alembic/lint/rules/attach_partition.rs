use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `attach-partition`.
pub(super) struct AttachPartition;

impl Rule for AttachPartition {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "attach-partition",
            title: "a table is attached as a partition",
            why: "The attached table is locked in ACCESS EXCLUSIVE and read through, unless a valid CHECK already \
                shows that its rows fit; the parent is locked in SHARE UPDATE EXCLUSIVE.",
            safe: "add a CHECK that matches the bounds as NOT VALID, VALIDATE it, attach, then drop the CHECK",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AttachPartition { parent, partition } = case.action() else { return None };
        Some(
            Verdict::warning(format!(
                "attaches {partition} to {parent}: without a matching CHECK it is read through while nobody can use \
                 it"
            ))
            .about(Scope::Everything),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn attaching_reads_the_partition() {
        lint_finds("attach-partition", "op.execute(\"ALTER TABLE p ATTACH PARTITION t FOR VALUES IN ('a')\")");
    }

    #[test]
    fn attaching_an_index_does_not() {
        lint_ok("attach-partition", "op.execute('ALTER INDEX i ATTACH PARTITION j')");
    }
}
