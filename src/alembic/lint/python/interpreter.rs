//! Follows `upgrade()` through the file: names, branches, loops, `with` blocks and the file's own functions.

use std::collections::HashMap;
use std::rc::Rc;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use super::value::Value;
use crate::alembic::lint::operation::{Action, Arm, Step};
use crate::alembic::lint::source::Lines;

/// More statements than this are taken for an endless loop.
const MOST_STATEMENTS: usize = 50_000;
/// More elements of a literal than this are not followed one by one.
const MOST_ELEMENTS: usize = 1_000;

/// The names of one function, or of the module.
pub(super) type Scope<'a> = HashMap<&'a str, Value<'a>>;

/// What follows a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    /// `return`, `raise`, `break` or `continue`: the rest of the block does not run.
    Stop,
}

/// The state of a walk through a migration.
pub(crate) struct Interpreter<'a> {
    pub(super) lines: &'a Lines<'a>,
    /// Shared until written to: every branch starts from a copy.
    scopes: Vec<Rc<Scope<'a>>>,
    pub(super) steps: Vec<Step>,
    /// The functions of the file that are being run, outermost first.
    running: Vec<&'a StmtFunctionDef>,
    /// Nothing is recorded while the module itself is loaded.
    recording: bool,
    /// The call that is being read, as long as it is on one line of thought.
    pub(super) transaction: Option<u32>,
    transactions: u32,
    arms: Vec<Arm>,
    conditions: u32,
    statements: usize,
    /// The body of a `with` whose context manager is a generator of the file: it runs where that yields.
    waiting_body: Option<&'a [Stmt]>,
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
            Value::Function(function) => {
                self.call(function, &[], &[], None);
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

    /// Ends the transaction; what follows runs in a new one.
    pub(super) fn new_transaction(&mut self) {
        self.transactions += 1;
        self.transaction = Some(self.transactions);
    }

    /// Runs a function of the file with its arguments, and gives what it returns where that is one literal.
    pub(super) fn call(
        &mut self,
        function: &'a StmtFunctionDef,
        arguments: &[Value<'a>],
        keywords: &[(String, Value<'a>)],
        body: Option<&'a [Stmt]>,
    ) -> Value<'a> {
        // What recursion does to the database, its first round has shown.
        if self.running.iter().any(|running| std::ptr::eq(*running, function)) {
            return Value::Unknown;
        }
        let scope = self.parameters(function, arguments, keywords);
        self.scopes.push(Rc::new(scope));
        self.running.push(function);
        let outer_body = std::mem::replace(&mut self.waiting_body, body);
        let arms = self.arms.len();
        self.block(&function.body);
        self.arms.truncate(arms);
        self.waiting_body = outer_body;
        self.running.pop();
        let scope = self.scopes.pop().unwrap_or_default();
        scope.get("return").cloned().unwrap_or(Value::None)
    }

    fn parameters(
        &mut self,
        function: &'a StmtFunctionDef,
        arguments: &[Value<'a>],
        keywords: &[(String, Value<'a>)],
    ) -> Scope<'a> {
        let parameters = &function.parameters;
        let mut scope = Scope::new();
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        for (position, parameter) in positional.chain(&parameters.kwonlyargs).enumerate() {
            let name = parameter.parameter.name.as_str();
            let given = keywords.iter().find(|(keyword, _)| keyword == name).map(|(_, value)| value.clone());
            let given = given.or_else(|| arguments.get(position).cloned());
            let value = match (given, parameter.default.as_deref()) {
                (Some(value), _) => value,
                (None, Some(default)) => self.evaluate(default),
                (None, None) => Value::Unknown,
            };
            scope.insert(name, value);
        }
        if let Some(rest) = &parameters.vararg {
            let named = parameters.posonlyargs.len() + parameters.args.len();
            scope.insert(rest.name.as_str(), Value::List(arguments.get(named..).unwrap_or_default().to_vec().into()));
        }
        scope
    }

    /// Runs the body of the `with` that waits for this generator to yield.
    pub(super) fn yielded(&mut self) {
        if let Some(body) = self.waiting_body.take() {
            let callee = self.scopes.pop();
            self.block(body);
            self.scopes.extend(callee);
        }
    }

    fn block(&mut self, statements: &'a [Stmt]) -> Flow {
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
            }
            Stmt::With(with) => return self.with(&with.items, &with.body),
            Stmt::Try(attempt) => {
                let flow = self.block(&attempt.body);
                let handlers = attempt
                    .handlers
                    .iter()
                    .map(|ExceptHandler::ExceptHandler(handler)| handler.body.as_slice())
                    .collect::<Vec<_>>();
                self.arms_of(&handlers, true);
                self.block(&attempt.orelse);
                self.block(&attempt.finalbody);
                return flow;
            }
            Stmt::Assert(_)
            | Stmt::Delete(_)
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
        self.conditions += 1;
        let condition = self.conditions;
        let before = self.scopes.clone();
        let mut ends = Vec::new();
        let mut going_on = None;
        for (branch, body) in bodies.iter().enumerate() {
            self.scopes.clone_from(&before);
            let branch = u32::try_from(branch).unwrap_or(u32::MAX);
            self.arms.push(Arm { condition, branch });
            let flow = self.block(body);
            self.arms.pop();
            if flow == Flow::Next {
                ends.push(std::mem::take(&mut self.scopes));
                going_on = Some(branch);
            }
        }
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

    fn with(&mut self, items: &'a [ruff_python_ast::WithItem], body: &'a [Stmt]) -> Flow {
        let Some((item, rest)) = items.split_first() else { return self.block(body) };
        if let Expr::Call(call) = &item.context_expr
            && let Expr::Name(name) = &*call.func
            && let Value::Function(function) = self.lookup(name.id.as_str())
            && is_generator(function)
            && rest.is_empty()
        {
            let (_, arguments, keywords) = self.called(call);
            if let Some(target) = &item.optional_vars {
                self.assign(target, Value::Unknown);
            }
            self.call(function, &arguments, &keywords, Some(body));
            return Flow::Next;
        }
        let context = self.evaluate(&item.context_expr);
        let autocommit = matches!(&context, Value::Call(call) if matches!(&call.function, Value::Member(_, name) if &**name == "autocommit_block"));
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
                    self.bind(name.id.as_str(), Value::Unknown);
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

fn is_generator(function: &StmtFunctionDef) -> bool {
    struct Finder(bool);
    impl<'a> Visitor<'a> for Finder {
        fn visit_expr(&mut self, expression: &'a Expr) {
            self.0 |= matches!(expression, Expr::Yield(_));
            walk_expr(self, expression);
        }
    }
    let mut finder = Finder(false);
    finder.visit_body(&function.body);
    finder.0
}
