use super::{Case, Definition, Rule, Verdict, waiting};
use crate::alembic::lint::operation::Action;

/// The rule `lock-table`.
pub(super) struct LockTable;

impl Rule for LockTable {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "lock-table",
            title: "a table is locked by hand",
            why: "The lock is held until the transaction ends, whatever else the migration does.",
            safe: "leave it to the statements that need a lock; if one is needed, keep the transaction short and set \
                a lock_timeout",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::LockTable { table, lock } = case.action() else { return None };
        lock.stops_writers()
            .then(|| Verdict::warning(format!("locks {table}: {} waits until the transaction ends", waiting(*lock))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_strong_lock_by_hand_is_told() {
        lint_finds("lock-table", "op.execute('LOCK TABLE t')");
        lint_finds("lock-table", "op.execute('LOCK TABLE t IN SHARE MODE')");
    }

    #[test]
    fn a_weak_one_is_not() {
        lint_ok("lock-table", "op.execute('LOCK TABLE t IN ROW SHARE MODE')");
    }
}
