//! SQL text as typed operations: the same that the `op.*` calls become.

mod alter_table;
mod column;
mod dropped;
pub(super) mod expression;
mod names;
mod statement;
mod timeout;

use squawk_syntax::SourceFile;
use squawk_syntax::ast::AstNode;

use super::nesting::Nesting;
use super::operation::Action;

/// Stands for the part of a computed string that the file does not tell; a name with it is unknown.
pub(super) const PLACEHOLDER: &str = "pgwarden_unknown";

/// What one statement is to the migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A change, or a note that the statement cannot be read.
    Action(Action),
    /// `BEGIN`: what follows is one transaction.
    Begin,
    /// `COMMIT` or `ROLLBACK`: what follows is no longer in it.
    End,
}

/// One thing that SQL text does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its leading words, as in `ALTER TABLE ADD COLUMN`.
    pub operation: String,
    /// What it means.
    pub meaning: Meaning,
}

impl Statement {
    fn action(operation: &str, action: Action) -> Self {
        Self { operation: operation.to_owned(), meaning: Meaning::Action(action) }
    }
}

/// Reads SQL text in order. Statements that change no table and lock none leave nothing.
pub(super) fn read(text: &str) -> Vec<Statement> {
    let text = without_parameters(text);
    if is_too_deep(&text) {
        return vec![unreadable(&text)];
    }
    let parsed = SourceFile::parse(&text);
    let errors = parsed.errors();
    let mut statements = Vec::new();
    let mut read_to = 0;
    for statement in parsed.tree().stmts() {
        let range = statement.syntax().text_range();
        let broken =
            errors.iter().any(|error| error.range().start() >= range.start() && error.range().start() <= range.end());
        read_to = usize::from(range.end());
        if broken {
            statements.push(unreadable(&text[range.start().into()..range.end().into()]));
        } else {
            statements.extend(statement::read(&statement));
        }
    }
    if statements.is_empty() && !errors.is_empty()
        || errors.iter().any(|error| usize::from(error.range().start()) > read_to)
    {
        statements.push(unreadable(&text));
    }
    statements
}

fn is_too_deep(text: &str) -> bool {
    let mut nesting = Nesting::default();
    let mut in_word = false;
    for letter in text.chars() {
        let is_word = letter.is_alphanumeric() || letter == '_';
        match letter {
            '(' | '[' => nesting.open(),
            ')' | ']' => nesting.close(),
            ',' | ';' => nesting.next(),
            _ if is_word && in_word || letter.is_whitespace() => {}
            _ => nesting.token(),
        }
        in_word = is_word;
    }
    nesting.is_too_deep()
}

fn unreadable(sql: &str) -> Statement {
    let words = sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    Statement::action("SQL", Action::Opaque { what: format!("the SQL `{words} ...` is not understood") })
}

/// Bind parameters (`:name` of `sa.text`, `%s` and `%(name)s` of the driver) become `(NULL)`, which fits `IN` too;
/// escapes become what they stand for.
fn without_parameters(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\'', ':', '%', '\\', '$']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (taken, replacement) = special(rest, out.chars().next_back());
        out.push_str(replacement.unwrap_or(&rest[..taken]));
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// How many bytes belong to the special character at the start, and what they become (`None`: themselves).
fn special(text: &str, before: Option<char>) -> (usize, Option<&'static str>) {
    let name_length = |from: usize| {
        text[from..].find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len() - from)
    };
    if let Some(literal) = text.strip_prefix('\'') {
        // A literal is left alone, with any colon or percent sign in it.
        return (literal.find('\'').map_or(text.len(), |end| end + 2), None);
    }
    if text.starts_with('$') {
        let tag = name_length(1);
        let is_quote = text[1 + tag..].starts_with('$') && !before.is_some_and(char::is_alphanumeric);
        let quote = if is_quote { &text[..tag + 2] } else { return (1, None) };
        let end = text[quote.len()..].find(quote).map_or(text.len(), |end| end + 2 * quote.len());
        return (end, None);
    }
    if text.starts_with("\\:") {
        return (2, Some(":"));
    }
    if text.starts_with("%%") {
        return (2, Some("%"));
    }
    if text.starts_with("%s") {
        return (2, Some("(NULL)"));
    }
    if text.starts_with("%(") {
        return text.find(")s").map_or((1, None), |end| (end + 2, Some("(NULL)")));
    }
    let is_parameter = text.starts_with(':')
        && before != Some(':')
        && text[1..].starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    if is_parameter && before.is_none_or(|letter| !letter.is_alphanumeric()) {
        return (1 + name_length(1), Some("(NULL)"));
    }
    (1, None)
}
