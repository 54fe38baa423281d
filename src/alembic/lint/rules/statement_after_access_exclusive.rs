use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;
use crate::locks::LockMode;

/// The rule `statement-after-access-exclusive`.
pub(super) struct StatementAfterAccessExclusive;

impl Rule for StatementAfterAccessExclusive {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "statement-after-access-exclusive",
            title: "more work under an ACCESS EXCLUSIVE lock",
            why: "A lock is held until the transaction ends: what follows, and the wait for its own locks, prolongs \
                the time in which nobody can read the first table.",
            safe: "one locking statement per transaction: split the migration and set transaction_per_migration=True \
                in env.py, or use `with op.get_context().autocommit_block():`",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let step = case.seen().step;
        if matches!(step.action, Action::WriteRows { .. }) {
            return None;
        }
        let mine = case.changed()?;
        let earlier =
            case.before().filter(|seen| step.transaction.is_some() && seen.step.transaction == step.transaction);
        let held = earlier
            .flat_map(|seen| &seen.effects)
            .find(|effect| effect.lock == LockMode::AccessExclusive && (mine.scans || !effect.table.is(&mine.table)))?;
        let message = format!(
            "runs while {} is still locked in ACCESS EXCLUSIVE: nobody can read it until this is done too",
            held.table
        );
        Some(if mine.scans { Verdict::warning(message) } else { Verdict::info(message) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_slow_statement_prolongs_the_lock() {
        lint_finds("statement-after-access-exclusive", "op.drop_column('t', 'a')\nop.create_index('i', 'u', ['b'])");
        lint_finds("statement-after-access-exclusive", "op.drop_column('t', 'a')\nop.drop_column('u', 'b')");
    }

    #[test]
    fn two_branches_or_transactions_do_not() {
        lint_ok(
            "statement-after-access-exclusive",
            "if something():\n    op.drop_column('t', 'a')\nelse:\n    op.create_index('i', 'u', ['b'])",
        );
        lint_ok(
            "statement-after-access-exclusive",
            "op.drop_column('t', 'a')\nwith op.get_context().autocommit_block():\n    op.create_index('i', 'u', \
             ['b'])",
        );
        lint_ok("statement-after-access-exclusive", "op.drop_column('t', 'a')\nop.drop_column('t', 'b')");
    }
}
