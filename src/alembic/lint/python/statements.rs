//! Statements: assignments, branches, loops and `with` blocks.

use std::rc::Rc;

use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtTry, WithItem};
use ruff_text_size::{Ranged, TextRange};

use super::functions::is_generator;
use super::interpreter::{Interpreter, Scope};
use super::value::Value;
use crate::alembic::lint::operation::{Action, Arm, Step};

/// More statements than this are taken for an endless loop.
const MOST_STATEMENTS: usize = 50_000;
/// More elements of a literal than this are not followed one by one.
const MOST_ELEMENTS: usize = 1_000;

/// What follows a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next statement.
    Next,
    /// `return`, `raise`, `break` or `continue`: the rest of the block does not run.
    Stop,
}

impl<'a> Interpreter<'a> {
    /// Runs statements in order.
    pub(super) fn block(&mut self, statements: &'a [Stmt]) -> Flow {
        let arms = self.arms.len();
        let mut flow = Flow::Next;
        for statement in statements {
            self.statements += 1;
            if self.statements == MOST_STATEMENTS {
                self.note(statement.range(), "the migration is too long to follow to its end");
            }
            if self.statements >= MOST_STATEMENTS || self.statement(statement) == Flow::Stop {
                flow = Flow::Stop;
                break;
            }
        }
        self.arms.truncate(arms);
        flow
    }

    fn statement(&mut self, statement: &'a Stmt) -> Flow {
        match statement {
            Stmt::Expr(expression) => {
                self.evaluate(&expression.value);
            }
            Stmt::Assign(assign) => {
                let value = self.evaluate(&assign.value);
                for target in &assign.targets {
                    self.assign(target, value.clone());
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let value = self.evaluate(value);
                    self.assign(&assign.target, value);
                }
            }
            Stmt::AugAssign(assign) => {
                let old = self.evaluate(&assign.target);
                let added = self.evaluate(&assign.value);
                let value = super::strings::binary(&old, assign.op, &added);
                self.assign(&assign.target, value);
            }
            Stmt::FunctionDef(function) => self.bind(&function.name, Value::Function(function)),
            Stmt::ClassDef(class) => {
                let model = super::columns::model(self, class);
                self.bind(&class.name, model);
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let root = alias.name.split('.').next().unwrap_or_default();
                    match &alias.asname {
                        Some(name) => self.bind(name, Value::Path(alias.name.as_str().into())),
                        None => self.bind(root, Value::Path(root.into())),
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                let dots = ".".repeat(import.level as usize);
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.bind(name, Value::Path(format!("{dots}{module}.{}", alias.name).into()));
                }
            }
            Stmt::Return(result) => {
                let value = result.value.as_deref().map_or(Value::None, |value| self.evaluate(value));
                self.bind("return", value);
                return Flow::Stop;
            }
            Stmt::Raise(_) | Stmt::Break(_) | Stmt::Continue(_) => return Flow::Stop,
            Stmt::If(branch) => {
                let mut clauses = vec![(Some(&*branch.test), branch.body.as_slice())];
                clauses.extend(
                    branch.elif_else_clauses.iter().map(|clause| (clause.test.as_ref(), clause.body.as_slice())),
                );
                return self.branches(&clauses);
            }
            Stmt::Match(choice) => {
                self.evaluate(&choice.subject);
                let cases = choice.cases.iter().map(|case| case.body.as_slice()).collect::<Vec<_>>();
                return self.arms_of(&cases, true);
            }
            Stmt::For(each) => {
                let iterated = self.evaluate(&each.iter);
                self.repeat(&each.target, &iterated, &each.body, each.iter.range());
                return self.block(&each.orelse);
            }
            Stmt::While(repeated) => {
                self.evaluate(&repeated.test);
                self.arms_of(&[&repeated.body], true);
                return self.block(&repeated.orelse);
            }
            Stmt::With(with) => return self.with(&with.items, &with.body),
            Stmt::Try(attempt) => return self.attempt(attempt),
            Stmt::Assert(assertion) => {
                self.evaluate(&assertion.test);
            }
            Stmt::Delete(_)
            | Stmt::TypeAlias(_)
            | Stmt::Global(_)
            | Stmt::Nonlocal(_)
            | Stmt::Pass(_)
            | Stmt::IpyEscapeCommand(_) => {}
        }
        Flow::Next
    }

    /// `if`, `elif`, `else`: the one branch that is known to run, or every one that may.
    fn branches(&mut self, clauses: &[(Option<&'a Expr>, &'a [Stmt])]) -> Flow {
        let mut possible = Vec::new();
        let mut exhaustive = false;
        for (test, body) in clauses {
            match test.map_or(Some(true), |test| self.evaluate(test).truth()) {
                Some(false) => {}
                Some(true) => {
                    possible.push(*body);
                    exhaustive = true;
                    break;
                }
                None => possible.push(*body),
            }
        }
        match possible.as_slice() {
            [] => Flow::Next,
            [only] if exhaustive => self.block(only),
            arms => self.arms_of(arms, !exhaustive),
        }
    }

    /// Runs alternatives, each from the same state; what they leave different is unknown afterwards.
    fn arms_of(&mut self, bodies: &[&'a [Stmt]], none_may_run: bool) -> Flow {
        let condition = self.new_condition();
        let before = self.scopes.clone();
        let transaction = self.transaction;
        let mut ends = Vec::new();
        let mut going_on = None;
        // A COMMIT that only may have run does not make the rest safe.
        let mut transactions = none_may_run.then_some(transaction).into_iter().collect::<Vec<_>>();
        for (branch, body) in bodies.iter().enumerate() {
            self.scopes.clone_from(&before);
            self.transaction = transaction;
            let branch = u32::try_from(branch).unwrap_or(u32::MAX);
            self.arms.push(Arm { condition, branch });
            let flow = self.block(body);
            self.arms.pop();
            if flow == Flow::Next {
                ends.push(std::mem::take(&mut self.scopes));
                transactions.push(self.transaction);
                going_on = Some(branch);
            }
        }
        self.transaction = transactions.into_iter().max().flatten();
        let all_went_on = ends.len() == bodies.len();
        if none_may_run {
            ends.push(before.clone());
        }
        let mut ends = ends.into_iter();
        let Some(first) = ends.next() else {
            self.scopes = before;
            return Flow::Stop;
        };
        self.scopes = ends.fold(first, join);
        if !all_went_on {
            // The rest of the block is the other arm of every branch that left.
            self.arms.push(Arm { condition, branch: going_on.unwrap_or(u32::MAX) });
        }
        Flow::Next
    }

    /// `try`: with a handler, what its body does may not have come about, and yet the migration goes on.
    fn attempt(&mut self, attempt: &'a StmtTry) -> Flow {
        let handlers: Vec<_> =
            attempt.handlers.iter().map(|ExceptHandler::ExceptHandler(handler)| handler.body.as_slice()).collect();
        let arms = self.arms.len();
        if !handlers.is_empty() {
            let condition = self.new_condition();
            self.arms.push(Arm { condition, branch: 0 });
        }
        let mut flow = self.block(&attempt.body);
        if flow == Flow::Next {
            flow = self.block(&attempt.orelse);
        }
        self.arms.truncate(arms);
        if !handlers.is_empty() {
            flow = self.arms_of(&handlers, flow == Flow::Next);
        }
        match self.block(&attempt.finalbody) {
            Flow::Next => flow,
            Flow::Stop => Flow::Stop,
        }
    }

    /// A loop: once for each element of a literal, else once for all that may come.
    pub(super) fn repeat(&mut self, target: &'a Expr, iterated: &Value<'a>, body: &'a [Stmt], range: TextRange) {
        match iterated.elements() {
            Some(elements) if elements.len() <= MOST_ELEMENTS => {
                for element in elements {
                    self.assign(target, element);
                    self.block(body);
                }
            }
            _ => {
                let steps = self.steps.len();
                self.assign(target, Value::Unknown);
                self.arms_of(&[body], true);
                let writes = |step: &Step| matches!(step.action, Action::WriteRows { .. });
                if !self.steps[steps..].iter().all(writes) {
                    self.note(
                        range,
                        "a loop over a value that the file does not tell: how often and with what it runs is unknown",
                    );
                }
            }
        }
    }

    fn with(&mut self, items: &'a [WithItem], body: &'a [Stmt]) -> Flow {
        let Some((item, rest)) = items.split_first() else { return self.block(body) };
        if let Expr::Call(call) = &item.context_expr
            && let Expr::Name(name) = &*call.func
            && let Value::Function(function) = self.lookup(name.id.as_str())
            && is_generator(function)
            && rest.is_empty()
        {
            let call = self.called(call);
            if let Some(target) = &item.optional_vars {
                self.assign(target, Value::Unknown);
            }
            self.run_function(function, &call, Some(body));
            return Flow::Next;
        }
        let context = self.evaluate(&item.context_expr);
        let autocommit = match &context {
            Value::Call(call) => matches!(&call.function, Value::Member(_, name) if &**name == "autocommit_block"),
            _ => false,
        };
        if let Some(target) = &item.optional_vars {
            self.assign(target, context);
        }
        if !autocommit {
            return self.with(rest, body);
        }
        self.transaction = None;
        let flow = self.with(rest, body);
        self.new_transaction();
        flow
    }

    /// Binds a target: a name, or the parts of a tuple. What is written into objects is not followed.
    pub(super) fn assign(&mut self, target: &'a Expr, value: Value<'a>) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value),
            Expr::Starred(starred) => self.assign(&starred.value, Value::Unknown),
            Expr::Tuple(_) | Expr::List(_) => {
                let parts = match target {
                    Expr::Tuple(tuple) => tuple.elts.as_slice(),
                    Expr::List(list) => list.elts.as_slice(),
                    _ => &[],
                };
                let values = value.elements().filter(|values| values.len() == parts.len());
                for (position, part) in parts.iter().enumerate() {
                    let value = values.as_ref().map_or(Value::Unknown, |values| values[position].clone());
                    self.assign(part, value);
                }
            }
            Expr::Subscript(subscript) => {
                if let Expr::Name(name) = &*subscript.value {
                    self.rebind(name.id.as_str(), Value::Unknown);
                }
            }
            _ => {}
        }
    }
}

/// What is the same after both stays known.
fn join<'a>(mut one: Vec<Rc<Scope<'a>>>, other: Vec<Rc<Scope<'a>>>) -> Vec<Rc<Scope<'a>>> {
    for (scope, there) in one.iter_mut().zip(other) {
        if Rc::ptr_eq(scope, &there) {
            continue;
        }
        let scope = Rc::make_mut(scope);
        for (name, value) in &*there {
            let slot = scope.entry(name).or_insert_with(|| value.clone());
            if slot != value {
                *slot = Value::Unknown;
            }
        }
    }
    one
}
