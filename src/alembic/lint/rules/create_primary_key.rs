use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `create-primary-key`.
pub(super) struct CreatePrimaryKey;

impl Rule for CreatePrimaryKey {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "create-primary-key",
            title: "a primary key builds its index while everybody waits",
            why: "The index is built under ACCESS EXCLUSIVE, and columns that may be NULL are checked as well.",
            safe: "build a unique index concurrently, make the columns NOT NULL as `set-not-null` says, then ADD \
                CONSTRAINT ... PRIMARY KEY USING INDEX",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddConstraint { table, constraint: Constraint::PrimaryKey { using_index: false, .. }, .. } =
            case.action()
        else {
            return None;
        };
        Some(Verdict::error(format!("builds the index of the primary key: {table} cannot be read until it is done")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_primary_key_builds_under_the_lock() {
        lint_finds("create-primary-key", "op.create_primary_key('pk', 't', ['a'])");
        lint_finds("create-primary-key", "op.execute('ALTER TABLE t ADD PRIMARY KEY (a)')");
    }

    #[test]
    fn using_an_index_does_not() {
        lint_ok("create-primary-key", "op.execute('ALTER TABLE t ADD PRIMARY KEY USING INDEX i')");
    }
}
