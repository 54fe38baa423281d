use super::{Case, Definition, Rule, Verdict};
use crate::alembic::lint::operation::{Action, Constraint};

/// The rule `primary-key-using-index`.
pub(super) struct PrimaryKeyUsingIndex;

impl Rule for PrimaryKeyUsingIndex {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "primary-key-using-index",
            title: "PRIMARY KEY USING INDEX on columns that may be NULL",
            why: "Columns that are not yet NOT NULL are made so, for which the whole table is read under ACCESS \
                EXCLUSIVE.",
            safe: "make the columns NOT NULL first, as `set-not-null` says",
        }
    }

    fn check(&self, case: &Case) -> Option<Verdict> {
        let Action::AddConstraint { table, constraint: Constraint::PrimaryKey { using_index: true, .. }, .. } =
            case.action()
        else {
            return None;
        };
        case.changed()?.scans.then(|| {
            Verdict::warning(format!(
                "unless the columns of the index are NOT NULL already, {table} is read through while nobody can use \
                 it"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn the_columns_may_be_nullable() {
        lint_finds(
            "primary-key-using-index",
            "op.execute('ALTER TABLE t ADD CONSTRAINT pk PRIMARY KEY USING INDEX i')",
        );
    }

    #[test]
    fn a_key_with_its_own_index_is_another_matter() {
        lint_ok("primary-key-using-index", "op.create_primary_key('pk', 't', ['a'])");
    }
}
