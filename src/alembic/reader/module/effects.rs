//! What statements and expressions may do to names that are bound already.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Decorator, Expr, ExprContext, Pattern, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextSize};

use super::Module;
use super::value::Value;
use crate::alembic::reader::NAMES;

impl Module {
    /// A function or class is defined: decorators, defaults and a class's body run now.
    pub(super) fn definition(&mut self, statement: &Stmt) {
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
    pub(super) fn effects(&mut self, expression: &Expr) {
        Effects { module: self }.visit_expr(expression);
    }

    /// Statements may or may not run: what they bind is unknown.
    pub(super) fn uncertain(&mut self, statements: &[Stmt], reason: &str) {
        let mut bound = Bound::default();
        bound.visit_body(statements);
        self.taint(bound, reason);
        self.body_effects(statements);
    }

    /// Applies what statements may do to names that are already bound, beside binding them.
    pub(super) fn body_effects(&mut self, statements: &[Stmt]) {
        Effects { module: self }.visit_body(statements);
    }

    pub(super) fn taint(&mut self, bound: Bound, reason: &str) {
        for (name, at) in bound.names {
            self.bind_name(&name, Value::unknown(reason, at));
        }
    }

    pub(super) fn taint_mutable(&mut self, at: TextSize) {
        for value in self.names.values_mut().filter(|value| value.is_mutable()) {
            *value = Value::unknown("is a list or set that may be changed after its assignment", at);
        }
    }

    pub(super) fn taint_all(&mut self, at: TextSize) {
        const DYNAMIC: &str = "may be assigned dynamically";
        for value in self.names.values_mut() {
            *value = Value::unknown(DYNAMIC, at);
        }
        for name in NAMES {
            self.bind_name(name, Value::unknown(DYNAMIC, at));
        }
    }
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
            Expr::Name(name) if matches!(name.id.as_str(), "exec" | "eval" | "setattr" | "delattr") => {
                self.module.taint_all(name.start());
            }
            Expr::Name(name) if matches!(name.id.as_str(), "globals" | "locals" | "vars") => {
                self.module.exposed = Some(name.start());
            }
            Expr::Attribute(attribute) if matches!(attribute.attr.as_str(), "modules" | "__dict__") => {
                self.module.exposed = Some(attribute.start());
            }
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// The names that statements bind in their own scope.
#[derive(Default)]
pub(super) struct Bound {
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
pub(super) struct Globals {
    pub(super) names: Vec<(String, TextSize)>,
}

impl<'a> Visitor<'a> for Globals {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::Global(global) = statement {
            self.names.extend(global.names.iter().map(|name| (name.to_string(), global.start())));
        }
        walk_stmt(self, statement);
    }
}

/// The functions of a module, and which names it calls, or decorates with, while it is loaded.
#[derive(Default)]
pub(super) struct Functions<'a> {
    functions: Vec<&'a StmtFunctionDef>,
    called: Vec<&'a str>,
}

impl<'a> Functions<'a> {
    pub(super) fn all(&self) -> &[&'a StmtFunctionDef] {
        &self.functions
    }

    pub(super) fn are_called(&self) -> bool {
        self.functions.iter().any(|function| self.called.contains(&function.name.as_str()))
    }
}

impl<'a> Visitor<'a> for Functions<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let Stmt::FunctionDef(function) = statement else { return walk_stmt(self, statement) };
        self.functions.push(function);
        function.decorator_list.iter().for_each(|decorator| self.visit_decorator(decorator));
        self.visit_parameters(&function.parameters);
    }

    fn visit_decorator(&mut self, decorator: &'a Decorator) {
        self.called.extend(decorator.expression.as_name_expr().map(|name| name.id.as_str()));
        self.visit_expr(&decorator.expression);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            self.called.extend(call.func.as_name_expr().map(|name| name.id.as_str()));
        }
        walk_expr(self, expression);
    }
}
