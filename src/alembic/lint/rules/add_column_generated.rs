use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Generated};

/// The rule `add-column-generated`.
pub(super) struct AddColumnGenerated;

impl Rule for AddColumnGenerated {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "add-column-generated",
            title: "a new column is identity, serial or computed",
            why: "Each existing row gets a value of its own, so that the table and its indexes are rewritten under \
                ACCESS EXCLUSIVE.",
            safe: "add a plain nullable column, keep it filled by a trigger or the application, fill old rows in \
                batches, and attach the sequence or drop the trigger at the end",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddColumn { table, column } = case.action() else { return None };
        let what = match column.generated? {
            Generated::Identity => "an identity column",
            Generated::Serial => "a serial column",
            Generated::Stored => "a stored computed column",
            Generated::Virtual => return None,
        };
        Some(Verdict::error(format!("adds {what}: {table} is rewritten while nobody can read it")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn identity_serial_and_computed_rewrite() {
        lint_finds("add-column-generated", "op.add_column('t', sa.Column('a', sa.Integer(), sa.Identity()))");
        lint_finds(
            "add-column-generated",
            "op.add_column('t', sa.Column('a', sa.Integer(), sa.Computed('b + 1', persisted=True)))",
        );
        lint_finds("add-column-generated", "op.execute('ALTER TABLE t ADD COLUMN a bigserial')");
    }

    #[test]
    fn a_virtual_column_is_computed_when_it_is_read() {
        lint_ok("add-column-generated", "op.execute('ALTER TABLE t ADD a int GENERATED ALWAYS AS (b + 1) VIRTUAL')");
    }
}
