use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `opaque`.
pub(super) struct Opaque;

impl Rule for Opaque {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "opaque",
            title: "something that cannot be read",
            why: "An imported helper, SQL that is put together while the migration runs, a loop over what the \
                database says: pgwarden cannot tell what it does, and says so rather than nothing.",
            safe: "look at it by hand; write names and SQL as literals where you can",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::Opaque { what } = case.action() else { return None };
        Some(Verdict::info(what.clone()).about(Scope::Always))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn what_is_not_in_the_file_is_told() {
        lint_finds("opaque", "op.execute(f'ALTER TABLE {something()} ADD a int')");
        lint_finds("opaque", "op.execute('DO $$ BEGIN PERFORM 1; END $$')");
        lint_finds("opaque", "for table in tables():\n    op.drop_table(table)");
        lint_finds("opaque", "op.execute('ALTER TABEL t')");
    }

    #[test]
    fn names_that_are_bound_to_literals_are_read() {
        lint_ok("opaque", "for table in ('a', 'b'):\n    op.execute(f'ALTER TABLE {table} ADD a int')");
    }
}
