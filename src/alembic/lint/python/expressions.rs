//! Expressions, and the calls among them that do something to the database.

use ruff_python_ast::{BoolOp, CmpOp, Comprehension, Expr, Number, UnaryOp};
use std::rc::Rc;

use super::interpreter::Interpreter;
use super::strings;
use super::value::{Text, Value};
use crate::alembic::lint::operation::Arm;
use crate::alembic::lint::sql::PLACEHOLDER;

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
                match test {
                    Some(true) => self.evaluate(&choice.body),
                    Some(false) => self.evaluate(&choice.orelse),
                    None => {
                        let condition = self.new_condition();
                        let yes = self.evaluate_in(Arm { condition, branch: 0 }, &choice.body);
                        let no = self.evaluate_in(Arm { condition, branch: 1 }, &choice.orelse);
                        if yes == no { yes } else { Value::Unknown }
                    }
                }
            }
            Expr::Subscript(subscript) => {
                let of = self.evaluate(&subscript.value);
                let index = self.evaluate(&subscript.slice);
                match (of.path(), &index) {
                    (Some("builtins.globals" | "builtins.locals"), Value::Text(name)) => self.functions_named(name),
                    _ => item(&of, &index),
                }
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
            Expr::Lambda(lambda) => Value::Lambda(lambda),
            Expr::DictComp(comprehension) => self.comprehension(&comprehension.generators, &comprehension.value),
            Expr::YieldFrom(delegated) => self.evaluate(&delegated.value),
            Expr::TString(_)
            | Expr::BytesLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::Slice(_)
            | Expr::IpyEscapeCommand(_) => Value::Unknown,
        }
    }

    /// `globals()["name"]`: the function, or all that may be meant when only the beginning of the name is known.
    fn functions_named(&self, name: &Text) -> Value<'a> {
        match name.text.split_once(PLACEHOLDER) {
            Some((prefix, _)) if !prefix.is_empty() => Value::List(self.functions_with(prefix).into()),
            Some(_) => Value::Unknown,
            None => self.lookup(&name.text),
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
            last = if all_known { self.evaluate(operand) } else { self.evaluate_perhaps(operand) };
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
            self.evaluate_perhaps(element);
            return Value::Unknown;
        };
        let mut values = Some(Vec::new());
        for value in elements {
            self.assign(&generator.target, value);
            let kept = generator.ifs.iter().map(|test| self.evaluate(test).truth()).collect::<Vec<_>>();
            if kept.contains(&Some(false)) {
                continue;
            }
            if kept.contains(&None) {
                self.evaluate_perhaps(element);
                values = None;
            } else {
                let value = self.evaluate(element);
                if let Some(values) = &mut values {
                    values.push(value);
                }
            }
        }
        values.map_or(Value::Unknown, |values| Value::List(values.into()))
    }

    /// What is evaluated only under a condition that the file does not tell.
    fn evaluate_perhaps(&mut self, expression: &'a Expr) -> Value<'a> {
        let condition = self.new_condition();
        self.evaluate_in(Arm { condition, branch: 0 }, expression)
    }

    fn evaluate_in(&mut self, arm: Arm, expression: &'a Expr) -> Value<'a> {
        self.arms.push(arm);
        let value = self.evaluate(expression);
        self.arms.pop();
        value
    }
}

/// An attribute; of a module it is a longer name.
fn member<'a>(of: Value<'a>, name: &str) -> Value<'a> {
    match (&of, name) {
        (Value::Path(path), _) => Value::Path(format!("{path}.{name}").into()),
        (Value::Model(model), "__tablename__") => model.table.name.as_deref().map_or(Value::Unknown, Value::text),
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
        // One of several functions: any of them may run.
        (Value::Dict(entries), Value::Unknown)
            if entries.iter().all(|(_, value)| matches!(value, Value::Function(_) | Value::Lambda(_))) =>
        {
            Value::List(Rc::new(entries.iter().map(|(_, value)| value.clone()).collect()))
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
