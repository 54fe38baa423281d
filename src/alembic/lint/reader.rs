//! A migration file: what it does, how it goes back, what it suppresses.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use ruff_python_parser::{Mode, lexer};
use ruff_text_size::{Ranged, TextRange};
use serde::{Deserialize, Serialize};

use super::nesting::{self, Nesting};
use super::operation::{Action, Step};
use super::python::Interpreter;
use super::source::{Lines, Suppression};

/// A file that Python would not parse either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Unparsable {
    /// Where the parser stopped.
    pub line: usize,
    /// What it says.
    pub message: String,
}

/// What `downgrade()` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Downgrade {
    /// There is none.
    Missing,
    /// It does nothing.
    Empty {
        /// Where it is.
        line: usize,
    },
    /// It raises an exception, and nothing else.
    Refused {
        /// Where it is.
        line: usize,
    },
    /// It does something.
    Present,
}

/// A migration file, read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The file as it was given.
    pub file: String,
    /// What `upgrade()` does, in order.
    pub steps: Vec<Step>,
    /// The way back.
    pub downgrade: Downgrade,
    /// It has several down revisions.
    pub is_merge: bool,
    /// It looks like a revision file: it declares `down_revision`, or has an `upgrade()`.
    pub is_revision: bool,
    /// The line of `upgrade()`, 1 if there is none.
    pub upgrade_line: usize,
    /// The comments that suppress findings.
    pub suppressions: Vec<Suppression>,
}

/// Reads a migration file. Whatever Python can parse is read; what cannot be told from the text becomes an opaque step.
pub fn read(file: &str, source: &str) -> Result<Migration, Unparsable> {
    // A byte order mark is no part of the program, as for Python.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if is_too_deep(source) {
        return Err(Unparsable { line: 1, message: "it nests deeper than Python allows".to_owned() });
    }
    let outcome = nesting::with_stack(|| read_shallow(file, source));
    outcome.unwrap_or_else(|| Err(Unparsable { line: 1, message: "there is no memory to read it".to_owned() }))
}

fn is_too_deep(source: &str) -> bool {
    let mut nesting = Nesting::default();
    let mut tokens = lexer::lex(source, Mode::Module);
    loop {
        match tokens.next_token() {
            TokenKind::EndOfFile => return nesting.is_too_deep(),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace | TokenKind::Indent => nesting.open(),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::Dedent => nesting.close(),
            TokenKind::Comma | TokenKind::Newline | TokenKind::Semi => nesting.next(),
            TokenKind::Comment | TokenKind::NonLogicalNewline => {}
            _ => nesting.token(),
        }
    }
}

fn read_shallow(file: &str, source: &str) -> Result<Migration, Unparsable> {
    let lines = Lines::of(source);
    let parsed = ruff_python_parser::parse_module(source)
        .map_err(|error| Unparsable { line: lines.line(error.location.start()), message: error.error.to_string() })?;
    let module = parsed.suite();
    let comments = parsed.tokens().iter().filter(|token| token.kind().is_comment());
    let suppression = |range: TextRange| Suppression::parse(lines.slice(range), lines.line(range.start()));
    let upgrade = function(module, "upgrade");
    let mut steps = Interpreter::load(&lines, module).run("upgrade");
    forget_repetitions(&mut steps);
    let down_revision = assigned(module, "down_revision");
    Ok(Migration {
        file: file.to_owned(),
        steps,
        downgrade: downgrade(module, &lines),
        is_merge: down_revision.is_some_and(|parents| match parents {
            Expr::Tuple(parents) => parents.elts.len() > 1,
            Expr::List(parents) => parents.elts.len() > 1,
            _ => false,
        }),
        is_revision: upgrade.is_some() || down_revision.is_some(),
        upgrade_line: upgrade.map_or(1, |upgrade| lines.line(upgrade.name.range().start())),
        suppressions: comments.filter_map(|token| suppression(token.range())).collect(),
    })
}

/// What a line does again and again is told once; the same on another line is another unknown.
fn forget_repetitions(steps: &mut Vec<Step>) {
    let mut told = std::collections::HashSet::new();
    steps.retain(|step| match &step.action {
        Action::Opaque { what } => told.insert((step.line, what.clone())),
        _ => true,
    });
}

fn function<'a>(module: &'a [Stmt], name: &str) -> Option<&'a StmtFunctionDef> {
    module.iter().rev().find_map(|statement| match statement {
        Stmt::FunctionDef(function) if function.name.as_str() == name => Some(function),
        _ => None,
    })
}

fn assigned<'a>(module: &'a [Stmt], name: &str) -> Option<&'a Expr> {
    let is_name = |target: &Expr| matches!(target, Expr::Name(target) if target.id.as_str() == name);
    module.iter().rev().find_map(|statement| match statement {
        Stmt::Assign(assign) if assign.targets.iter().any(is_name) => Some(&*assign.value),
        Stmt::AnnAssign(assign) if is_name(&assign.target) => assign.value.as_deref(),
        _ => None,
    })
}

fn downgrade(module: &[Stmt], lines: &Lines) -> Downgrade {
    let Some(downgrade) = function(module, "downgrade") else {
        let bound = assigned(module, "downgrade").is_some();
        return if bound { Downgrade::Present } else { Downgrade::Missing };
    };
    let line = lines.line(downgrade.name.range().start());
    let idle = |statement: &&Stmt| match statement {
        Stmt::Pass(_) => true,
        Stmt::Return(result) => result.value.as_deref().is_none_or(Expr::is_none_literal_expr),
        Stmt::Expr(expression) => expression.value.is_literal_expr(),
        _ => false,
    };
    let busy = downgrade.body.iter().filter(|statement| !idle(statement)).collect::<Vec<_>>();
    match busy.as_slice() {
        [] => Downgrade::Empty { line },
        [Stmt::Raise(_)] => Downgrade::Refused { line },
        _ => Downgrade::Present,
    }
}
