use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `create-table-foreign-key`.
pub(super) struct CreateTableForeignKey;

impl Rule for CreateTableForeignKey {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-table-foreign-key",
            title: "a new table references one that is in use",
            why: "SHARE ROW EXCLUSIVE is taken on the referenced table until the transaction ends: writes to it \
                wait.",
            safe: "set a lock_timeout, keep the transaction short, or add the foreign key in a migration of its own",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::CreateTable { table, references, .. } = case.action() else { return None };
        (!references.is_empty()).then(|| {
            Verdict::warning(format!(
                "the new table {table} references it: writes to it wait until the transaction ends"
            ))
            .about(Scope::Beside)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn the_referenced_table_is_locked() {
        lint_finds(
            "create-table-foreign-key",
            "op.create_table('t', sa.Column('a', sa.Integer(), sa.ForeignKey('p.id')))",
        );
        lint_finds(
            "create-table-foreign-key",
            "op.create_table('t', sa.Column('a', sa.Integer()), sa.ForeignKeyConstraint(['a'], ['s.p.id']))",
        );
        lint_finds("create-table-foreign-key", "op.execute('CREATE TABLE t (a int REFERENCES p)')");
    }

    #[test]
    fn one_that_is_new_too_is_not() {
        lint_ok(
            "create-table-foreign-key",
            "op.create_table('p', sa.Column('id', sa.Integer()))\n\
             op.create_table('t', sa.Column('a', sa.Integer(), sa.ForeignKey('p.id')), sa.Column('b', sa.Integer(), \
             sa.ForeignKey('t.a')))",
        );
    }
}
