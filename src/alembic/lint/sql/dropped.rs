//! `DROP`: what goes, and what goes with it.

use squawk_syntax::ast::{self, AstNode, DropBehavior, Stmt};

use super::{Statement, names};
use crate::alembic::lint::operation::{Action, Table};

/// What a `DROP` takes away. With `CASCADE` it takes tables and columns that the statement does not name.
pub(super) fn read(statement: &Stmt) -> Vec<Statement> {
    let tables = || Action::DropTable { table: Table::default() };
    let columns = || Action::DropColumn { table: Table::default(), column: None };
    match statement {
        Stmt::DropTable(drop) => drop
            .table_name_refs()
            .map(|name| Statement::action("DROP TABLE", Action::DropTable { table: names::table(name.syntax()) }))
            .collect(),
        Stmt::DropIndex(drop) => drop.index_refs().map(|index| index_of(drop, &index)).collect(),
        Stmt::DropSchema(drop) => cascading("DROP SCHEMA CASCADE", drop.drop_behavior().as_ref(), tables),
        Stmt::DropOwned(_) => vec![Statement::action("DROP OWNED", tables())],
        Stmt::DropType(drop) => cascading("DROP TYPE CASCADE", drop.drop_behavior().as_ref(), columns),
        Stmt::DropDomain(drop) => cascading("DROP DOMAIN CASCADE", drop.drop_behavior().as_ref(), columns),
        Stmt::DropExtension(drop) => cascading("DROP EXTENSION CASCADE", drop.drop_behavior().as_ref(), columns),
        _ => Vec::new(),
    }
}

fn cascading(operation: &str, behavior: Option<&DropBehavior>, action: impl Fn() -> Action) -> Vec<Statement> {
    let cascades = matches!(behavior, Some(DropBehavior::Cascade(_)));
    cascades.then(|| Statement::action(operation, action())).into_iter().collect()
}

fn index_of(drop: &ast::DropIndex, index: &ast::IndexRef) -> Statement {
    let concurrently = drop.concurrently_token().is_some();
    let operation = if concurrently { "DROP INDEX CONCURRENTLY" } else { "DROP INDEX" };
    Statement::action(
        operation,
        Action::DropIndex { table: Table::default(), name: names::name(index.syntax()), concurrently },
    )
}
