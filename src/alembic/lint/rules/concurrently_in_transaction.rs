use super::{Case, Definition, Rule, Scope, Verdict};

/// The rule `concurrently-in-transaction`.
pub(super) struct ConcurrentlyInTransaction;

impl Rule for ConcurrentlyInTransaction {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "concurrently-in-transaction",
            title: "a statement that PostgreSQL refuses inside a transaction",
            why: "VACUUM, CREATE, DROP and REINDEX ... CONCURRENTLY and DETACH PARTITION ... CONCURRENTLY fail \
                inside a transaction block, and Alembic opens one around the migration.",
            safe: "put it inside `with op.get_context().autocommit_block():`, which commits what came before; best \
                alone in its migration",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let step = case.seen().step;
        let found = step.action.needs_no_transaction() && step.transaction.is_some();
        found.then(|| {
            Verdict::error("fails inside the transaction that Alembic opens").about(Scope::Always).at_any_size()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn concurrently_needs_an_autocommit_block() {
        lint_finds("concurrently-in-transaction", "op.create_index('i', 't', ['a'], postgresql_concurrently=True)");
        lint_finds("concurrently-in-transaction", "op.execute('DROP INDEX CONCURRENTLY i')");
        lint_finds(
            "concurrently-in-transaction",
            "with op.get_context().autocommit_block():\n    pass\nop.execute('REINDEX TABLE CONCURRENTLY t')",
        );
    }

    #[test]
    fn it_is_fine_in_one_or_after_a_commit() {
        lint_ok(
            "concurrently-in-transaction",
            "with op.get_context().autocommit_block():\n    op.execute('CREATE INDEX CONCURRENTLY i ON t (a)')",
        );
        lint_ok(
            "concurrently-in-transaction",
            "op.execute('COMMIT')\nop.create_index('i', 't', ['a'], postgresql_concurrently=True)",
        );
    }
}
