use crate::alembic::lint::operation::Action;

/// Shorter than this, in milliseconds, some transaction outlasts it on most servers.
const SHORT: u64 = 60_000;
use super::{Case, Definition, Rule, Verdict};

/// The rule `concurrently-lock-timeout`.
pub(super) struct ConcurrentlyLockTimeout;

impl Rule for ConcurrentlyLockTimeout {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "concurrently-lock-timeout",
            title: "a concurrent index under a short lock_timeout",
            why: "CREATE INDEX CONCURRENTLY waits for every older transaction, and lock_timeout counts that wait: \
                when it fires, an invalid index is left behind that costs writes and helps no query.",
            safe: "SET lock_timeout to 0, or to longer than the longest transaction, for this statement alone, and \
                start with DROP INDEX CONCURRENTLY IF EXISTS",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let (Action::CreateIndex { concurrently: true, .. } | Action::Reindex { concurrently: true, .. }) =
            case.action()
        else {
            return None;
        };
        let timeout = case.lock_timeout();
        let found = timeout > 0 && timeout < SHORT;
        found.then(|| {
            Verdict::warning(format!(
                "a lock_timeout of {timeout} ms is in force: when an older \
            transaction outlasts it, an invalid index stays"
            ))
            .at_any_size()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_short_timeout_leaves_an_invalid_index() {
        lint_finds(
            "concurrently-lock-timeout",
            "op.execute(\"SET lock_timeout = '5s'\")\n\
             with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], \
             postgresql_concurrently=True)",
        );
    }

    #[test]
    fn none_or_a_long_one_does_not() {
        lint_ok(
            "concurrently-lock-timeout",
            "op.execute(\"SET LOCAL lock_timeout = '5s'\")\n\
             with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], \
             postgresql_concurrently=True)",
        );
        lint_ok(
            "concurrently-lock-timeout",
            "op.execute('SET lock_timeout = 5000')\nop.execute('SET lock_timeout TO 0')\n\
             op.execute('CREATE INDEX CONCURRENTLY i ON t (a)')",
        );
    }
}
