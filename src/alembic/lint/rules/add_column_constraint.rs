use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `add-column-constraint`.
pub(super) struct AddColumnConstraint;

impl Rule for AddColumnConstraint {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "add-column-constraint",
            title: "a new column comes with an index, UNIQUE or CHECK",
            why: "The index is built, or the check reads every row, under the ACCESS EXCLUSIVE lock that adding the \
                column took.",
            safe: "add the column alone, then build the index with postgresql_concurrently=True inside \
                autocommit_block(), or add the check with postgresql_not_valid=True and validate it later",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddColumn { table, column } = case.action() else { return None };
        let what = match (column.unique, column.indexed, column.checked) {
            (true, _, _) => "builds a unique index",
            (_, true, _) => "builds an index",
            (_, _, true) => "checks every row",
            _ => return None,
        };
        Some(Verdict::error(format!("adds a column and {what} in one go: {table} cannot be read meanwhile")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn an_index_or_check_beside_the_column_works_under_its_lock() {
        lint_finds("add-column-constraint", "op.add_column('t', sa.Column('a', sa.Integer(), unique=True))");
        lint_finds("add-column-constraint", "op.add_column('t', sa.Column('a', sa.Integer(), index=True))");
        lint_finds("add-column-constraint", "op.execute('ALTER TABLE t ADD a int CHECK (a > 0)')");
    }

    #[test]
    fn a_plain_column_has_none() {
        lint_ok("add-column-constraint", "op.add_column('t', sa.Column('a', sa.Integer(), unique=False))");
    }
}
