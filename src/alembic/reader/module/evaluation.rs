//! The value of an expression, as far as it can be told.

use ruff_python_ast::Expr;
use ruff_text_size::Ranged;

use super::value::Value;
use super::{CONDITION, Module};

impl Module {
    /// Whether a condition holds when Alembic loads the file; `None` when only running it can tell.
    pub(super) fn truth(&self, test: &Expr) -> Option<bool> {
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
    pub(super) fn evaluate(&mut self, expression: &Expr) -> Value {
        let value = self.evaluate_quietly(expression);
        if !value.is_known() {
            self.effects(expression);
        }
        value
    }

    pub(super) fn evaluate_quietly(&self, expression: &Expr) -> Value {
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
