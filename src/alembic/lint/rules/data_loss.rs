use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::data_type::narrows;
use crate::alembic::lint::operation::Action;

/// The rule `data-loss`.
pub(super) struct DataLoss;

impl Rule for DataLoss {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "data-loss",
            title: "data is lost",
            why: "downgrade() cannot bring back what a dropped column or table, a TRUNCATE or a narrower type held.",
            safe: "expand, migrate, contract: keep the old form until nothing needs it, and a backup of what is \
                dropped",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let lost = match case.action() {
            Action::DropColumn { table, column } => {
                format!("the values of `{}` in {table} are gone", column.as_deref().unwrap_or("?"))
            }
            Action::DropTable { table } | Action::Truncate { table, .. } => format!("the rows of {table} are gone"),
            Action::ChangeType { table, column, from, to, .. } if narrows(from.as_ref(), to.as_ref()) => {
                format!(
                    "values of `{}` in {table} that do not fit are rounded, cut, or make the migration fail",
                    column.as_deref().unwrap_or("?")
                )
            }
            _ => return None,
        };
        Some(Verdict::warning(lost).at_any_size())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn what_is_dropped_or_narrowed_is_lost() {
        lint_finds("data-loss", "op.drop_column('t', 'a')");
        lint_finds("data-loss", "op.drop_table('t')");
        lint_finds("data-loss", "op.execute('TRUNCATE t')");
        lint_finds(
            "data-loss",
            "op.alter_column('t', 'a', existing_type=sa.Numeric(10, 4), type_=sa.Numeric(10, \
            2))",
        );
    }

    #[test]
    fn a_wider_type_loses_nothing() {
        lint_ok("data-loss", "op.alter_column('t', 'a', existing_type=sa.Integer(), type_=sa.BigInteger())");
    }
}
