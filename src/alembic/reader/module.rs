//! What a module's names are bound to once Python has executed it, as far as that can be told without executing it.
//!
//! Statements are followed in order, so that the last assignment wins. A name is either known, because nothing but
//! literals and names bound to literals went into it, or it is unknown with the reason; nothing in between.

use std::collections::HashMap;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Expr, ExprContext, Pattern, Stmt, StmtIf, StmtImport, StmtImportFrom};
use ruff_text_size::{Ranged, TextSize};

/// What a name is bound to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Text(String),
    Bool(bool),
    /// A tuple, or a list or set, whose content may still change.
    Items {
        items: Vec<Value>,
        mutable: bool,
    },
    /// A literal of another type.
    Other(&'static str),
    /// The module `typing`, asked for `TYPE_CHECKING`.
    Typing,
    Unknown(Unknown),
}

/// Why a value cannot be told without running the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unknown {
    /// Completes "`down_revision` …".
    pub(super) reason: String,
    pub(super) at: TextSize,
}

impl Value {
    fn unknown(reason: impl Into<String>, at: TextSize) -> Self {
        Value::Unknown(Unknown { reason: reason.into(), at })
    }

    fn is_known(&self) -> bool {
        match self {
            Value::Unknown(_) => false,
            Value::Items { items, .. } => items.iter().all(Value::is_known),
            _ => true,
        }
    }

    fn is_mutable(&self) -> bool {
        match self {
            Value::Items { items, mutable } => *mutable || items.iter().any(Value::is_mutable),
            _ => false,
        }
    }

    /// `bool(value)` in Python.
    fn truth(&self) -> Option<bool> {
        match self {
            Value::None => Some(false),
            Value::Bool(value) => Some(*value),
            Value::Text(text) => Some(!text.is_empty()),
            Value::Items { items, mutable: false } => Some(!items.is_empty()),
            _ => None,
        }
    }
}

/// The names of a module after its execution.
#[derive(Debug, Default)]
pub(super) struct Module {
    names: HashMap<String, Value>,
    /// A statement raises whenever the module is loaded; what follows it never runs.
    ended: Option<Unknown>,
}

const CONDITION: &str = "is assigned under a condition that is only known at run time";

impl Module {
    /// Follows the statements of a module. `text` is the source that they were parsed from.
    pub(super) fn execute(statements: &[Stmt], text: &str) -> Self {
        let mut module = Module::default();
        module.run(statements);
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

    /// Whether a condition holds when Alembic loads the file; `None` when only running it can tell.
    fn truth(&self, test: &Expr) -> Option<bool> {
        match test {
            Expr::UnaryOp(unary) if unary.op.is_not() => self.truth(&unary.operand).map(|holds| !holds),
            Expr::Attribute(attribute) if attribute.attr.as_str() == "TYPE_CHECKING" => {
                (self.evaluate_quietly(&attribute.value) == Value::Typing).then_some(false)
            }
            Expr::Compare(compare) => {
                // Alembic names the module after its file, so `if __name__ == "__main__"` never holds.
                let [Expr::StringLiteral(text)] = &*compare.comparators else { return None };
                let main = compare.left.as_name_expr().is_some_and(|name| name.id == "__name__")
                    && text.value.to_str() == "__main__"
                    && !self.names.contains_key("__name__");
                (main && matches!(&*compare.ops, [ruff_python_ast::CmpOp::Eq])).then_some(false)
            }
            _ => self.evaluate_quietly(test).truth(),
        }
    }

    /// The value of an expression, with what evaluating it does to the names that are already bound.
    fn evaluate(&mut self, expression: &Expr) -> Value {
        let value = self.evaluate_quietly(expression);
        if !value.is_known() {
            self.effects(expression);
        }
        value
    }

    fn evaluate_quietly(&self, expression: &Expr) -> Value {
        let mutable = |items: &[Expr]| Value::Items { items: self.items(items), mutable: true };
        match expression {
            Expr::StringLiteral(text) => Value::Text(text.value.to_str().to_owned()),
            Expr::NoneLiteral(_) => Value::None,
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::NumberLiteral(_) => Value::Other("a number"),
            Expr::BytesLiteral(_) => Value::Other("bytes"),
            Expr::EllipsisLiteral(_) => Value::Other("an ellipsis"),
            Expr::Tuple(tuple) => Value::Items { items: self.items(&tuple.elts), mutable: false },
            Expr::List(list) => mutable(&list.elts),
            Expr::Set(set) => Value::Items { items: distinct(self.items(&set.elts)), mutable: true },
            Expr::Name(name) => self.names.get(name.id.as_str()).cloned().unwrap_or_else(|| {
                Value::unknown(format!("refers to `{}`, which this file does not assign before", name.id), name.start())
            }),
            Expr::Call(call) => Value::unknown("is the result of a call", call.start()),
            Expr::FString(text) => Value::unknown("is an f-string", text.start()),
            Expr::BinOp(operation) => Value::unknown("is computed", operation.start()),
            Expr::If(choice) => Value::unknown(CONDITION, choice.start()),
            other => Value::unknown("is not a literal", other.start()),
        }
    }

    fn items(&self, expressions: &[Expr]) -> Vec<Value> {
        let mut items = Vec::with_capacity(expressions.len());
        for expression in expressions {
            match expression {
                Expr::Starred(starred) => match self.evaluate_quietly(&starred.value) {
                    Value::Items { items: inner, .. } => items.extend(inner),
                    Value::Unknown(unknown) => items.push(Value::Unknown(unknown)),
                    _ => items.push(Value::unknown("unpacks what is not a sequence", starred.start())),
                },
                other => items.push(self.evaluate_quietly(other)),
            }
        }
        items
    }

    fn bind(&mut self, target: &Expr, value: Value) {
        match target {
            Expr::Name(name) => self.bind_name(&name.id, value),
            Expr::Tuple(_) | Expr::List(_) => {
                let targets = match target {
                    Expr::Tuple(tuple) => &tuple.elts,
                    Expr::List(list) => &list.elts,
                    _ => return,
                };
                let values = match value {
                    Value::Items { items, .. }
                        if items.len() == targets.len() && !targets.iter().any(Expr::is_starred_expr) =>
                    {
                        items
                    }
                    _ => vec![Value::unknown("is unpacked from what is not a literal", target.start()); targets.len()],
                };
                for (target, value) in targets.iter().zip(values) {
                    self.bind(target, value);
                }
            }
            Expr::Starred(starred) => self.bind(&starred.value, Value::unknown("is unpacked", starred.start())),
            // An item or an attribute of something changes.
            other => self.effects(other),
        }
    }

    fn bind_name(&mut self, name: &str, value: Value) {
        self.names.insert(name.to_owned(), value);
    }

    fn delete(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => drop(self.names.remove(name.id.as_str())),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.delete(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.delete(target)),
            other => self.effects(other),
        }
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let full = alias.name.as_str();
            let name =
                alias.asname.as_ref().map_or_else(|| full.split('.').next().unwrap_or(full), |name| name.as_str());
            let typing = matches!(full, "typing" | "typing_extensions");
            self.bind_name(name, if typing { Value::Typing } else { Value::unknown("is a module", alias.start()) });
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        let typing = import.level == 0 && matches!(module, "typing" | "typing_extensions");
        for alias in &import.names {
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            let value = match alias.name.as_str() {
                // What a star brings is not known; that it brings the names of a revision is not assumed.
                "*" => continue,
                "TYPE_CHECKING" if typing => Value::Bool(false),
                _ => Value::unknown(format!("is imported from `{module}`"), alias.start()),
            };
            self.bind_name(name, value);
        }
    }

    /// A function or class is defined: decorators, defaults and a class's body run now.
    fn definition(&mut self, statement: &Stmt) {
        let mut effects = Effects { module: self };
        match statement {
            Stmt::FunctionDef(function) => {
                function.decorator_list.iter().for_each(|decorator| effects.visit_decorator(decorator));
                effects.visit_parameters(&function.parameters);
            }
            other => walk_stmt(&mut effects, other),
        }
    }

    /// Applies what evaluating an expression may do to names that are already bound.
    fn effects(&mut self, expression: &Expr) {
        Effects { module: self }.visit_expr(expression);
    }

    /// Statements may or may not run: what they bind is unknown.
    fn uncertain(&mut self, statements: &[Stmt], reason: &str) {
        let mut bound = Bound::default();
        bound.visit_body(statements);
        self.taint(bound, reason);
        let mut effects = Effects { module: self };
        effects.visit_body(statements);
    }

    fn taint(&mut self, bound: Bound, reason: &str) {
        for (name, at) in bound.names {
            self.bind_name(&name, Value::unknown(reason, at));
        }
    }

    fn taint_mutable(&mut self, at: TextSize) {
        for value in self.names.values_mut().filter(|value| value.is_mutable()) {
            *value = Value::unknown("is a list or set that may be changed after its assignment", at);
        }
    }

    fn taint_all(&mut self, at: TextSize) {
        const DYNAMIC: &str = "may be assigned dynamically";
        for value in self.names.values_mut() {
            *value = Value::unknown(DYNAMIC, at);
        }
        for name in super::NAMES {
            self.bind_name(name, Value::unknown(DYNAMIC, at));
        }
    }
}

/// The items of a set: equal ones are there once.
fn distinct(items: Vec<Value>) -> Vec<Value> {
    let mut distinct = Vec::with_capacity(items.len());
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    distinct
}

/// What an expression does to a module beside having a value.
struct Effects<'m> {
    module: &'m mut Module,
}

impl<'a> Visitor<'a> for Effects<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        // The body of a function does not run when it is defined.
        if !statement.is_function_def_stmt() {
            walk_stmt(self, statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Named(named) => {
                self.module.bind(&named.target, Value::unknown("is assigned inside an expression", named.start()));
            }
            // A list that is handed on may be changed by whoever gets it, and other names may be bound to it.
            Expr::Name(name) if self.module.names.get(name.id.as_str()).is_some_and(Value::is_mutable) => {
                self.module.taint_mutable(name.start());
            }
            Expr::Call(call) => {
                let called = call.func.as_name_expr().map(|name| name.id.as_str());
                if let Some("exec" | "eval" | "globals" | "locals" | "vars") = called {
                    self.module.taint_all(call.start());
                }
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// The names that statements bind in their own scope.
#[derive(Default)]
struct Bound {
    names: Vec<(String, TextSize)>,
}

impl Bound {
    fn add(&mut self, name: &str, at: TextSize) {
        self.names.push((name.to_owned(), at));
    }
}

impl<'a> Visitor<'a> for Bound {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.add(&function.name, function.start()),
            Stmt::ClassDef(class) => self.add(&class.name, class.start()),
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && name.ctx != ExprContext::Load
        {
            self.add(&name.id, name.start());
        }
        walk_expr(self, expression);
    }

    fn visit_alias(&mut self, alias: &'a ruff_python_ast::Alias) {
        let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        self.add(name.split('.').next().unwrap_or(name), alias.start());
    }

    fn visit_except_handler(&mut self, handler: &'a ruff_python_ast::ExceptHandler) {
        let ruff_python_ast::ExceptHandler::ExceptHandler(except) = handler;
        if let Some(name) = &except.name {
            self.add(name, except.start());
        }
        ruff_python_ast::visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let captured = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = captured {
            self.add(name, pattern.start());
        }
        walk_pattern(self, pattern);
    }
}

/// The names that functions declare `global`.
#[derive(Default)]
struct Globals {
    names: Vec<(String, TextSize)>,
}

impl<'a> Visitor<'a> for Globals {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::Global(global) = statement {
            self.names.extend(global.names.iter().map(|name| (name.to_string(), global.start())));
        }
        walk_stmt(self, statement);
    }
}
