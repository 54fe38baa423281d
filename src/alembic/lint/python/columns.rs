//! `sa.Column(...)` and the constraints beside it, as SQLAlchemy and Alembic render them.

use ruff_python_ast::{Expr, Stmt, StmtClassDef};

use super::interpreter::Interpreter;
use super::types;
use super::value::{Call, Model, Value};
use crate::alembic::lint::data_type::DataType;
use crate::alembic::lint::operation::{Column, Fill, Generated, Reference, Table};
use crate::alembic::lint::sql::expression;

/// Reads a column; nothing if the value is not one that the file spells out.
pub(super) fn column(value: &Value) -> Option<Column> {
    let call = value.call_of(&["Column"])?;
    let mut arguments = call.arguments.iter().peekable();
    let name =
        arguments.next_if(|value| matches!(value, Value::Text(_)) || value.call_of(&["quoted_name", "f"]).is_some());
    let mut column = Column { name: call.keyword("name").or(name).and_then(Value::name), ..Column::default() };
    let mut data_type = call.keyword("type_").cloned();
    for argument in arguments {
        if !apply(&mut column, argument) && data_type.is_none() {
            data_type = Some(argument.clone());
        }
    }
    column.data_type = data_type.as_ref().and_then(types::data_type);
    column.checked |= data_type
        .as_ref()
        .is_some_and(|value| value.call_of(&["Boolean", "Enum"]).is_some_and(|call| call.is_set("create_constraint")));
    let primary = call.is_set("primary_key");
    column.not_null |= primary || call.keyword("nullable").and_then(Value::truth) == Some(false);
    column.unique |= call.is_set("unique") && !call.is_set("index");
    column.indexed = call.is_set("index");
    if let Some(default) = call.keyword("server_default")
        && !apply(&mut column, default)
    {
        column.fill = fill(default);
    }
    let numbered = column
        .data_type
        .as_ref()
        .is_some_and(|data_type| matches!(data_type.name.as_str(), "integer" | "bigint" | "smallint"));
    let automatic = call.keyword("autoincrement").and_then(Value::truth) != Some(false) && column.references.is_empty();
    if primary && numbered && automatic && column.fill == Fill::Nothing && column.generated.is_none() {
        column.generated = Some(Generated::Serial);
    }
    Some(column)
}

/// Takes in a part of a column that is not its type; false if it is none.
fn apply(column: &mut Column, part: &Value) -> bool {
    match part.tail() {
        Some("ForeignKey") => column.references.push(referenced(part)),
        Some("Identity") => {
            column.generated = Some(Generated::Identity);
            column.not_null = true;
        }
        Some("Computed") => {
            // `persisted` unset renders STORED up to PostgreSQL 17.
            let stored = |call: &Call| call.argument(1, "persisted").and_then(Value::truth) != Some(false);
            let stored = part.call_of(&["Computed"]).is_none_or(stored);
            column.generated = Some(if stored { Generated::Stored } else { Generated::Virtual });
        }
        Some("CheckConstraint") => column.checked = true,
        Some("FetchedValue" | "DefaultClause" | "Sequence" | "ColumnDefault") => {}
        _ => return false,
    }
    true
}

/// What `ForeignKey("schema.table.column")` or `ForeignKey(table.c.column)` points to.
fn referenced(key: &Value) -> Reference {
    let target = key.call_of(&["ForeignKey"]).and_then(|call| call.argument(0, "column"));
    let Some(target) = target else { return Reference::default() };
    if let Some(dotted) = target.as_str() {
        return reference_to(dotted);
    }
    let column = match target {
        Value::Member(_, column) => Some(column.to_string()),
        _ => None,
    };
    let table = target.chain().map(Value::table).find(|table| table.name.is_some()).unwrap_or_default();
    Reference { table, columns: column.into_iter().collect() }
}

/// `schema.table.column`.
fn reference_to(dotted: &str) -> Reference {
    let mut parts = dotted.rsplit('.').map(str::to_owned);
    let columns = parts.next().into_iter().collect();
    let name = parts.next();
    Reference { table: Table { schema: parts.next(), name }, columns }
}

/// What a `server_default` does for existing rows: strings are literals, `text()` and functions are SQL.
pub(super) fn fill(default: &Value) -> Fill {
    match default {
        Value::None => Fill::Nothing,
        Value::Text(_) | Value::Int(_) | Value::Bool(_) => Fill::Constant,
        Value::Call(call) => match (default.path().unwrap_or_default(), default.tail()) {
            (_, Some("text" | "literal_column" | "DefaultClause")) => match call.arguments.first() {
                Some(Value::Text(text)) if text.complete => expression::fill_of_text(&text.text),
                Some(inner @ Value::Call(_)) => fill(inner),
                _ => Fill::Unknown,
            },
            (_, Some("literal" | "true" | "false" | "null" | "True_" | "False_" | "Null")) => Fill::Constant,
            (_, Some("cast" | "type_coerce")) => call.arguments.first().map_or(Fill::Unknown, fill),
            (path, Some(function)) if (path.contains(".func.") || path.contains(".functions.")) => {
                expression::fill_of_text(&format!("{function}()"))
            }
            _ => Fill::Unknown,
        },
        Value::Path(path) => match path.rsplit('.').next() {
            Some("current_timestamp" | "true" | "false") => Fill::Constant,
            _ => Fill::Unknown,
        },
        _ => Fill::Unknown,
    }
}

/// What the columns and constraints of a new table reference.
pub(super) fn references(parts: &[Value]) -> Vec<Reference> {
    let mut references = Vec::new();
    for part in parts {
        if let Some(column) = column(part) {
            references.extend(column.references);
        } else if let Some(key) = part.call_of(&["ForeignKeyConstraint"]) {
            let targets = key.argument(1, "refcolumns").and_then(Value::elements).unwrap_or_default();
            let targets = targets.iter().filter_map(|target| target.as_str().map(reference_to)).collect::<Vec<_>>();
            let columns = targets.iter().flat_map(|target| target.columns.clone()).collect();
            references.extend(targets.first().map(|first| Reference { table: first.table.clone(), columns }));
        }
    }
    references
}

/// A class of the file: a model, if it says its table.
pub(super) fn model<'a>(interpreter: &mut Interpreter<'a>, class: &'a StmtClassDef) -> Value<'a> {
    let mut table = Table::default();
    for statement in &class.body {
        if let Stmt::Assign(assign) = statement
            && let [Expr::Name(name)] = assign.targets.as_slice()
        {
            match name.id.as_str() {
                "__tablename__" => table.name = interpreter.evaluate(&assign.value).name(),
                "__table__" => table = interpreter.evaluate(&assign.value).table(),
                "__table_args__" => table.schema = schema(&interpreter.evaluate(&assign.value)).or(table.schema),
                _ => {}
            }
        }
    }
    Value::Model(Model { class, table }.into())
}

/// `__table_args__ = {"schema": "x"}`, alone or as the last of a tuple.
fn schema(arguments: &Value) -> Option<String> {
    match arguments {
        Value::Dict(entries) => {
            entries.iter().find(|(key, _)| key.as_str() == Some("schema")).and_then(|(_, value)| value.name())
        }
        Value::List(parts) => parts.last().and_then(schema),
        _ => None,
    }
}

/// The type of a column value, for changes of type.
pub(super) fn optional_type(value: Option<&Value>) -> Option<DataType> {
    value.and_then(types::data_type)
}
