use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `validate-in-same-transaction`.
pub(super) struct ValidateInSameTransaction;

impl Rule for ValidateInSameTransaction {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "validate-in-same-transaction",
            title: "NOT VALID and VALIDATE in one transaction",
            why: "The lock that adding the constraint took is held until the end of the transaction, so that \
                VALIDATE, which needs little by itself, reads the table under it.",
            safe: "validate in a migration of its own, or inside `with op.get_context().autocommit_block():`",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::ValidateConstraint { table, name } = case.action() else { return None };
        let added = case.same_transaction().find(|seen| match &seen.step.action {
            Action::AddConstraint { table: there, name: added, constraint } => {
                there.is(table) && added == name && constraint.is_not_valid()
            }
            _ => false,
        })?;
        let lock = added.changed()?.lock;
        let message = format!(
            "validates in the transaction that added the constraint: {table} is read through under {}",
            lock.name()
        );
        Some(Verdict::error(message).about(Scope::Everything).under(lock))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn one_transaction_spoils_not_valid() {
        lint_finds(
            "validate-in-same-transaction",
            "op.create_foreign_key('f', 't', 'p', ['a'], ['id'], postgresql_not_valid=True)\n\
             op.execute('ALTER TABLE t VALIDATE CONSTRAINT f')",
        );
    }

    #[test]
    fn two_transactions_do_not() {
        lint_ok(
            "validate-in-same-transaction",
            "op.create_foreign_key('f', 't', 'p', ['a'], ['id'], postgresql_not_valid=True)\n\
             with op.get_context().autocommit_block():\n    op.execute('ALTER TABLE t VALIDATE CONSTRAINT f')",
        );
    }
}
