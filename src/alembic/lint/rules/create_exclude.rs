use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `create-exclude`.
pub(super) struct CreateExclude;

impl Rule for CreateExclude {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-exclude",
            title: "an exclusion constraint builds its index while everybody waits",
            why: "The index is built and every row compared under ACCESS EXCLUSIVE; there is no concurrent form.",
            safe: "add it while the table is small, or fill a new table that has it and switch the names",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddConstraint { table, constraint: Constraint::Exclude, .. } = case.action() else { return None };
        Some(Verdict::error(format!(
            "builds the index of an exclusion constraint: {table} cannot be read until it is done"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn an_exclusion_constraint_builds_under_the_lock() {
        lint_finds("create-exclude", "op.create_exclude_constraint('e', 't', ('during', '&&'), using='gist')");
        lint_finds(
            "create-exclude",
            "op.execute('ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (during WITH &&)')",
        );
    }

    #[test]
    fn a_new_table_has_nothing_to_compare() {
        lint_ok(
            "create-exclude",
            "op.create_table('t', sa.Column('during', sa.Text()))\n\
             op.create_exclude_constraint('e', 't', ('during', '='))",
        );
    }
}
