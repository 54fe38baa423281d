use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::Action;

/// The rule `refresh-materialized-view`.
pub(super) struct RefreshMaterializedView;

impl Rule for RefreshMaterializedView {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "refresh-materialized-view",
            title: "a materialized view is refreshed while its readers wait",
            why: "REFRESH holds ACCESS EXCLUSIVE on the view for as long as its query takes.",
            safe: "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index, outside of the migration",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::RefreshMaterializedView { view, concurrently: false } = case.action() else { return None };
        Some(Verdict::error(format!("refreshes {view}: nobody can read it until that is done")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_plain_refresh_blocks_readers() {
        lint_finds("refresh-materialized-view", "op.execute('REFRESH MATERIALIZED VIEW v')");
    }

    #[test]
    fn a_concurrent_one_does_not() {
        lint_ok("refresh-materialized-view", "op.execute('REFRESH MATERIALIZED VIEW CONCURRENTLY v')");
    }
}
