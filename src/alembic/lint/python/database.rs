//! What is done through a connection, a session or a table object.

use ruff_text_size::TextRange;

use super::interpreter::Interpreter;
use super::signatures;
use super::value::{Call, Text, Value};
use crate::alembic::lint::operation::{Action, Table, Write};
use crate::alembic::lint::sql::{self, Meaning};

/// Carries out a method call, as far as it reaches the database, and gives its value.
pub(super) fn method<'a>(
    interpreter: &mut Interpreter<'a>,
    of: &Value<'a>,
    name: &str,
    call: Call<'a>,
    range: TextRange,
) -> Value<'a> {
    let transaction = if is_autocommit(of) { None } else { interpreter.transaction };
    match name {
        "execute" | "executemany" | "exec_driver_sql" | "copy_expert" | "scalar" | "scalars"
            if !call.arguments.is_empty() || call.keyword("statement").is_some() =>
        {
            if let Some(statement) = call.argument(0, "statement") {
                execute(interpreter, statement, transaction, range);
            }
            return Value::Unknown;
        }
        "update" | "delete" if is_query(of) => {
            let write = if name == "update" { Write::Update } else { Write::Delete };
            write_rows(interpreter, queried(of), write, &format!("query.{name}"), transaction, range);
            return Value::Unknown;
        }
        "add"
        | "add_all"
        | "merge"
        | "bulk_save_objects"
        | "bulk_insert_mappings"
        | "bulk_update_mappings"
        | "delete"
            if is_session(of) =>
        {
            let write = match name {
                "delete" => Write::Delete,
                "merge" | "bulk_update_mappings" => Write::Update,
                _ => Write::Insert,
            };
            let table = call.arguments.first().map(table_of_object).unwrap_or_default();
            write_rows(interpreter, table, write, &format!("session.{name}"), transaction, range);
        }
        "create" | "drop" | "create_all" | "drop_all" => create_or_drop(interpreter, of, name, range),
        // An `op` or batch object that came another way than by import or `with`.
        _ if is_directive(name) => {
            interpreter.note(range, format!("`{name}` is called on an object that the file does not tell"));
        }
        _ => {}
    }
    Value::Call(call.into())
}

fn is_directive(name: &str) -> bool {
    signatures::positional(name).is_some_and(|names| names.contains(&"table_name"))
}

/// Reads a statement, SQL or SQLAlchemy's, and records what it does.
pub(super) fn execute<'a>(
    interpreter: &mut Interpreter<'a>,
    statement: &Value<'a>,
    transaction: Option<u32>,
    range: TextRange,
) {
    if let Some(text) = text_of(statement) {
        return execute_text(interpreter, &text, transaction, range);
    }
    if let Some((operation, action)) = construct(statement) {
        return interpreter.record_in(transaction, range, &format!("execute: {operation}"), action);
    }
    if let Some((table, write)) = row_statement(statement) {
        return write_rows(interpreter, table, write, "execute", transaction, range);
    }
    let only_reads = statement.chain().any(|link| {
        matches!(link.tail(), Some("select" | "union" | "union_all" | "exists")) || is_method(link, &["select"])
    });
    let no_table = statement
        .call_of(&["CreateSequence", "DropSequence", "CreateSchema", "DropSchema", "CreateEnumType", "DropEnumType"])
        .is_some();
    if !only_reads && !no_table {
        interpreter.note(range, "the statement that is executed is not a literal");
    }
}

fn execute_text(interpreter: &mut Interpreter<'_>, text: &Text, transaction: Option<u32>, range: TextRange) {
    if !text.complete {
        interpreter.note(range, "the SQL that is executed is put together from values that the file does not tell");
    }
    for statement in sql::read(&text.text) {
        match statement.meaning {
            Meaning::Begin => interpreter.new_transaction(),
            Meaning::End => interpreter.transaction = None,
            Meaning::Action(Action::Opaque { .. }) if !text.complete => {}
            Meaning::Action(action @ Action::Opaque { .. }) => {
                interpreter.record_in(transaction, range, &statement.operation, action);
            }
            Meaning::Action(action) => {
                // A COMMIT earlier in the same text counts.
                let transaction = transaction.and(interpreter.transaction);
                interpreter.record_in(transaction, range, &format!("execute: {}", statement.operation), action);
            }
        }
    }
}

fn write_rows(
    interpreter: &mut Interpreter<'_>,
    table: Table,
    write: Write,
    operation: &str,
    transaction: Option<u32>,
    range: TextRange,
) {
    interpreter.record_in(transaction, range, operation, Action::WriteRows { table, write });
}

/// SQLAlchemy's own DDL on a table or an index: `CreateIndex(Index(...))`.
fn construct(statement: &Value) -> Option<(&'static str, Action)> {
    let element =
        |name: &str| statement.call_of(&[name]).map(|call| call.argument(0, "element").unwrap_or(&Value::Unknown));
    let created = |table| Action::CreateTable { table, references: Vec::new(), partition_of: None };
    element("CreateTable")
        .map(|table| ("CREATE TABLE", created(table.table())))
        .or_else(|| element("DropTable").map(|table| ("DROP TABLE", Action::DropTable { table: table.table() })))
        .or_else(|| Some(("CREATE INDEX", create_index(element("CreateIndex")?)?)))
        .or_else(|| Some(("DROP INDEX", drop_index(element("DropIndex")?)?)))
}

/// What creating `Index("name", table.c.column)` does.
fn create_index(index: &Value) -> Option<Action> {
    let call = index.call_of(&["Index"])?;
    Some(Action::CreateIndex {
        table: table_of_columns(call),
        name: call.argument(0, "name").and_then(Value::name),
        unique: call.is_set("unique"),
        concurrently: call.is_set("postgresql_concurrently"),
    })
}

fn drop_index(index: &Value) -> Option<Action> {
    let call = index.call_of(&["Index"])?;
    let name = call.argument(0, "name").and_then(Value::name);
    Some(Action::DropIndex {
        table: table_of_columns(call),
        name,
        concurrently: call.is_set("postgresql_concurrently"),
    })
}

/// The table of the columns that an index is given.
fn table_of_columns(index: &Call) -> Table {
    let column = |value: &Value| match value {
        Value::Member(of, _) => of.chain().map(Value::table).find(|table| table.name.is_some()),
        _ => None,
    };
    index.arguments.iter().skip(1).find_map(column).unwrap_or_default()
}

/// `metadata.create_all()`, `table.create(bind)`: tables that models describe, here or elsewhere. Types have no table.
fn create_or_drop(interpreter: &mut Interpreter<'_>, of: &Value<'_>, name: &str, range: TextRange) {
    let is_type =
        of.tail().is_some_and(|tail| matches!(tail, "Enum" | "ENUM" | "DOMAIN" | "Sequence" | "CreateSequence"))
            || of.chain().any(|link| is_method(link, &["with_variant"]));
    let table = of.table();
    let of_index = if name == "create" { create_index(of) } else { drop_index(of) };
    if let Some(action) = of_index {
        return interpreter.record(range, &format!("index.{name}"), action);
    }
    match name {
        _ if is_type => {}
        "create" if table.name.is_some() => {
            interpreter.record(
                range,
                "create",
                Action::CreateTable { table, references: Vec::new(), partition_of: None },
            );
        }
        "drop" if table.name.is_some() => interpreter.record(range, "drop", Action::DropTable { table }),
        // A variable of unknown origin: a type as often as a table.
        _ => interpreter.note(range, format!("`{name}` acts on objects that the file does not spell out")),
    }
}

/// The text of a string, or of `sa.text(...)` and `sa.DDL(...)` with whatever is chained to them.
fn text_of(statement: &Value) -> Option<Text> {
    match statement {
        Value::Text(text) => Some(text.clone()),
        Value::Call(call) => match &call.function {
            Value::Member(of, method)
                if matches!(&**method, "bindparams" | "execution_options" | "columns" | "execute_if") =>
            {
                text_of(of)
            }
            _ if matches!(
                statement.tail(),
                Some("text" | "DDL" | "TextClause" | "literal_column" | "inline_literal")
            ) =>
            {
                call.arguments.first().or_else(|| call.keyword("text")).and_then(text_of)
            }
            _ => None,
        },
        _ => None,
    }
}

/// SQLAlchemy's `update(t)`, `t.insert()`, `sa.delete(t)`, with whatever is chained to them.
fn row_statement(statement: &Value) -> Option<(Table, Write)> {
    statement.chain().find_map(|link| {
        let Value::Call(call) = link else { return None };
        let (name, table) = match &call.function {
            Value::Path(path) => (path.rsplit('.').next()?, call.arguments.first()),
            Value::Member(of, method) => (&**method, Some(&**of)),
            _ => return None,
        };
        let write = match name {
            "insert" => Write::Insert,
            "update" => Write::Update,
            "delete" => Write::Delete,
            _ => return None,
        };
        Some((table.map(Value::table).unwrap_or_default(), write))
    })
}

/// The table of `session.query(Model)`.
fn queried(of: &Value) -> Table {
    let query = of.chain().find(|link| is_method(link, &["query"]));
    match query {
        Some(Value::Call(call)) => call.arguments.first().map(Value::table).unwrap_or_default(),
        _ => Table::default(),
    }
}

/// The table of an object, or of a list of objects: `Model(...)`.
fn table_of_object(object: &Value) -> Table {
    match object {
        Value::Call(call) => call.function.table(),
        Value::List(objects) => objects.first().map(table_of_object).unwrap_or_default(),
        other => other.table(),
    }
}

fn is_method(link: &Value, names: &[&str]) -> bool {
    matches!(link, Value::Call(call) if matches!(&call.function, Value::Member(_, name) if names.contains(&&**name)))
}

fn is_query(of: &Value) -> bool {
    of.chain().any(|link| is_method(link, &["query"]))
}

fn is_session(of: &Value) -> bool {
    of.chain().any(|link| matches!(link.tail(), Some("Session" | "sessionmaker" | "scoped_session")))
}

/// Whether a connection was told to run each statement on its own.
fn is_autocommit(of: &Value) -> bool {
    of.chain().any(|link| match link {
        Value::Call(call) => {
            let level = call.keyword("isolation_level").and_then(Value::as_str);
            level.is_some_and(|level| level.eq_ignore_ascii_case("autocommit"))
        }
        _ => false,
    })
}
