//! Follows `upgrade()` through the file: names, branches, loops, `with` blocks and the file's own functions.

use std::collections::HashMap;
use std::rc::Rc;

use ruff_python_ast::{Stmt, StmtFunctionDef};
use ruff_text_size::TextRange;

use super::value::{Call, Value};
use crate::alembic::lint::operation::{Action, Arm, Step};
use crate::alembic::lint::source::Lines;

/// The names of one function, or of the module.
pub(super) type Scope<'a> = HashMap<&'a str, Value<'a>>;

/// The state of a walk through a migration.
pub(crate) struct Interpreter<'a> {
    pub(super) lines: &'a Lines<'a>,
    /// Shared until written to: every branch starts from a copy.
    pub(super) scopes: Vec<Rc<Scope<'a>>>,
    pub(super) steps: Vec<Step>,
    /// The functions of the file that are being run, outermost first.
    pub(super) running: Vec<&'a StmtFunctionDef>,
    /// Nothing is recorded while the module itself is loaded.
    recording: bool,
    /// The transaction that runs; none in an `autocommit_block()` or after a COMMIT.
    pub(super) transaction: Option<u32>,
    transactions: u32,
    pub(super) arms: Vec<Arm>,
    conditions: u32,
    pub(super) statements: usize,
    /// The body of a `with` whose context manager is a generator of the file: it runs where that yields.
    pub(super) waiting_body: Option<&'a [Stmt]>,
}

impl<'a> Interpreter<'a> {
    /// Loads a module: its imports, literals, functions and classes.
    pub(crate) fn load(lines: &'a Lines<'a>, module: &'a [Stmt]) -> Self {
        let mut interpreter = Self {
            lines,
            scopes: vec![Rc::default()],
            running: Vec::new(),
            steps: Vec::new(),
            recording: false,
            transaction: Some(0),
            transactions: 0,
            arms: Vec::new(),
            conditions: 0,
            statements: 0,
            waiting_body: None,
        };
        interpreter.block(module);
        interpreter.recording = true;
        interpreter
    }

    /// Runs a function of the module, and gives what it does.
    pub(crate) fn run(mut self, name: &str) -> Vec<Step> {
        match self.lookup(name) {
            callable @ Value::Function(_) => {
                let call = Call { function: callable.clone(), arguments: Vec::new(), keywords: Vec::new() };
                self.invoke(&callable, &call);
            }
            _ => self.note(TextRange::default(), "upgrade() is not a function of this file"),
        }
        self.steps
    }

    /// The value of a name, innermost scope first.
    pub(super) fn lookup(&self, name: &str) -> Value<'a> {
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        found.cloned().unwrap_or_else(|| Value::Path(format!("builtins.{name}").into()))
    }

    /// Binds a name in the function that runs.
    pub(super) fn bind(&mut self, name: &'a str, value: Value<'a>) {
        if let Some(scope) = self.scopes.last_mut() {
            Rc::make_mut(scope).insert(name, value);
        }
    }

    /// Binds a name where it is bound already.
    pub(super) fn rebind(&mut self, name: &'a str, value: Value<'a>) {
        if let Some(scope) = self.scopes.iter_mut().rev().find(|scope| scope.contains_key(name)) {
            Rc::make_mut(scope).insert(name, value);
        }
    }

    /// The functions of the module whose names begin so, by name.
    pub(super) fn functions_with(&self, prefix: &str) -> Vec<Value<'a>> {
        let module = self.scopes.first().into_iter().flat_map(|scope| scope.iter());
        let mut found = module
            .filter(|(name, value)| name.starts_with(prefix) && matches!(value, Value::Function(_)))
            .collect::<Vec<_>>();
        found.sort_by_key(|(name, _)| **name);
        found.into_iter().map(|(_, value)| value.clone()).collect()
    }

    /// Records an action of the call at a range.
    pub(super) fn record(&mut self, range: TextRange, operation: &str, action: Action) {
        self.record_in(self.transaction, range, operation, action);
    }

    /// The same on a connection with a transaction of its own, or none.
    pub(super) fn record_in(&mut self, transaction: Option<u32>, range: TextRange, operation: &str, action: Action) {
        if !self.recording {
            return;
        }
        self.steps.push(Step {
            action,
            operation: operation.to_owned(),
            line: self.lines.line(range.start()),
            last_line: self.lines.line(range.end()),
            transaction,
            arms: self.arms.clone(),
        });
    }

    /// Records that something cannot be read.
    pub(super) fn note(&mut self, range: TextRange, what: impl Into<String>) {
        self.record(range, "", Action::Opaque { what: what.into() });
    }

    /// A condition that the file does not tell.
    pub(super) fn new_condition(&mut self) -> u32 {
        self.conditions += 1;
        self.conditions
    }

    /// Ends the transaction; what follows runs in a new one.
    pub(super) fn new_transaction(&mut self) {
        self.transactions += 1;
        self.transaction = Some(self.transactions);
    }
}
