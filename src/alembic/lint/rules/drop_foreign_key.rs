use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `drop-foreign-key`.
pub(super) struct DropForeignKey;

impl Rule for DropForeignKey {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "drop-foreign-key",
            title: "a foreign key is dropped",
            why: "ACCESS EXCLUSIVE is taken on both tables, the referenced one included: briefly, but each waits for \
                the oldest query on it and everybody queues behind.",
            safe: "set a lock_timeout and retry; one foreign key per migration",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::DropConstraint { table, foreign_key, .. } = case.action() else { return None };
        let found = *foreign_key == Some(true) || case.seen().effects.iter().any(|effect| effect.beside);
        found.then(|| {
            Verdict::warning(format!(
                "drops a foreign key: {table} and the table that it references cannot be read meanwhile"
            ))
            .about(Scope::Everything)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn dropping_a_foreign_key_takes_both_tables() {
        lint_finds("drop-foreign-key", "op.drop_constraint('f', 't', type_='foreignkey')");
        lint_finds(
            "drop-foreign-key",
            "with op.batch_alter_table('t') as b:\n    b.drop_constraint('f', type_='foreignkey')",
        );
    }

    #[test]
    fn dropping_a_check_does_not() {
        lint_ok("drop-foreign-key", "op.drop_constraint('c', 't', type_='check')");
    }
}
