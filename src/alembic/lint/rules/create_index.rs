use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `create-index`.
pub(super) struct CreateIndex;

impl Rule for CreateIndex {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-index",
            title: "an index is built while writes wait",
            why: "CREATE INDEX holds SHARE on the table for as long as it takes to read and sort it: every INSERT, \
                UPDATE and DELETE waits.",
            safe: "op.create_index(..., postgresql_concurrently=True) inside `with \
                op.get_context().autocommit_block():`",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::CreateIndex { table, name, concurrently: false, .. } = case.action() else { return None };
        let name = name.as_deref().map_or("an index".to_owned(), |name| format!("index `{name}`"));
        Some(Verdict::error(format!("builds {name}: every write to {table} waits until it is done")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_plain_index_blocks_writes() {
        lint_finds("create-index", "op.create_index('i', 't', ['a'])");
        lint_finds(
            "create-index",
            "with op.batch_alter_table('t') as b:\n    b.create_index(b.f('i'), ['a'], unique=True)",
        );
        lint_finds("create-index", "op.execute('CREATE UNIQUE INDEX i ON s.t (a)')");
    }

    #[test]
    fn a_concurrent_one_and_one_on_a_new_table_do_not() {
        lint_ok(
            "create-index",
            "with op.get_context().autocommit_block():\n    op.create_index('i', 't', ['a'], \
             postgresql_concurrently=True)",
        );
        lint_ok(
            "create-index",
            "op.create_table('t', sa.Column('a', sa.Integer()))\n\
            op.create_index('i', 't', ['a'])",
        );
    }
}
