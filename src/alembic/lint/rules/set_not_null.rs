use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `set-not-null`.
pub(super) struct SetNotNull;

impl Rule for SetNotNull {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "set-not-null",
            title: "a column becomes NOT NULL",
            why: "PostgreSQL reads the whole table under ACCESS EXCLUSIVE to look for NULL, unless a valid CHECK \
                already proves that there is none.",
            safe: "add CHECK (column IS NOT NULL) as NOT VALID, VALIDATE it in a later transaction, then SET NOT \
                NULL and drop the check; PostgreSQL 18 has ADD CONSTRAINT ... NOT NULL column NOT VALID",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let (Action::SetNotNull { table, column }
        | Action::AddConstraint { table, constraint: Constraint::NotNull { column, .. }, .. }) = case.action()
        else {
            return None;
        };
        let column = column.as_deref().unwrap_or("?");
        let scans = case.changed()?.scans;
        scans.then(|| {
            Verdict::error(format!("makes `{column}` NOT NULL: {table} is read through while nobody can use it"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn set_not_null_reads_the_table() {
        lint_finds("set-not-null", "op.alter_column('t', 'a', nullable=False)");
        lint_finds("set-not-null", "op.execute('ALTER TABLE t ALTER a SET NOT NULL')");
        lint_finds(
            "set-not-null",
            "with op.batch_alter_table('t') as b:\n    b.alter_column('a', existing_type=sa.Text(), nullable=False)",
        );
    }

    #[test]
    fn a_validated_check_spares_the_scan() {
        lint_ok(
            "set-not-null",
            "op.create_check_constraint('c', 't', 'a IS NOT NULL', postgresql_not_valid=True)\n\
             op.execute('ALTER TABLE t VALIDATE CONSTRAINT c')\nop.alter_column('t', 'a', nullable=False)",
        );
        lint_ok("set-not-null", "op.alter_column('t', 'a', nullable=True)");
    }
}
