//! What a Python expression is known to be without running it.

use std::rc::Rc;

use ruff_python_ast::{ExprLambda, StmtClassDef, StmtFunctionDef};

use crate::alembic::lint::operation::Table;

/// A value, as far as the file tells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// It depends on something that is not in the file.
    Unknown,
    None,
    Bool(bool),
    Int(i64),
    Text(Text),
    /// A list, tuple or set.
    List(Rc<Vec<Value<'a>>>),
    Dict(Rc<Vec<(Value<'a>, Value<'a>)>>),
    /// Something imported, under its full dotted name; `builtins.` for what Python brings.
    Path(Rc<str>),
    /// A function of the file.
    Function(&'a StmtFunctionDef),
    /// An anonymous function of the file.
    Lambda(&'a ExprLambda),
    /// A class of the file.
    Model(Rc<Model<'a>>),
    /// What `batch_alter_table` gives.
    Batch(Rc<Table>),
    /// The dialect of a connection: PostgreSQL, or there would be no lint.
    Dialect,
    /// A call that is not carried out: `sa.Column(...)`, `op.get_bind()`, `sa.select(...).where(...)`.
    Call(Rc<Call<'a>>),
    /// An attribute of something that is not a module.
    Member(Rc<Value<'a>>, Rc<str>),
}

/// A string; the parts that are not known are the placeholder of [`super::super::sql`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub text: Rc<str>,
    /// Whether all of it is known.
    pub complete: bool,
}

/// A class of the file: most are models, with a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model<'a> {
    pub class: &'a StmtClassDef,
    pub table: Table,
}

/// A call that stays as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call<'a> {
    pub function: Value<'a>,
    pub arguments: Vec<Value<'a>>,
    pub keywords: Vec<(String, Value<'a>)>,
}

impl<'a> Value<'a> {
    /// A string that is known.
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text { text: text.into(), complete: true })
    }

    /// The string, if all of it is known.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) if text.complete => Some(&text.text),
            _ => None,
        }
    }

    /// The elements of a list, or the keys of a dict.
    pub(super) fn elements(&self) -> Option<Vec<Value<'a>>> {
        match self {
            Self::List(elements) => Some(elements.to_vec()),
            Self::Dict(entries) => Some(entries.iter().map(|(key, _)| key.clone()).collect()),
            _ => None,
        }
    }

    /// Whether the value counts as true, if that is known.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::None => Some(false),
            Self::Bool(value) => Some(*value),
            Self::Int(value) => Some(*value != 0),
            Self::Text(text) => text.complete.then(|| !text.text.is_empty()),
            Self::List(elements) => Some(!elements.is_empty()),
            Self::Dict(entries) => Some(!entries.is_empty()),
            Self::Function(_) | Self::Lambda(_) | Self::Model(_) | Self::Batch(_) | Self::Dialect => Some(true),
            Self::Unknown | Self::Path(_) | Self::Call(_) | Self::Member(..) => None,
        }
    }

    /// The dotted name of an imported thing, or of the one that this is a call of.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path),
            Self::Call(call) => call.function.path(),
            _ => None,
        }
    }

    /// The last part of [`Self::path`]: `Column` of `sqlalchemy.Column`.
    pub(super) fn tail(&self) -> Option<&str> {
        self.path().and_then(|path| path.rsplit('.').next())
    }

    /// The call, where the function's name ends so.
    pub(super) fn call_of(&self, names: &[&str]) -> Option<&Call<'a>> {
        match self {
            Self::Call(call) if self.tail().is_some_and(|tail| names.contains(&tail)) => Some(call),
            _ => None,
        }
    }

    /// What a chain of calls and attributes hangs on, each link from the outside in.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Value<'a>> {
        std::iter::successors(Some(self), |value| match value {
            Value::Call(call) => Some(&call.function),
            Value::Member(of, _) => Some(of),
            _ => None,
        })
    }

    /// The table or name that a value stands for: a string, a quoted name, a table object, a model.
    pub(super) fn name(&self) -> Option<String> {
        self.table().name
    }

    /// The same with its schema.
    pub(super) fn table(&self) -> Table {
        match self {
            Self::Text(_) => Table { schema: None, name: self.as_str().map(str::to_owned) },
            Self::Model(model) => model.table.clone(),
            Self::Batch(table) => Table::clone(table),
            Self::Member(of, attribute) if &**attribute == "__table__" => of.table(),
            Self::Call(call) => match self.tail() {
                Some(
                    "quoted_name" | "table" | "Table" | "TableClause" | "create_table" | "f" | "column" | "text"
                    | "literal_column" | "aliased",
                ) => {
                    let name = call.arguments.first().map(Value::table).unwrap_or_default();
                    let schema = call.keyword("schema").and_then(|schema| schema.as_str().map(str::to_owned));
                    Table { schema: schema.or(name.schema), name: name.name }
                }
                _ => Table::default(),
            },
            _ => Table::default(),
        }
    }

    /// The names in a list.
    pub(super) fn names(&self) -> Vec<String> {
        self.elements().unwrap_or_default().iter().filter_map(Value::name).collect()
    }
}

impl<'a> Call<'a> {
    /// The value of a keyword argument.
    pub(super) fn keyword(&self, name: &str) -> Option<&Value<'a>> {
        self.keywords.iter().find(|(keyword, _)| keyword == name).map(|(_, value)| value)
    }

    /// A keyword argument that is `True`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.keyword(name).and_then(Value::truth) == Some(true)
    }

    /// An argument by position or by name.
    pub(super) fn argument(&self, position: usize, name: &str) -> Option<&Value<'a>> {
        self.keyword(name).or_else(|| self.arguments.get(position))
    }
}
