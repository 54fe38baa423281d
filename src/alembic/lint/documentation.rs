//! `docs/LINT.md`, written from the rules.

use std::fmt::Write;

use super::rules::RULES;

const INTRODUCTION: &str = include_str!("introduction.md");

/// The reference of all rules, as Markdown.
pub fn documentation() -> String {
    let mut page = INTRODUCTION.to_owned();
    for rule in RULES {
        let definition = rule.definition();
        // Writing into a String cannot fail.
        let _ = write!(
            page,
            "\n### {}\n\n**{}.** {}\n\nInstead: {}.\n",
            definition.id,
            capitalized(definition.title),
            definition.why,
            definition.safe
        );
    }
    page
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_reference_in_docs_is_what_the_rules_say() {
        let written = include_str!("../../../docs/LINT.md");
        assert!(written == documentation(), "run `pgwarden lint --rules > docs/LINT.md`");
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_and_says_why() {
        let mut ids = HashSet::new();
        for rule in RULES {
            let definition = rule.definition();
            assert!(ids.insert(definition.id), "{} is there twice", definition.id);
            assert!(
                definition.id.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'),
                "{}",
                definition.id
            );
            assert!(definition.why.ends_with('.') && !definition.safe.ends_with('.'), "{}", definition.id);
        }
    }
}
