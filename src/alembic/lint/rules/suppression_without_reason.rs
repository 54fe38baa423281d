use super::{Definition, RULES, Rule, Verdict};
use crate::alembic::lint::reader::Migration;

/// The rule `suppression-without-reason`.
pub(super) struct SuppressionWithoutReason;

impl Rule for SuppressionWithoutReason {
    fn definition(&self) -> &'static Definition {
        &Definition {
            id: "suppression-without-reason",
            title: "a suppression without a reason, or of a rule that does not exist",
            why: "Whoever reads `# pgwarden: ignore[rule]` later cannot tell whether it still holds.",
            safe: "write `# pgwarden: ignore[rule] why it does not matter here`",
        }
    }

    fn check_file(&self, migration: &Migration) -> Vec<(usize, Verdict)> {
        let complaint = |suppression: &crate::alembic::lint::source::Suppression| {
            let unknown =
                suppression.rules.iter().find(|rule| RULES.iter().all(|known| known.definition().id != **rule));
            match unknown {
                Some(rule) => Some(format!("there is no rule `{rule}`")),
                None if suppression.rules.is_empty() => Some("names no rule".to_owned()),
                None if suppression.reason.is_empty() => Some("does not say why".to_owned()),
                None => None,
            }
        };
        migration
            .suppressions
            .iter()
            .filter_map(|suppression| Some((suppression.line, Verdict::info(complaint(suppression)?))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{lint_finds, lint_ok};

    #[test]
    fn a_reason_and_a_rule_are_required() {
        lint_finds("suppression-without-reason", "op.drop_table('t')  # pgwarden: ignore[drop-table]");
        lint_finds("suppression-without-reason", "op.drop_table('t')  # pgwarden: ignore[drop-tabel] gone since May");
    }

    #[test]
    fn with_both_the_finding_is_gone() {
        lint_ok("suppression-without-reason", "op.drop_table('t')  # pgwarden: ignore[drop-table] gone since May");
        lint_ok("drop-table", "# pgwarden: ignore[drop-table] gone since May\nop.drop_table('t')");
        lint_finds("drop-table", "op.drop_table('t')  # pgwarden: ignore[drop-table]");
    }
}
