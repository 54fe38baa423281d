//! Alembic's directives (`op.*`, and the same on a batch object) with their arguments by name, as in Alembic 1.20.

use std::rc::Rc;

use ruff_text_size::TextRange;

use super::interpreter::Interpreter;
use super::value::{Call, Value};
use super::{columns, database, signatures};
use crate::alembic::lint::operation::{Action, Column, Constraint, Reference, Table, Write};
use crate::alembic::lint::sql::expression;
use crate::locks::LockMode;

/// The arguments of one directive, bound to their names.
struct Arguments<'c, 'a> {
    call: &'c Call<'a>,
    names: Vec<&'static str>,
    batch: Option<&'c Table>,
}

impl<'c, 'a> Arguments<'c, 'a> {
    fn get(&self, name: &str) -> Option<&'c Value<'a>> {
        let position = self.names.iter().position(|known| *known == name);
        let positional = position.and_then(|position| self.call.arguments.get(position));
        let other = || signatures::other_names(name).iter().find_map(|other| self.call.keyword(other));
        self.call.keyword(name).or(positional).or_else(other)
    }

    fn name(&self, name: &str) -> Option<String> {
        self.get(name).and_then(Value::name)
    }

    fn names(&self, name: &str) -> Vec<String> {
        self.get(name).map(Value::names).unwrap_or_default()
    }

    fn is_set(&self, name: &str) -> bool {
        self.get(name).and_then(Value::truth) == Some(true)
    }

    /// The directive's table: that of the batch, or the argument with its schema.
    fn table(&self) -> Table {
        self.batch.cloned().unwrap_or_else(|| self.table_in("table_name", "schema"))
    }

    fn table_in(&self, name: &str, schema: &str) -> Table {
        let table = self.get(name).map(Value::table).unwrap_or_default();
        Table { schema: self.name(schema).or(table.schema), name: table.name }
    }

    /// Positional arguments after the named ones.
    fn rest(&self) -> &'c [Value<'a>] {
        self.call.arguments.get(self.names.len()..).unwrap_or_default()
    }
}

/// Carries out a directive and gives its value.
pub(super) fn carry_out<'a>(
    interpreter: &mut Interpreter<'a>,
    directive: &str,
    batch: Option<&Rc<Table>>,
    call: Call<'a>,
    range: TextRange,
) -> Value<'a> {
    let Some(names) = signatures::positional(directive) else {
        interpreter.note(range, format!("op.{directive}() is not one of Alembic's own operations"));
        return Value::Unknown;
    };
    let names = names.iter().filter(|name| batch.is_none() || **name != "table_name").copied().collect();
    let arguments = Arguments { call: &call, names, batch: batch.map(|table| &**table) };
    match directive {
        "execute" => {
            let statement = arguments.get("sqltext").cloned().unwrap_or(Value::Unknown);
            database::execute(interpreter, &statement, interpreter.transaction, range);
            return Value::None;
        }
        "f" | "inline_literal" => return call.arguments.first().cloned().unwrap_or(Value::Unknown),
        "batch_alter_table" => return begin_batch(interpreter, &arguments, range),
        "get_bind" | "get_context" | "run_async" | "create_table_comment" | "drop_table_comment" => {
            return Value::Call(call.into());
        }
        "alter_column" => {
            for action in altered(&arguments) {
                interpreter.record(range, directive, action);
            }
        }
        _ => {
            if let Some(action) = action(directive, &arguments) {
                interpreter.record(range, directive, action);
            } else {
                interpreter
                    .note(range, format!("the column that {directive}() is given is not spelled out in the file"));
            }
        }
    }
    let acts_on_table =
        batch.is_none() && directive != "rename_table" && directive != "bulk_insert" && directive != "drop_index";
    if acts_on_table && arguments.table().name.is_none() {
        interpreter.note(range, format!("the table that {directive}() is given is not a literal"));
    }
    Value::Call(call.into())
}

fn begin_batch<'a>(interpreter: &mut Interpreter<'a>, arguments: &Arguments<'_, 'a>, range: TextRange) -> Value<'a> {
    let table = arguments.table();
    // On PostgreSQL "auto" alters in place; only this copies the table.
    if arguments.get("recreate").and_then(Value::as_str) == Some("always") {
        interpreter.record(range, "batch_alter_table", Action::Rewrite { table: table.clone() });
    }
    if table.name.is_none() {
        interpreter.note(range, "the table that batch_alter_table() is given is not a literal");
    }
    Value::Batch(table.into())
}

fn action(directive: &str, arguments: &Arguments) -> Option<Action> {
    let table = arguments.table();
    let constraint = |constraint: Constraint| Action::AddConstraint {
        table: arguments.table(),
        name: arguments.name("constraint_name"),
        constraint,
    };
    let not_valid = arguments.is_set("postgresql_not_valid");
    Some(match directive {
        "add_column" => {
            let column = arguments.get("column").and_then(columns::column)?;
            let references_inline = arguments.is_set("inline_references") && column.references.len() == 1;
            let unique = column.unique || arguments.is_set("inline_primary_key");
            Action::AddColumn { table, column: Column { unique, references_inline, ..column } }
        }
        "bulk_insert" => Action::WriteRows {
            table: arguments.get("table").map(Value::table).unwrap_or_default(),
            write: Write::Insert,
        },
        "create_check_constraint" => {
            let condition = arguments.get("condition");
            let condition =
                condition.and_then(|condition| condition.as_str().map(str::to_owned).or_else(|| condition.name()));
            constraint(Constraint::Check {
                not_null: condition.as_deref().and_then(expression::not_null_column),
                not_valid,
            })
        }
        "create_exclude_constraint" => constraint(Constraint::Exclude),
        "create_foreign_key" => constraint(Constraint::ForeignKey {
            reference: Reference {
                table: arguments.table_in("referent_table", "referent_schema"),
                columns: arguments.names("remote_cols"),
            },
            not_valid,
        }),
        "create_primary_key" => {
            constraint(Constraint::PrimaryKey { using_index: false, columns: arguments.names("columns") })
        }
        "create_unique_constraint" => constraint(Constraint::Unique { using_index: false }),
        "create_index" => Action::CreateIndex {
            table,
            name: arguments.name("index_name"),
            unique: arguments.is_set("unique"),
            concurrently: arguments.is_set("postgresql_concurrently"),
        },
        "create_table" => {
            Action::CreateTable { references: columns::references(arguments.rest()), partition_of: None, table }
        }
        "drop_column" => Action::DropColumn { table, column: arguments.name("column_name") },
        "drop_constraint" => Action::DropConstraint {
            table,
            name: arguments.name("constraint_name"),
            foreign_key: arguments.get("type_").and_then(Value::as_str).map(|kind| kind == "foreignkey"),
        },
        "drop_index" => Action::DropIndex {
            table,
            name: arguments.name("index_name"),
            concurrently: arguments.is_set("postgresql_concurrently"),
        },
        "drop_table" => Action::DropTable { table },
        "rename_table" => Action::RenameTable {
            table: arguments.table_in("old_table_name", "schema"),
            to: arguments.name("new_table_name"),
        },
        _ => return None,
    })
}

/// `alter_column`: a statement for each thing that changes.
fn altered(arguments: &Arguments) -> Vec<Action> {
    let table = arguments.table();
    let column = arguments.name("column_name");
    let mut actions = Vec::new();
    let brief = |table: &Table| Action::Other { table: table.clone(), lock: LockMode::AccessExclusive };
    if arguments.get("server_default").is_some_and(|default| *default != Value::Bool(false)) {
        actions.push(brief(&table));
    }
    match arguments.get("nullable").map(Value::truth) {
        Some(Some(false)) => actions.push(Action::SetNotNull { table: table.clone(), column: column.clone() }),
        Some(Some(true)) => actions.push(brief(&table)),
        // It may be NOT NULL: claim the worse.
        Some(None) if arguments.get("nullable") != Some(&Value::None) => {
            actions.push(Action::SetNotNull { table: table.clone(), column: column.clone() });
        }
        _ => {}
    }
    if let Some(to) = arguments.get("type_").filter(|to| **to != Value::None) {
        let using = arguments.get("postgresql_using").and_then(Value::as_str);
        let using = using.is_some_and(|using| !expression::is_plain_cast(using, column.as_deref().unwrap_or_default()));
        actions.push(Action::ChangeType {
            table: table.clone(),
            column: column.clone(),
            from: columns::optional_type(arguments.get("existing_type")),
            to: columns::optional_type(Some(to)),
            using,
        });
    }
    if let Some(to) = arguments.get("new_column_name").filter(|to| **to != Value::None) {
        actions.push(Action::RenameColumn { table, column, to: to.name() });
    }
    actions
}
