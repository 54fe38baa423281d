use super::{Case, Definition, Rule, Scope, Verdict, waiting};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `brief-lock`.
pub(super) struct BriefLock;

impl Rule for BriefLock {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "brief-lock",
            title: "a lock that is held only briefly",
            why: "Nothing is read or rewritten, but the lock still waits for the oldest query on the table, and \
                later queries wait behind it.",
            safe: "set a lock_timeout and retry",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let effect = case.changed()?;
        let told_elsewhere = match case.action() {
            Action::AddColumn { column, .. } => !column.references.is_empty(),
            Action::AddConstraint { constraint, .. } => matches!(constraint, Constraint::Exclude),
            Action::DropConstraint { foreign_key, .. } => {
                *foreign_key == Some(true) || case.seen().effects.iter().any(|effect| effect.beside)
            }
            Action::SetNotNull { .. } | Action::ChangeType { .. } | Action::Other { .. } => false,
            _ => true,
        };
        let found = !told_elsewhere && effect.lock.stops_writers() && !effect.scans && !effect.rewrites;
        found.then(|| {
            Verdict::info(format!("{} on {} waits for it, briefly", waiting(effect.lock), effect.table))
                .about(Scope::Everything)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_plain_column_or_trigger_locks_briefly() {
        lint_finds("brief-lock", "op.add_column('t', sa.Column('a', sa.Integer()))");
        lint_finds("brief-lock", "op.alter_column('t', 'a', server_default=None)");
        lint_finds(
            "brief-lock",
            "op.execute('CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION \
            f()')",
        );
        lint_finds("brief-lock", "op.create_foreign_key('f', 't', 'p', ['a'], ['id'], postgresql_not_valid=True)");
    }

    #[test]
    fn what_locks_only_against_schema_changes_is_no_news() {
        lint_ok("brief-lock", "op.execute('ALTER TABLE t VALIDATE CONSTRAINT c')");
        lint_ok("brief-lock", "op.create_table_comment('t', 'x')");
    }
}
