//! The two verbs of the rules' tests.

use crate::alembic::lint::{Knowledge, Options, judge, read};

/// The rules that find something in a file.
pub(super) fn rules_of(source: &str) -> Vec<&'static str> {
    let migration = read("test.py", source).expect("the test's own file parses");
    judge(&migration, &mut Knowledge::default(), &Options::default()).iter().map(|finding| finding.rule).collect()
}

fn rules_of_upgrade(body: &str) -> Vec<&'static str> {
    let body = body.replace('\n', "\n    ");
    rules_of(&format!(
        "import sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy.dialects import postgresql\nfrom app import something, tables\n\
         revision = 'b'\ndown_revision = 'a'\n\ndef upgrade():\n    {body}\n\ndef downgrade():\n    op.execute('SELECT 1')\n"
    ))
}

/// Asserts that the rule finds something in a body of `upgrade()`.
pub(super) fn lint_finds(rule: &str, body: &str) {
    let found = rules_of_upgrade(body);
    assert!(found.contains(&rule), "{rule} is missing among {found:?} of\n    {body}");
}

/// Asserts that the rule finds nothing in it.
pub(super) fn lint_ok(rule: &str, body: &str) {
    let found = rules_of_upgrade(body);
    assert!(!found.contains(&rule), "{rule} is wrong about\n    {body}");
}
