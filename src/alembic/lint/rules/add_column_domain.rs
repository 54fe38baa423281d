use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Fill};

/// The rule `add-column-domain`.
pub(super) struct AddColumnDomain;

impl Rule for AddColumnDomain {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "add-column-domain",
            title: "a new column is of a domain with constraints",
            why: "PostgreSQL checks the domain row by row and rewrites the table under ACCESS EXCLUSIVE while it \
                does.",
            safe: "add the column with the domain's base type, fill it in batches, and add the check as NOT VALID \
                before it is validated",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddColumn { table, column } = case.action() else { return None };
        let others = matches!(column.fill, Fill::Volatile | Fill::Unknown) || column.generated.is_some();
        let found = !others && case.changed()?.rewrites;
        found.then(|| {
            Verdict::error(format!(
                "adds a column of a constrained domain: {table} is rewritten while nobody can read it"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_domain_with_a_check_rewrites() {
        lint_finds(
            "add-column-domain",
            "op.execute('CREATE DOMAIN positive AS int CHECK (VALUE > 0)')\n\
             op.execute('ALTER TABLE t ADD a positive DEFAULT 1')",
        );
        lint_finds(
            "add-column-domain",
            "op.add_column('t', sa.Column('a', postgresql.DOMAIN('p', sa.Integer(), check='VALUE > 0'), \
             server_default='1'))",
        );
    }

    #[test]
    fn a_domain_without_constraints_and_an_enum_do_not() {
        lint_ok(
            "add-column-domain",
            "op.execute('CREATE DOMAIN plain AS int')\nop.execute('ALTER TABLE t ADD a plain DEFAULT 1')",
        );
        lint_ok(
            "add-column-domain",
            "op.add_column('t', sa.Column('a', sa.Enum('x', name='mood'), server_default='x'))",
        );
    }
}
