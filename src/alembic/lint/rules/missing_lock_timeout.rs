use super::{Case, Definition, Rule, Seen, Verdict};

/// The rule `missing-lock-timeout`.
pub(super) struct MissingLockTimeout;

impl Rule for MissingLockTimeout {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "missing-lock-timeout",
            title: "no lock_timeout",
            why: "A lock that has to wait for one long query makes every later query on the table wait behind it: \
                the queue grows until the application is down.",
            safe: "SET lock_timeout to 2-10 s and retry; best once for all migrations in env.py (connect_args \
                options, or a SET after connecting)",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let queues = |seen: &Seen| seen.effects.iter().any(|effect| effect.lock.stops_writers());
        let first = queues(case.seen()) && !case.all[..case.at].iter().any(queues);
        let found = first && case.lock_timeout() == 0 && !case.options.lock_timeout_is_set;
        found.then(|| {
            Verdict::warning("waits for its lock without limit, and every later query on the table waits behind it")
                .about(super::Scope::Everything)
                .at_any_size()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn the_first_lock_has_no_limit() {
        lint_finds("missing-lock-timeout", "op.drop_column('t', 'a')");
        lint_finds(
            "missing-lock-timeout",
            "with op.get_context().autocommit_block():\n    op.execute(\"SET LOCAL lock_timeout = '5s'\")\n\
             op.drop_column('t', 'a')",
        );
    }

    #[test]
    fn a_limit_or_no_lock_is_fine() {
        lint_ok("missing-lock-timeout", "op.execute(\"SET LOCAL lock_timeout = '5s'\")\nop.drop_column('t', 'a')");
        lint_ok(
            "missing-lock-timeout",
            "op.execute(\"SELECT set_config('lock_timeout', '5s', true)\")\nop.drop_column('t', 'a')",
        );
        lint_ok("missing-lock-timeout", "op.create_table('t', sa.Column('a', sa.Integer()))");
    }
}
