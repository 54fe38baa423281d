//! The file's own functions, methods and lambdas, carried out where they are called.

use std::rc::Rc;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Parameters, Stmt, StmtFunctionDef};

use super::interpreter::{Interpreter, Scope};
use super::value::{Call, Model, Value};

/// Deeper nesting of calls than this is not followed.
const DEEPEST: usize = 100;

impl<'a> Interpreter<'a> {
    /// Carries out what the file itself defines; nothing for any other value.
    pub(super) fn invoke(&mut self, callable: &Value<'a>, call: &Call<'a>) -> Option<Value<'a>> {
        match callable {
            Value::Function(function) => Some(self.run_function(function, call, None)),
            Value::Lambda(lambda) if self.scopes.len() < DEEPEST => {
                let scope = lambda.parameters.as_ref().map(|parameters| self.parameters(parameters, call));
                self.scopes.push(Rc::new(scope.unwrap_or_default()));
                let value = self.evaluate(&lambda.body);
                self.scopes.pop();
                Some(value)
            }
            Value::Lambda(_) => Some(Value::Unknown),
            Value::Member(of, name) => {
                let (model, is_instance) = match &**of {
                    Value::Model(model) => (Some(Rc::clone(model)), false),
                    Value::Call(made) => match &made.function {
                        Value::Model(model) => (Some(Rc::clone(model)), true),
                        _ => (None, false),
                    },
                    _ => (None, false),
                };
                let model = model?;
                let method = self.method(&model, name, 0)?;
                let is_static = method.decorator_list.iter().any(
                    |decorator| matches!(&decorator.expression, Expr::Name(name) if name.id.as_str() == "staticmethod"),
                );
                let is_class = method.decorator_list.iter().any(
                    |decorator| matches!(&decorator.expression, Expr::Name(name) if name.id.as_str() == "classmethod"),
                );
                let mut call = call.clone();
                if is_class || is_instance && !is_static {
                    call.arguments.insert(0, Value::clone(of));
                }
                Some(self.run_function(method, &call, None))
            }
            _ => None,
        }
    }

    /// A method of a class of the file, or of the bases that are in the file too.
    fn method(&self, model: &Model<'a>, name: &str, depth: usize) -> Option<&'a StmtFunctionDef> {
        let own = model.class.body.iter().find_map(|statement| match statement {
            Stmt::FunctionDef(function) if function.name.as_str() == name => Some(function),
            _ => None,
        });
        own.or_else(|| {
            model.class.bases().iter().filter(|_| depth < DEEPEST).find_map(|base| match base {
                Expr::Name(base) => match self.lookup(base.id.as_str()) {
                    Value::Model(base) => self.method(&base, name, depth + 1),
                    _ => None,
                },
                _ => None,
            })
        })
    }

    /// Runs a function of the file, and gives what it returns where that is one value.
    pub(super) fn run_function(
        &mut self,
        function: &'a StmtFunctionDef,
        call: &Call<'a>,
        body: Option<&'a [Stmt]>,
    ) -> Value<'a> {
        // What recursion does to the database, its first round has shown.
        let again = self.running.iter().any(|running| std::ptr::eq(*running, function));
        if again || self.scopes.len() >= DEEPEST {
            if let Some(body) = body {
                self.block(body);
            }
            return Value::Unknown;
        }
        let scope = self.parameters(&function.parameters, call);
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

    fn parameters(&mut self, parameters: &'a Parameters, call: &Call<'a>) -> Scope<'a> {
        let mut scope = Scope::new();
        let positional = parameters.posonlyargs.iter().chain(&parameters.args);
        for (position, parameter) in positional.clone().chain(&parameters.kwonlyargs).enumerate() {
            let name = parameter.parameter.name.as_str();
            let value = match (call.argument(position, name), parameter.default.as_deref()) {
                (Some(value), _) => value.clone(),
                (None, Some(default)) => self.evaluate(default),
                (None, None) => Value::Unknown,
            };
            scope.insert(name, value);
        }
        if let Some(rest) = &parameters.vararg {
            let rest_of_arguments = call.arguments.get(positional.count()..).unwrap_or_default();
            scope.insert(rest.name.as_str(), Value::List(rest_of_arguments.to_vec().into()));
        }
        if let Some(rest) = &parameters.kwarg {
            let others = call.keywords.iter().filter(|(name, _)| !scope.contains_key(name.as_str()));
            let entries = others.map(|(name, value)| (Value::text(name.as_str()), value.clone())).collect::<Vec<_>>();
            scope.insert(rest.name.as_str(), Value::Dict(entries.into()));
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
}

/// Whether a function yields, as one that makes a context manager does.
pub(super) fn is_generator(function: &StmtFunctionDef) -> bool {
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
