//! Strings put together from parts, and the few functions of Python that only rearrange literals.

use ruff_python_ast::{ExprFString, FStringPart, InterpolatedStringElement, Operator};

use super::interpreter::Interpreter;
use super::value::{Call, Text, Value};
use crate::alembic::lint::sql::PLACEHOLDER;

/// Strings longer than this are not put together any further.
const LONGEST: usize = 1 << 20;

/// A string under construction; parts that are not known leave the placeholder.
struct Builder {
    text: String,
    complete: bool,
}

impl Builder {
    fn new() -> Self {
        Self { text: String::new(), complete: true }
    }

    fn push(&mut self, value: &Value) {
        match value {
            Value::Text(text) => {
                self.text.push_str(&text.text);
                self.complete &= text.complete;
            }
            Value::Int(number) => self.text.push_str(&number.to_string()),
            Value::Bool(truth) => self.text.push_str(if *truth { "True" } else { "False" }),
            other => {
                let name = other.name();
                self.complete &= name.is_some();
                self.text.push_str(name.as_deref().unwrap_or(PLACEHOLDER));
            }
        }
    }

    fn finish<'a>(self) -> Value<'a> {
        if self.text.len() > LONGEST {
            return Value::Unknown;
        }
        Value::Text(Text { text: self.text.into(), complete: self.complete })
    }
}

/// An f-string.
pub(super) fn formatted<'a>(interpreter: &mut Interpreter<'a>, string: &'a ExprFString) -> Value<'a> {
    let mut built = Builder::new();
    for part in &string.value {
        match part {
            FStringPart::Literal(literal) => built.text.push_str(&literal.value),
            FStringPart::FString(formatted) => {
                for element in &formatted.elements {
                    match element {
                        InterpolatedStringElement::Literal(literal) => built.text.push_str(&literal.value),
                        InterpolatedStringElement::Interpolation(inner) => {
                            let value = interpreter.evaluate(&inner.expression);
                            built.push(if inner.format_spec.is_some() { &Value::Unknown } else { &value });
                        }
                    }
                }
            }
        }
    }
    built.finish()
}

/// `+` and `%` on strings, `+` on lists.
pub(super) fn binary<'a>(left: &Value<'a>, operator: Operator, right: &Value<'a>) -> Value<'a> {
    match (left, operator, right) {
        (Value::List(left), Operator::Add, Value::List(right)) if left.len() + right.len() <= 10_000 => {
            Value::List(left.iter().chain(&**right).cloned().collect::<Vec<_>>().into())
        }
        (Value::Text(_), Operator::Add, _) | (_, Operator::Add, Value::Text(_)) => {
            let mut built = Builder::new();
            built.push(left);
            built.push(right);
            built.finish()
        }
        (Value::Text(template), Operator::Mod, _) => percent(template, right),
        (Value::Int(left), Operator::Add, Value::Int(right)) => {
            left.checked_add(*right).map_or(Value::Unknown, Value::Int)
        }
        _ => Value::Unknown,
    }
}

/// `"... %s ... %(name)s" % values`.
fn percent<'a>(template: &Text, values: &Value<'a>) -> Value<'a> {
    let mut built = Builder { text: String::new(), complete: template.complete };
    let mut positional = match values {
        Value::List(values) => values.to_vec(),
        other => vec![other.clone()],
    }
    .into_iter();
    let mut rest = &*template.text;
    while let Some((before, after)) = rest.split_once('%') {
        built.text.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('%') {
            built.text.push('%');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|named| named.split_once(')')) {
            let value = match values {
                Value::Dict(entries) => entries
                    .iter()
                    .find(|(key, _)| key.as_str() == Some(name))
                    .map_or(Value::Unknown, |(_, value)| value.clone()),
                _ => Value::Unknown,
            };
            built.push(&value);
            rest = after.get(1..).unwrap_or_default();
        } else if let Some(after) = rest.strip_prefix(['s', 'd', 'r']) {
            built.push(&positional.next().unwrap_or(Value::Unknown));
            rest = after;
        } else {
            built.text.push('%');
        }
    }
    built.text.push_str(rest);
    built.finish()
}

/// `"... {} {name}".format(...)`.
fn format<'a>(template: &Text, arguments: &[Value<'a>], keywords: &[(String, Value<'a>)]) -> Value<'a> {
    let mut built = Builder { text: String::new(), complete: template.complete };
    let mut next = 0;
    let mut rest = &*template.text;
    while let Some(at) = rest.find(['{', '}']) {
        built.text.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            built.text.push_str(brace);
            rest = after;
        } else if brace == "{" {
            let (field, after) = rest.split_once('}').unwrap_or((rest, ""));
            rest = after;
            let value = match field.parse::<usize>() {
                Ok(position) => arguments.get(position).cloned(),
                Err(_) if field.is_empty() => {
                    next += 1;
                    arguments.get(next - 1).cloned()
                }
                Err(_) => keywords.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone()),
            };
            built.push(&value.unwrap_or(Value::Unknown));
        }
    }
    built.text.push_str(rest);
    built.finish()
}

/// Methods of strings and dicts that are worth following.
pub(super) fn method<'a>(of: &Value<'a>, name: &str, call: &Call<'a>) -> Option<Value<'a>> {
    let arguments = call.arguments.as_slice();
    match (of, name) {
        (Value::Text(template), "format") => Some(format(template, arguments, &call.keywords)),
        (Value::Text(separator), "join") => {
            let parts = arguments.first().and_then(Value::elements);
            let mut built = Builder { text: String::new(), complete: separator.complete };
            for (position, part) in parts.unwrap_or_else(|| vec![Value::Unknown]).iter().enumerate() {
                if position > 0 {
                    built.text.push_str(&separator.text);
                }
                built.push(part);
            }
            Some(built.finish())
        }
        (Value::Text(text), "strip") if arguments.is_empty() => {
            Some(Value::Text(Text { text: text.text.trim().into(), complete: text.complete }))
        }
        (Value::Text(text), "lower" | "upper") => {
            let changed = if name == "lower" { text.text.to_lowercase() } else { text.text.to_uppercase() };
            Some(if text.complete { Value::text(changed) } else { Value::Unknown })
        }
        (Value::Text(text), "startswith") => {
            Some(Value::Bool(text.text.starts_with(arguments.first()?.as_str()?))).filter(|_| text.complete)
        }
        (Value::Text(text), "split") if text.complete => {
            let parts = text.text.split(arguments.first()?.as_str()?).map(Value::text).collect::<Vec<_>>();
            Some(Value::List(parts.into()))
        }
        (Value::Text(text), "replace") => {
            let (from, to) = (arguments.first()?.as_str()?, arguments.get(1)?.as_str()?);
            Some(Value::Text(Text { text: text.text.replace(from, to).into(), complete: text.complete }))
        }
        (Value::Text(_), "encode" | "splitlines") => Some(Value::Unknown),
        (Value::Dict(entries), "items") => Some(Value::List(
            entries
                .iter()
                .map(|(key, value)| Value::List(vec![key.clone(), value.clone()].into()))
                .collect::<Vec<_>>()
                .into(),
        )),
        (Value::Dict(entries), "values") => {
            Some(Value::List(entries.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>().into()))
        }
        (Value::Dict(_), "keys") => of.elements().map(|keys| Value::List(keys.into())),
        _ => None,
    }
}

/// Functions of the standard library that rearrange literals or name a member.
pub(super) fn builtin<'a>(path: &str, call: &Call<'a>) -> Option<Value<'a>> {
    let first = call.arguments.first();
    match path {
        "builtins.list" | "builtins.tuple" | "builtins.sorted" | "builtins.set" | "builtins.frozenset" => {
            Some(first?.elements().map_or(Value::Unknown, |elements| Value::List(elements.into())))
        }
        "builtins.reversed" => {
            let mut elements = first?.elements()?;
            elements.reverse();
            Some(Value::List(elements.into()))
        }
        "builtins.enumerate" => {
            let elements = first?.elements()?.into_iter().zip(0..);
            Some(Value::List(
                elements
                    .map(|(element, number)| Value::List(vec![Value::Int(number), element].into()))
                    .collect::<Vec<_>>()
                    .into(),
            ))
        }
        "builtins.zip" => {
            let lists = call.arguments.iter().map(Value::elements).collect::<Option<Vec<_>>>()?;
            let shortest = lists.iter().map(Vec::len).min()?;
            Some(Value::List(
                (0..shortest)
                    .map(|at| Value::List(lists.iter().map(|list| list[at].clone()).collect::<Vec<_>>().into()))
                    .collect::<Vec<_>>()
                    .into(),
            ))
        }
        "builtins.dict" if call.arguments.is_empty() => Some(Value::Dict(
            call.keywords
                .iter()
                .map(|(name, value)| (Value::text(name.as_str()), value.clone()))
                .collect::<Vec<_>>()
                .into(),
        )),
        "builtins.str" | "textwrap.dedent" | "inspect.cleandoc" => first.cloned(),
        "builtins.bool" => first?.truth().map(Value::Bool),
        "builtins.getattr" => match (first?, call.arguments.get(1)?.as_str()) {
            (Value::Path(of), Some(name)) => Some(Value::Path(format!("{of}.{name}").into())),
            (of, Some(name)) => Some(Value::Member(of.clone().into(), name.into())),
            (_, None) => Some(Value::Unknown),
        },
        "builtins.isinstance" => {
            let class = call.arguments.get(1)?.path()?.to_lowercase();
            let other = ["mysql", "sqlite", "oracle", "mssql"].iter().any(|dialect| class.contains(dialect));
            other.then_some(Value::Bool(false))
        }
        _ => None,
    }
}
