use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Fill};

/// The rule `add-column-volatile-default`.
pub(super) struct AddColumnVolatileDefault;

impl Rule for AddColumnVolatileDefault {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "add-column-volatile-default",
            title: "a new column has a default that differs from row to row",
            why: "A constant or now() is kept once in the catalog; a volatile default such as gen_random_uuid() or \
                clock_timestamp() is computed for each row, so that the table and its indexes are rewritten under \
                ACCESS EXCLUSIVE.",
            safe: "add the column without the default, set the default with alter_column() for new rows, and fill \
                the old ones in batches",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddColumn { table, column } = case.action() else { return None };
        let name = column.name.as_deref().unwrap_or("?");
        match column.fill {
            Fill::Volatile => Some(Verdict::error(format!(
                "adds `{name}` with a volatile default: {table} is rewritten while nobody can read it"
            ))),
            Fill::Unknown => Some(Verdict::warning(format!(
                "adds `{name}` with a default that may be volatile: if it is, {table} is rewritten while nobody can \
                 read it"
            ))),
            Fill::Nothing | Fill::Constant => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_volatile_default_rewrites() {
        lint_finds(
            "add-column-volatile-default",
            "op.add_column('t', sa.Column('a', sa.Uuid(), server_default=sa.text('gen_random_uuid()')))",
        );
        lint_finds(
            "add-column-volatile-default",
            "op.add_column('t', sa.Column('a', sa.Float(), server_default=sa.func.random()))",
        );
        lint_finds(
            "add-column-volatile-default",
            "op.execute('ALTER TABLE t ADD a timestamptz DEFAULT clock_timestamp()')",
        );
    }

    #[test]
    fn a_constant_and_now_do_not() {
        lint_ok(
            "add-column-volatile-default",
            "op.add_column('t', sa.Column('a', sa.DateTime(), server_default=sa.func.now()))",
        );
        lint_ok(
            "add-column-volatile-default",
            "op.add_column('t', sa.Column('a', sa.Text(), server_default=sa.text(\"'x'::text\")))",
        );
    }
}
