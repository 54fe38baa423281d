use super::{Case, Definition, Rule, Scope, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `truncate`.
pub(super) struct Truncate;

impl Rule for Truncate {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "truncate",
            title: "a table is truncated",
            why: "ACCESS EXCLUSIVE on the table, and with CASCADE on every table that references it, which are \
                emptied too.",
            safe: "DELETE in batches, or TRUNCATE with a lock_timeout once nothing uses the table; never CASCADE",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::Truncate { table, cascade } = case.action() else { return None };
        let too = if *cascade { ", and every table that references it is emptied too" } else { "" };
        Some(
            Verdict::warning(format!("empties {table}{too}: nobody can read it until the transaction ends"))
                .about(Scope::Everything)
                .at_any_size(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn truncate_takes_the_table() {
        lint_finds("truncate", "op.execute('TRUNCATE TABLE a, b CASCADE')");
    }

    #[test]
    fn delete_does_not() {
        lint_ok("truncate", "op.execute('DELETE FROM a')");
    }
}
