//! Expressions, and the calls among them that do something to the database.

use ruff_python_ast::{BoolOp, CmpOp, Comprehension, Expr, ExprCall, Number, UnaryOp};
use ruff_text_size::{Ranged, TextRange};
use std::rc::Rc;

use super::interpreter::Interpreter;
use super::value::{Call, Value};
use super::{database, directives, strings};

/// A call taken apart: the function, its arguments, its keywords.
pub(super) type Called<'a> = (Value<'a>, Vec<Value<'a>>, Vec<(String, Value<'a>)>);

/// Modules that never touch the database unless they are given a connection, which is read elsewhere.
const HARMLESS: &[&str] = &[
    "builtins",
    "sqlalchemy",
    "alembic",
    "abc",
    "argparse",
    "ast",
    "base64",
    "binascii",
    "calendar",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "getpass",
    "hashlib",
    "hmac",
    "inspect",
    "io",
    "itertools",
    "json",
    "locale",
    "logging",
    "math",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "pprint",
    "pytz",
    "random",
    "re",
    "secrets",
    "shutil",
    "string",
    "struct",
    "sys",
    "tempfile",
    "textwrap",
    "time",
    "traceback",
    "types",
    "typing",
    "typing_extensions",
    "urllib",
    "uuid",
    "warnings",
    "zlib",
    "zoneinfo",
];

/// Methods of imported models, columns and of JSON libraries: they give a value, and what is executed with it is read.
const EXPRESSIONS: &[&str] =
    &["insert", "update", "delete", "select", "is_", "is_not", "in_", "not_in", "like", "label", "dumps", "loads"];

impl<'a> Interpreter<'a> {
    /// The value of an expression; what it does to the database is recorded on the way.
    pub(super) fn evaluate(&mut self, expression: &'a Expr) -> Value<'a> {
        match expression {
            Expr::NoneLiteral(_) => Value::None,
            Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(number) => number.as_i64().map_or(Value::Unknown, Value::Int),
                _ => Value::Unknown,
            },
            Expr::StringLiteral(literal) => Value::text(literal.value.to_str()),
            Expr::FString(literal) => strings::formatted(self, literal),
            Expr::Name(name) => self.lookup(name.id.as_str()),
            Expr::Attribute(attribute) => {
                let of = self.evaluate(&attribute.value);
                member(of, attribute.attr.as_str())
            }
            Expr::Call(call) => self.evaluate_call(call),
            Expr::List(list) => self.list(&list.elts),
            Expr::Tuple(tuple) => self.list(&tuple.elts),
            Expr::Set(set) => self.list(&set.elts),
            Expr::Dict(dict) => {
                let mut entries = Vec::new();
                for item in &dict.items {
                    let value = self.evaluate(&item.value);
                    match (&item.key, value) {
                        (Some(key), value) => entries.push((self.evaluate(key), value)),
                        (None, Value::Dict(other)) => entries.extend(other.iter().cloned()),
                        (None, _) => return Value::Unknown,
                    }
                }
                Value::Dict(entries.into())
            }
            Expr::BinOp(operation) => {
                let left = self.evaluate(&operation.left);
                let right = self.evaluate(&operation.right);
                strings::binary(&left, operation.op, &right)
            }
            Expr::UnaryOp(operation) => {
                let operand = self.evaluate(&operation.operand);
                match (operation.op, operand) {
                    (UnaryOp::Not, operand) => operand.truth().map_or(Value::Unknown, |truth| Value::Bool(!truth)),
                    (UnaryOp::USub, Value::Int(number)) => number.checked_neg().map_or(Value::Unknown, Value::Int),
                    _ => Value::Unknown,
                }
            }
            Expr::BoolOp(operation) => self.boolean(operation.op, &operation.values),
            Expr::Compare(comparison) => {
                let left = self.evaluate(&comparison.left);
                let rights = comparison.comparators.iter().map(|right| self.evaluate(right)).collect::<Vec<_>>();
                match (&*comparison.ops, rights.as_slice()) {
                    ([operator], [right]) => compare(&left, *operator, right).map_or(Value::Unknown, Value::Bool),
                    _ => Value::Unknown,
                }
            }
            Expr::If(choice) => {
                let test = self.evaluate(&choice.test).truth();
                let yes = if test == Some(false) { Value::Unknown } else { self.evaluate(&choice.body) };
                let no = if test == Some(true) { Value::Unknown } else { self.evaluate(&choice.orelse) };
                match test {
                    Some(true) => yes,
                    Some(false) => no,
                    None if yes == no => yes,
                    None => Value::Unknown,
                }
            }
            Expr::Subscript(subscript) => {
                let of = self.evaluate(&subscript.value);
                let index = self.evaluate(&subscript.slice);
                item(&of, &index)
            }
            Expr::Named(named) => {
                let value = self.evaluate(&named.value);
                self.assign(&named.target, value.clone());
                value
            }
            Expr::Await(awaited) => self.evaluate(&awaited.value),
            Expr::Starred(starred) => self.evaluate(&starred.value),
            Expr::Yield(_) => {
                self.yielded();
                Value::Unknown
            }
            Expr::ListComp(comprehension) => self.comprehension(&comprehension.generators, &comprehension.elt),
            Expr::SetComp(comprehension) => self.comprehension(&comprehension.generators, &comprehension.elt),
            Expr::Generator(comprehension) => self.comprehension(&comprehension.generators, &comprehension.elt),
            Expr::DictComp(_)
            | Expr::Lambda(_)
            | Expr::YieldFrom(_)
            | Expr::TString(_)
            | Expr::BytesLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::Slice(_)
            | Expr::IpyEscapeCommand(_) => Value::Unknown,
        }
    }

    fn list(&mut self, elements: &'a [Expr]) -> Value<'a> {
        let mut values = Vec::new();
        for element in elements {
            let value = self.evaluate(element);
            match (element, value.elements()) {
                (Expr::Starred(_), Some(spread)) => values.extend(spread),
                (Expr::Starred(_), None) => return Value::Unknown,
                _ => values.push(value),
            }
        }
        Value::List(values.into())
    }

    fn boolean(&mut self, operator: BoolOp, operands: &'a [Expr]) -> Value<'a> {
        // `and` ends at the first that is false, `or` at the first that is true.
        let deciding = operator == BoolOp::Or;
        let mut all_known = true;
        let mut last = Value::Unknown;
        for operand in operands {
            last = self.evaluate(operand);
            match last.truth() {
                Some(truth) if truth == deciding => return if all_known { last } else { Value::Bool(deciding) },
                Some(_) => {}
                None => all_known = false,
            }
        }
        if all_known { last } else { Value::Unknown }
    }

    fn comprehension(&mut self, generators: &'a [Comprehension], element: &'a Expr) -> Value<'a> {
        let Some((generator, inner)) = generators.split_first() else { return Value::Unknown };
        let iterated = self.evaluate(&generator.iter);
        let known = iterated.elements().filter(|elements| elements.len() <= 1_000 && inner.is_empty());
        let Some(elements) = known else {
            self.assign(&generator.target, Value::Unknown);
            self.evaluate(element);
            return Value::Unknown;
        };
        let mut values = Vec::new();
        for value in elements {
            self.assign(&generator.target, value);
            let kept = generator.ifs.iter().map(|test| self.evaluate(test).truth()).collect::<Vec<_>>();
            if kept.contains(&None) {
                return Value::Unknown;
            }
            if !kept.contains(&Some(false)) {
                values.push(self.evaluate(element));
            }
        }
        Value::List(values.into())
    }

    /// The function and the arguments of a call, stars spread as far as they are known.
    pub(super) fn called(&mut self, call: &'a ExprCall) -> Called<'a> {
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
            let value = self.evaluate(&keyword.value);
            match (&keyword.arg, value) {
                (Some(name), value) => keywords.push((name.to_string(), value)),
                (None, Value::Dict(entries)) => {
                    keywords.extend(
                        entries.iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))),
                    );
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
        (function, arguments, keywords)
    }

    fn evaluate_call(&mut self, call: &'a ExprCall) -> Value<'a> {
        let range = call.range();
        let (function, arguments, keywords) = self.called(call);
        match &function {
            Value::Function(definition) => self.call(definition, &arguments, &keywords, None),
            Value::Path(path) => {
                let path = Rc::clone(path);
                let call = Call { function, arguments, keywords };
                self.call_of_path(&path, call, range)
            }
            Value::Member(of, name) => {
                let (of, name) = (Rc::clone(of), Rc::clone(name));
                if let Some(value) = strings::method(&of, &name, &arguments, &keywords) {
                    return value;
                }
                let call = Call { function, arguments, keywords };
                match &*of {
                    Value::Batch(table) => directives::carry_out(self, &name, Some(table), call, range),
                    of => database::method(self, of, &name, call, range),
                }
            }
            Value::Call(inner) if matches!(inner.function.tail(), Some("globals")) => Value::Unknown,
            _ => Value::Call(Call { function, arguments, keywords }.into()),
        }
    }

    fn call_of_path(&mut self, path: &str, call: Call<'a>, range: TextRange) -> Value<'a> {
        if let Some(directive) = path.strip_prefix("alembic.op.") {
            return directives::carry_out(self, directive, None, call, range);
        }
        if let Some(value) = strings::builtin(path, &call) {
            return value;
        }
        let tail = path.rsplit('.').next().unwrap_or_default();
        if tail == "execute" && call.arguments.len() == 1 {
            return database::method(self, &Value::Unknown, tail, call, range);
        }
        let root = path.split('.').next().unwrap_or_default();
        // An expression over columns of an imported model.
        let is_expression = path.contains(".c.") || EXPRESSIONS.contains(&tail);
        // A class of the application (a column type, an exception) does nothing when it is made.
        if !HARMLESS.contains(&root) && !is_expression && !tail.starts_with(char::is_uppercase) {
            self.note(range, format!("{path}() is imported and not read: what it does to the database is unknown"));
        }
        Value::Call(call.into())
    }
}

/// An attribute; of a module it is a longer name.
fn member<'a>(of: Value<'a>, name: &str) -> Value<'a> {
    match (&of, name) {
        (Value::Path(path), _) => Value::Path(format!("{path}.{name}").into()),
        (Value::Model(table), "__tablename__") => table.name.as_deref().map_or(Value::Unknown, Value::text),
        (Value::Dialect, "name") => Value::text("postgresql"),
        (Value::Member(_, engine), "name") if &**engine == "engine" => Value::text("postgresql"),
        (Value::Call(_) | Value::Member(..) | Value::Unknown, "dialect") => Value::Dialect,
        (Value::Call(_), "name") if of.table().name.is_some() => of.table().name.map_or(Value::Unknown, Value::text),
        _ => Value::Member(Rc::new(of), name.into()),
    }
}

fn item<'a>(of: &Value<'a>, index: &Value<'a>) -> Value<'a> {
    match (of, index) {
        (Value::List(elements), Value::Int(at)) => {
            let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            let at = if *at < 0 { at + length } else { *at };
            usize::try_from(at).ok().and_then(|at| elements.get(at)).cloned().unwrap_or(Value::Unknown)
        }
        (Value::Dict(entries), key) => {
            entries.iter().rev().find(|(there, _)| there == key).map_or(Value::Unknown, |(_, value)| value.clone())
        }
        _ => Value::Unknown,
    }
}

fn compare(left: &Value, operator: CmpOp, right: &Value) -> Option<bool> {
    let literal =
        |value: &Value| matches!(value, Value::None | Value::Bool(_) | Value::Int(_)) || value.as_str().is_some();
    match operator {
        CmpOp::Eq | CmpOp::Is => (literal(left) && literal(right)).then(|| left == right),
        CmpOp::NotEq | CmpOp::IsNot => (literal(left) && literal(right)).then(|| left != right),
        CmpOp::In | CmpOp::NotIn => {
            let elements = right.elements().filter(|elements| literal(left) && elements.iter().all(literal))?;
            Some(elements.contains(left) == (operator == CmpOp::In))
        }
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => None,
    }
}
