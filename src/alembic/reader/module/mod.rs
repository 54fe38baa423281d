//! What a module's names are bound to once Python has executed it, as far as that can be told without executing it.
//!
//! Statements are followed in order, so that the last assignment wins. A name is either known, because nothing but
//! literals and names bound to literals went into it, or it is unknown with the reason; nothing in between.

mod binding;
mod effects;
mod evaluation;
mod value;

use std::collections::HashMap;

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{Expr, Stmt, StmtIf};
use ruff_text_size::{Ranged, TextSize};

use self::effects::{Bound, Functions, Globals};
use self::value::Unknown;

pub(super) use self::value::Value;

/// The names of a module after its execution.
#[derive(Debug, Default)]
pub(super) struct Module {
    names: HashMap<String, Value>,
    /// A statement raises whenever the module is loaded; what follows it never runs.
    ended: Option<Unknown>,
    /// The module's own names got into a dictionary or an object, through which any of them may change later.
    exposed: Option<TextSize>,
}

const CONDITION: &str = "is assigned under a condition that is only known at run time";

impl Module {
    /// Follows the statements of a module. `text` is the source that they were parsed from.
    pub(super) fn execute(statements: &[Stmt], text: &str) -> Self {
        let mut module = Module::default();
        module.run(statements);
        module.run_called_functions(statements);
        if let Some(at) = module.exposed {
            module.taint_all(at);
        }
        if text.contains("global") {
            let mut globals = Globals::default();
            globals.visit_body(statements);
            for (name, at) in globals.names {
                module
                    .bind_name(&name, Value::unknown("may be assigned by a function, which declares it `global`", at));
            }
        }
        module
    }

    /// A function of the file that is called while it is loaded may change what it mentions.
    fn run_called_functions(&mut self, statements: &[Stmt]) {
        let mut functions = Functions::default();
        functions.visit_body(statements);
        if functions.are_called() {
            for function in functions.all() {
                self.body_effects(&function.body);
            }
        }
    }

    /// The binding of `name`; `None` when the module has no such name.
    pub(super) fn get(&self, name: &str) -> Option<Value> {
        match &self.ended {
            Some(reason) => Some(Value::Unknown(reason.clone())),
            None => self.names.get(name).cloned(),
        }
    }

    fn run(&mut self, statements: &[Stmt]) {
        for statement in statements {
            if self.ended.is_some() {
                return;
            }
            self.step(statement);
        }
    }

    fn step(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Assign(assign) => {
                let value = self.evaluate(&assign.value);
                for target in &assign.targets {
                    self.bind(target, value.clone());
                }
            }
            Stmt::AnnAssign(assign) => {
                // Without a value an annotation binds nothing.
                if let Some(value) = &assign.value {
                    let value = self.evaluate(value);
                    self.bind(&assign.target, value);
                }
            }
            Stmt::AugAssign(assign) => {
                self.effects(&assign.value);
                self.bind(&assign.target, Value::unknown("is changed by an augmented assignment", assign.start()));
                self.taint_mutable(assign.start());
            }
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    self.delete(target);
                }
            }
            Stmt::If(branches) => self.branch(branches),
            Stmt::Try(attempt) => {
                let rest = self.run_while_certain(&attempt.body);
                if rest.is_empty() {
                    self.run(&attempt.orelse);
                } else {
                    const ATTEMPT: &str = "is assigned in a `try` that may fail before it";
                    self.uncertain(rest, ATTEMPT);
                    for handler in &attempt.handlers {
                        let mut bound = Bound::default();
                        bound.visit_except_handler(handler);
                        self.taint(bound, ATTEMPT);
                    }
                    self.uncertain(&attempt.orelse, ATTEMPT);
                }
                self.run(&attempt.finalbody);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    self.effects(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        self.bind(target, Value::unknown("is bound by a `with` statement", item.start()));
                    }
                }
                // The context manager may swallow an exception of its body.
                let rest = self.run_while_certain(&with.body);
                self.uncertain(rest, "is assigned in a `with` block that may be left before it");
            }
            Stmt::For(_) | Stmt::While(_) => self.uncertain(std::slice::from_ref(statement), "is assigned in a loop"),
            Stmt::Match(_) => self.uncertain(std::slice::from_ref(statement), CONDITION),
            Stmt::FunctionDef(function) => {
                self.definition(statement);
                self.bind_name(&function.name, Value::unknown("is a function", function.start()));
            }
            Stmt::ClassDef(class) => {
                self.definition(statement);
                self.bind_name(&class.name, Value::unknown("is a class", class.start()));
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Raise(raise) => {
                let reason = "is never assigned: loading the file raises an exception".to_owned();
                self.ended = Some(Unknown { reason, at: raise.start() });
            }
            Stmt::Expr(expression) => self.effects(&expression.value),
            _ => self.uncertain(std::slice::from_ref(statement), "is not bound by an assignment"),
        }
    }

    /// Runs the statements that cannot fail, up to the first that may; returns the rest.
    fn run_while_certain<'a>(&mut self, statements: &'a [Stmt]) -> &'a [Stmt] {
        let mut rest = statements;
        while let Some((statement, following)) = rest.split_first() {
            let certain = match statement {
                Stmt::Pass(_) => true,
                Stmt::Expr(expression) => expression.value.is_literal_expr(),
                Stmt::Assign(assign) => {
                    assign.targets.iter().all(Expr::is_name_expr) && self.evaluate_quietly(&assign.value).is_known()
                }
                Stmt::AnnAssign(assign) => {
                    assign.target.is_name_expr()
                        && assign.value.as_ref().is_none_or(|value| self.evaluate_quietly(value).is_known())
                }
                _ => false,
            };
            if !certain {
                break;
            }
            self.step(statement);
            rest = following;
        }
        rest
    }

    fn branch(&mut self, branches: &StmtIf) {
        let first = (Some(&*branches.test), &branches.body);
        let others = branches.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), &clause.body));
        let mut certain = true;
        for (test, body) in std::iter::once(first).chain(others) {
            let holds = test.map_or(Some(true), |test| self.truth(test));
            match (certain, holds) {
                (true, Some(true)) => return self.run(body),
                (_, Some(false)) => {}
                (_, holds) => {
                    if let Some(test) = test {
                        self.effects(test);
                    }
                    self.uncertain(body, CONDITION);
                    if holds == Some(true) {
                        return;
                    }
                    certain = false;
                }
            }
        }
    }
}
