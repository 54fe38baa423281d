use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `change-referenced-key-type`.
pub(super) struct ChangeReferencedKeyType;

impl Rule for ChangeReferencedKeyType {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "change-referenced-key-type",
            title: "the type of a column changes that other tables reference",
            why: "The foreign key is made again: the referencing table is locked in ACCESS EXCLUSIVE and checked as \
                well.",
            safe: "add new columns on both sides, fill them in batches, and move the foreign key over with NOT VALID \
                and VALIDATE",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::ChangeType { table, column, .. } = case.action() else { return None };
        let column = column.as_deref().unwrap_or("?");
        Some(
            Verdict::error(format!(
                "changes the type of `{column}` in {table}: a foreign key refers to it, so that \
            this table is locked and checked too"
            ))
            .about(Scope::Beside),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn the_referencing_table_is_locked_too() {
        lint_finds(
            "change-referenced-key-type",
            "op.create_foreign_key('f', 'child', 't', ['t_id'], ['id'])\n\
             op.alter_column('t', 'id', existing_type=sa.Integer(), type_=sa.BigInteger())",
        );
    }

    #[test]
    fn a_column_that_nobody_references_is_alone() {
        lint_ok(
            "change-referenced-key-type",
            "op.create_foreign_key('f', 'child', 't', ['t_id'], ['id'])\n\
             op.alter_column('t', 'a', existing_type=sa.Integer(), type_=sa.BigInteger())",
        );
        lint_ok(
            "change-referenced-key-type",
            "op.alter_column('t', 'id', existing_type=sa.Integer(), type_=sa.BigInteger())",
        );
    }
}
