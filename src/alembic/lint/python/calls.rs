//! Calls: which of them reach the database, and which cannot be read.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::{Ranged, TextRange};

use super::interpreter::Interpreter;
use super::value::{Call, Value};
use super::{database, directives, signatures, strings};

/// Modules that never touch the database unless they are given a connection, which is read elsewhere.
const HARMLESS: &str = " builtins sqlalchemy alembic abc argparse ast base64 binascii calendar collections contextlib copy \
    csv dataclasses datetime decimal enum functools getpass hashlib hmac inspect io itertools json locale logging math \
    operator os pathlib pickle platform pprint pytz random re secrets shutil string struct sys tempfile textwrap time \
    traceback types typing typing_extensions urllib uuid warnings zlib zoneinfo ";

/// What Python brings, but for `exec` and its kin, which run what nobody can read.
const BUILTINS: &str = " abs all any ascii bin bool bytearray bytes callable chr classmethod complex delattr dict dir divmod \
    enumerate filter float format frozenset getattr globals hasattr hash help hex id input int isinstance issubclass iter \
    len list locals map max memoryview min next object oct open ord pow print property range repr reversed round set \
    setattr slice sorted staticmethod str sum super tuple type vars zip ";

/// Methods of imported models, columns and of JSON libraries: they give a value, and what is executed with it is read.
const EXPRESSIONS: &str = " insert update delete select is_ is_not in_ not_in like label dumps loads ";

fn lists(names: &str, name: &str) -> bool {
    names.split_whitespace().any(|listed| listed == name)
}

impl<'a> Interpreter<'a> {
    /// The function and the arguments of a call, stars spread as far as they are known.
    pub(super) fn called(&mut self, call: &'a ExprCall) -> Call<'a> {
        let mut function = self.evaluate(&call.func);
        let mut arguments = Vec::new();
        for argument in &call.arguments.args {
            let value = self.evaluate(argument);
            match (argument, value.elements()) {
                (Expr::Starred(_), Some(spread)) => arguments.extend(spread),
                _ => arguments.push(value),
            }
        }
        let mut keywords = Vec::new();
        for keyword in &call.arguments.keywords {
            match (&keyword.arg, self.evaluate(&keyword.value)) {
                (Some(name), value) => keywords.push((name.to_string(), value)),
                (None, Value::Dict(entries)) => {
                    let named = |(key, value): &(Value<'a>, Value<'a>)| Some((key.as_str()?.to_owned(), value.clone()));
                    keywords.extend(entries.iter().filter_map(named));
                }
                (None, _) => {}
            }
        }
        if let Some(partial) = function.call_of(&["partial"]).cloned()
            && let Some((inner, bound)) = partial.arguments.split_first()
        {
            arguments.splice(0..0, bound.iter().cloned());
            keywords.extend(partial.keywords.iter().cloned());
            function = inner.clone();
        }
        Call { function, arguments, keywords }
    }

    pub(super) fn evaluate_call(&mut self, expression: &'a ExprCall) -> Value<'a> {
        let range = expression.range();
        let call = self.called(expression);
        if let Some(value) = self.mutated(expression, &call).or_else(|| self.invoke(&call.function.clone(), &call)) {
            return value;
        }
        match call.function.clone() {
            Value::Path(path) => self.call_of_path(&path, call, range),
            Value::Member(of, name) => {
                if let Some(value) = strings::method(&of, &name, &call) {
                    return value;
                }
                match &*of {
                    Value::Batch(table) => directives::carry_out(self, &name, Some(table), call, range),
                    of => database::method(self, of, &name, call, range),
                }
            }
            // One of several functions, by a computed name: any of them may run.
            Value::List(functions) => {
                for function in &*functions {
                    self.invoke(function, &call);
                }
                Value::Unknown
            }
            function => {
                if function == Value::Unknown {
                    self.note(range, "what is called here is not told by the file, nor what it does to the database");
                }
                self.call_back(&call, range);
                Value::Call(call.into())
            }
        }
    }

    fn call_of_path(&mut self, path: &str, call: Call<'a>, range: TextRange) -> Value<'a> {
        if let Some(directive) = path.strip_prefix("alembic.op.") {
            self.call_back(&call, range);
            return directives::carry_out(self, directive, None, call, range);
        }
        if let Some(value) = strings::builtin(path, &call) {
            return value;
        }
        let (root, tail) = (path.split('.').next().unwrap_or_default(), path.rsplit('.').next().unwrap_or_default());
        if tail == "execute" && call.arguments.len() == 1 {
            return database::method(self, &Value::Unknown, tail, call, range);
        }
        let is_unread = if root == "builtins" {
            !lists(BUILTINS, tail) && !is_exception(tail)
        } else {
            // A class of the application, such as a column type, does nothing when it is made without a connection.
            let is_class = tail.starts_with(char::is_uppercase) && !call.arguments.iter().any(is_handle);
            !lists(HARMLESS, root) && !path.contains(".c.") && !lists(EXPRESSIONS, tail) && !is_class
        };
        if is_unread {
            let name = path.strip_prefix("builtins.").unwrap_or(path);
            self.note(range, format!("{name}() is not in this file: what it does to the database is unknown"));
        }
        // What `partial` is given is called when the result is.
        if tail != "partial" {
            self.call_back(&call, range);
        }
        Value::Call(call.into())
    }

    /// Functions that are handed to a call are taken to be called, with who knows what.
    fn call_back(&mut self, call: &Call<'a>, range: TextRange) {
        for value in call.arguments.iter().chain(call.keywords.iter().map(|(_, value)| value)) {
            match value {
                Value::Function(_) | Value::Lambda(_) => {
                    self.invoke(value, &Call { function: value.clone(), arguments: Vec::new(), keywords: Vec::new() });
                }
                Value::Path(path)
                    if path.strip_prefix("alembic.op.").is_some_and(|name| signatures::positional(name).is_some()) =>
                {
                    self.note(range, format!("{path} is handed on: what it is called with is unknown"));
                }
                _ => {}
            }
        }
    }

    /// A method that changes a list or a dict that a name holds: the name holds another value afterwards.
    fn mutated(&mut self, expression: &'a ExprCall, call: &Call<'a>) -> Option<Value<'a>> {
        let Expr::Attribute(attribute) = &*expression.func else { return None };
        let Expr::Name(name) = &*attribute.value else { return None };
        let held = self.lookup(name.id.as_str());
        let changed = match (&held, attribute.attr.as_str(), call.arguments.as_slice()) {
            (Value::List(elements), "append" | "add", [added]) => {
                Value::List(elements.iter().cloned().chain([added.clone()]).collect::<Vec<_>>().into())
            }
            (Value::List(elements), "extend" | "update", [added]) => added.elements().map_or(Value::Unknown, |added| {
                Value::List(elements.iter().cloned().chain(added).collect::<Vec<_>>().into())
            }),
            (
                Value::List(_) | Value::Dict(_),
                "insert" | "pop" | "remove" | "discard" | "clear" | "update" | "sort" | "reverse" | "setdefault"
                | "popitem",
                _,
            ) => Value::Unknown,
            _ => return None,
        };
        self.rebind(name.id.as_str(), changed);
        Some(Value::Unknown)
    }
}

/// Whether a value gives access to the database.
fn is_handle(value: &Value) -> bool {
    value.chain().any(|link| {
        matches!(link, Value::Path(path) if path.starts_with("alembic.op")) || matches!(link, Value::Batch(_))
    })
}

fn is_exception(name: &str) -> bool {
    name.ends_with("Error") || name.ends_with("Exception") || name.ends_with("Warning") || name.ends_with("Exit")
}
