use super::{Definition, Rule, Verdict};
use crate::alembic::lint::reader::{Downgrade, Migration};

/// The rule `missing-downgrade`.
pub(super) struct MissingDowngrade;

impl Rule for MissingDowngrade {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "missing-downgrade",
            title: "there is no way back: no downgrade(), or an empty one",
            why: "When the new code must go back, the schema cannot. A merge of several heads needs none.",
            safe: "write it; if there is no way back, raise an exception that says so",
        }
    }

    fn check_file(&self, migration: &Migration) -> Vec<(usize, Verdict)> {
        if migration.is_merge || migration.steps.is_empty() {
            return Vec::new();
        }
        let verdict = match migration.downgrade {
            Downgrade::Missing => (migration.upgrade_line, Verdict::warning("there is no downgrade()")),
            Downgrade::Empty { line } => (line, Verdict::warning("downgrade() does nothing")),
            Downgrade::Refused { line } => (line, Verdict::info("downgrade() refuses: there is no way back")),
            Downgrade::Present => return Vec::new(),
        };
        vec![verdict]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::rules_of;

    const ID: &str = "missing-downgrade";

    #[test]
    fn it_must_be_there_and_do_something() {
        let head = "from alembic import op\nrevision = 'b'\ndown_revision = 'a'\n\
            def upgrade():\n    op.execute('UPDATE t SET a = 1')\n";
        assert!(rules_of(head).contains(&ID));
        assert!(rules_of(&format!("{head}def downgrade():\n    \"\"\"nothing\"\"\"\n    pass\n")).contains(&ID));
        assert!(!rules_of(&format!("{head}def downgrade():\n    op.execute('UPDATE t SET a = 0')\n")).contains(&ID));
    }

    #[test]
    fn a_merge_needs_none() {
        assert!(
            !rules_of(
                "from alembic import op\nrevision = 'c'\ndown_revision = ('a', 'b')\n\
            def upgrade():\n    op.execute('UPDATE t SET a = 1')\n"
            )
            .contains(&ID)
        );
    }
}
