use super::{Case, Definition, Rule, Scope, Verdict, waiting};
use crate::alembic::lint::operation::Action;

/// The rule `backfill-with-ddl`.
pub(super) struct BackfillWithDdl;

impl Rule for BackfillWithDdl {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "backfill-with-ddl",
            title: "rows are written in the transaction of a schema change",
            why: "The schema change's lock is held until the transaction ends, so that everybody waits for as long \
                as the rows take; and rows that are written before it keep the transaction open while it queues for \
                its lock.",
            safe: "fill rows in a migration of its own, in batches that commit",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::WriteRows { table, .. } = case.action() else { return None };
        let locks = |seen: &&super::Seen| {
            !matches!(seen.step.action, Action::WriteRows { .. })
                && seen.effects.iter().any(|effect| effect.lock.stops_writers())
        };
        let other = case.same_transaction().find(locks)?;
        let held = other.effects.iter().max_by_key(|effect| effect.lock)?;
        Some(
            Verdict::warning(format!(
                "writes rows of {table} in the transaction in which `{}` (line {}) locks {}: {} there waits for both",
                other.step.operation,
                other.step.line,
                held.table,
                waiting(held.lock)
            ))
            .about(Scope::Always),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_backfill_holds_the_lock_of_the_change() {
        lint_finds(
            "backfill-with-ddl",
            "op.add_column('t', sa.Column('a', sa.Integer()))\nop.execute('UPDATE t SET a = 1')",
        );
        lint_finds(
            "backfill-with-ddl",
            "bind = op.get_bind()\nt = sa.table('t', sa.column('a'))\n\
             op.add_column('t', sa.Column('a', sa.Integer()))\n\
             bind.execute(t.update().where(t.c.a == 1).values(a=2))",
        );
        lint_finds(
            "backfill-with-ddl",
            "op.drop_column('u', 'a')\nop.bulk_insert(sa.table('t', sa.column('a')), [{'a': 1}])",
        );
    }

    #[test]
    fn alone_it_does_not() {
        lint_ok("backfill-with-ddl", "op.execute('UPDATE t SET a = 1')");
        lint_ok(
            "backfill-with-ddl",
            "op.add_column('t', sa.Column('a', sa.Integer()))\n\
             with op.get_context().autocommit_block():\n    op.execute('UPDATE t SET a = 1')",
        );
        lint_ok(
            "backfill-with-ddl",
            "t = op.create_table('t', sa.Column('a', sa.Integer()))\nop.bulk_insert(t, [{'a': 1}])",
        );
    }
}
