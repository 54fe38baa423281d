//! Every other statement that changes or locks a table.

use squawk_syntax::ast::{self, AstNode, Stmt};

use super::{Meaning, Statement, alter_table, column, dropped, expression, names, timeout};
use crate::alembic::lint::operation::{Action, ReindexScope, Table, Write};
use crate::locks::LockMode;

/// What a statement does; nothing for one that touches no table that others use.
pub(super) fn read(statement: &Stmt) -> Vec<Statement> {
    let one = |operation: &str, action: Action| vec![Statement::action(operation, action)];
    let boundary = |operation: &str, meaning: Meaning| vec![Statement { operation: operation.to_owned(), meaning }];
    match statement {
        Stmt::AlterTable(alter) => alter_table::read(alter),
        Stmt::Begin(_) => boundary("BEGIN", Meaning::Begin),
        Stmt::Commit(_) => boundary("COMMIT", Meaning::End),
        Stmt::Rollback(rollback) if !rollback.syntax().text().to_string().to_lowercase().contains(" to ") => {
            boundary("ROLLBACK", Meaning::End)
        }
        Stmt::Set(set) => timeout::of_set(set).map(|action| Statement::action("SET", action)).into_iter().collect(),
        Stmt::Do(_) => one("DO", Action::Opaque { what: "a DO block is a program of its own".to_owned() }),
        Stmt::Call(_) => one("CALL", Action::Opaque { what: "a procedure can do anything".to_owned() }),
        Stmt::Execute(_) => one("EXECUTE", Action::Opaque { what: "a prepared statement can do anything".to_owned() }),
        Stmt::AlterDomain(alter) if reads_columns(alter) => {
            let what = "every table with a column of the domain is read through, and cannot be written to while it is";
            one("ALTER DOMAIN", Action::Opaque { what: what.to_owned() })
        }
        Stmt::Lock(lock) => locked(lock),
        Stmt::Select(_)
        | Stmt::Insert(_)
        | Stmt::Update(_)
        | Stmt::Delete(_)
        | Stmt::Merge(_)
        | Stmt::Copy(_)
        | Stmt::CompoundSelect(_) => written(statement),
        Stmt::CreateTable(_)
        | Stmt::CreateTableAs(_)
        | Stmt::SelectInto(_)
        | Stmt::CreateIndex(_)
        | Stmt::CreateDomain(_) => created(statement),
        Stmt::DropTable(_)
        | Stmt::DropIndex(_)
        | Stmt::DropSchema(_)
        | Stmt::DropOwned(_)
        | Stmt::DropType(_)
        | Stmt::DropDomain(_)
        | Stmt::DropExtension(_) => dropped::read(statement),
        Stmt::Truncate(_) | Stmt::Cluster(_) | Stmt::Vacuum(_) | Stmt::Refresh(_) | Stmt::Reindex(_) => {
            maintained(statement)
        }
        _ => changed(statement),
    }
}

/// Whether the values that there are must fit the changed domain.
fn reads_columns(alter: &ast::AlterDomain) -> bool {
    match alter.action() {
        Some(ast::AlterDomainAction::AddConstraint(add)) => {
            !add.syntax().text().to_string().to_ascii_uppercase().contains("NOT VALID")
        }
        Some(ast::AlterDomainAction::SetNotNull(_) | ast::AlterDomainAction::ValidateConstraint(_)) => true,
        _ => false,
    }
}

fn locked(lock: &ast::Lock) -> Vec<Statement> {
    let mode = match lock.lock_mode_clause().and_then(|clause| clause.lock_mode()) {
        Some(ast::LockMode::AccessShare(_)) => LockMode::AccessShare,
        Some(ast::LockMode::RowShare(_)) => LockMode::RowShare,
        Some(ast::LockMode::RowExclusive(_)) => LockMode::RowExclusive,
        Some(ast::LockMode::ShareUpdateExclusive(_)) => LockMode::ShareUpdateExclusive,
        Some(ast::LockMode::Share(_)) => LockMode::Share,
        Some(ast::LockMode::ShareRowExclusive(_)) => LockMode::ShareRowExclusive,
        Some(ast::LockMode::Exclusive(_)) => LockMode::Exclusive,
        Some(ast::LockMode::AccessExclusive(_)) | None => LockMode::AccessExclusive,
    };
    let relations = lock.relation_list().into_iter().flat_map(|list| list.relation_names());
    relations
        .map(|name| {
            Statement::action("LOCK TABLE", Action::LockTable { table: names::table(name.syntax()), lock: mode })
        })
        .collect()
}

/// Rows that a statement writes, those of its `WITH` included, and functions that a `SELECT` calls for their effect.
fn written(statement: &Stmt) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut write = |operation: &str, table: Option<Table>, write: Write| {
        statements.push(Statement::action(operation, Action::WriteRows { table: table.unwrap_or_default(), write }));
    };
    for node in statement.syntax().descendants() {
        if let Some(insert) = ast::Insert::cast(node.clone()) {
            write("INSERT", insert.relation_name_ref().map(|name| names::table(name.syntax())), Write::Insert);
        } else if let Some(update) = ast::Update::cast(node.clone()) {
            write("UPDATE", update.relation_name().map(|name| names::table(name.syntax())), Write::Update);
        } else if let Some(delete) = ast::Delete::cast(node.clone()) {
            write("DELETE", delete.relation_name().map(|name| names::table(name.syntax())), Write::Delete);
        } else if let Some(merge) = ast::Merge::cast(node.clone()) {
            write("MERGE", merge.table_relation_name().map(|name| names::table(name.syntax())), Write::Update);
        } else if let Some(copy) = ast::Copy::cast(node)
            && matches!(copy.copy_direction(), Some(ast::CopyDirection::CopyFrom(_)))
        {
            write("COPY", copy.copy_table().map(|name| names::table(name.syntax())), Write::Insert);
        }
    }
    if let Stmt::Select(select) = statement {
        statements.extend(called(select));
    }
    statements
}

fn called(select: &ast::Select) -> Option<Statement> {
    if let Some(action) = timeout::of_select(select) {
        return Some(Statement::action("SELECT", action));
    }
    let unknown = expression::functions(select.select_clause()?.syntax())
        .into_iter()
        .find(|name| !expression::is_plain_function(name) && name != "set_config");
    let function = unknown.filter(|_| select.from_clause().is_none())?;
    Some(Statement::action("SELECT", Action::Opaque { what: format!("the function `{function}` can do anything") }))
}

fn created(statement: &Stmt) -> Vec<Statement> {
    let table_of = |name: Option<ast::TableName>| name.map(|name| names::table(name.syntax())).unwrap_or_default();
    let (operation, action) = match statement {
        Stmt::CreateTable(create) => {
            let partition_of = create
                .partition_of()
                .and_then(|partition| partition.table_name_ref())
                .map(|parent| names::table(parent.syntax()));
            let references = column::references(create.syntax());
            ("CREATE TABLE", Action::CreateTable { table: table_of(create.table_name()), references, partition_of })
        }
        Stmt::CreateTableAs(create) => (
            "CREATE TABLE AS",
            Action::CreateTable { table: table_of(create.table_name()), references: Vec::new(), partition_of: None },
        ),
        Stmt::SelectInto(select) => {
            let table = select.into_clause().map(|into| names::table(into.syntax())).unwrap_or_default();
            ("SELECT INTO", Action::CreateTable { table, references: Vec::new(), partition_of: None })
        }
        Stmt::CreateIndex(create) => {
            let concurrently = create.concurrently_token().is_some();
            let action = Action::CreateIndex {
                table: create.table_relation_name().map(|name| names::table(name.syntax())).unwrap_or_default(),
                name: create.index().and_then(|name| names::name(name.syntax())),
                unique: create.unique_token().is_some(),
                concurrently,
            };
            (if concurrently { "CREATE INDEX CONCURRENTLY" } else { "CREATE INDEX" }, action)
        }
        Stmt::CreateDomain(create) => {
            let checks = |constraint: &ast::Constraint| {
                matches!(constraint, ast::Constraint::CheckConstraint(_) | ast::Constraint::NotNullConstraint(_))
            };
            let constrained = create
                .domain_qualifiers()
                .any(|part| matches!(&part, ast::DomainQualifier::Constraint(constraint) if checks(constraint)));
            let name = create
                .domain()
                .map(|domain| domain.syntax().text().to_string().trim().to_lowercase())
                .unwrap_or_default();
            ("CREATE DOMAIN", Action::CreateDomain { name, constrained })
        }
        _ => return Vec::new(),
    };
    vec![Statement::action(operation, action)]
}

fn maintained(statement: &Stmt) -> Vec<Statement> {
    match statement {
        Stmt::Truncate(truncate) => {
            let cascade = matches!(truncate.drop_behavior(), Some(ast::DropBehavior::Cascade(_)));
            let tables = truncate.table_list().into_iter().flat_map(|list| list.table_relation_names());
            tables
                .map(|name| {
                    Statement::action("TRUNCATE", Action::Truncate { table: names::table(name.syntax()), cascade })
                })
                .collect()
        }
        Stmt::Cluster(cluster) => {
            let table = cluster.table_name_ref().map(|name| names::table(name.syntax())).unwrap_or_default();
            vec![Statement::action("CLUSTER", Action::Rewrite { table })]
        }
        Stmt::Vacuum(vacuum) => {
            let full = vacuum.is_full();
            let mut tables = vacuum
                .table_and_columns_list()
                .into_iter()
                .flat_map(|list| list.table_and_columnss())
                .map(|name| names::table(name.syntax()))
                .collect::<Vec<_>>();
            if tables.is_empty() {
                tables.push(Table::default());
            }
            tables
                .into_iter()
                .map(|table| {
                    Statement::action(if full { "VACUUM FULL" } else { "VACUUM" }, Action::Vacuum { table, full })
                })
                .collect()
        }
        Stmt::Refresh(refresh) => {
            let view = refresh.view_ref().map(|name| names::table(name.syntax())).unwrap_or_default();
            let concurrently = refresh.concurrently_token().is_some();
            vec![Statement::action("REFRESH MATERIALIZED VIEW", Action::RefreshMaterializedView { view, concurrently })]
        }
        Stmt::Reindex(reindex) => reindexed(reindex).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn reindexed(reindex: &ast::Reindex) -> Option<Statement> {
    let concurrently = reindex.is_concurrently();
    let (table, name, scope) = match reindex.reindex_target()? {
        ast::ReindexTarget::ReindexTargetIndex(target) => {
            (Table::default(), target.index_ref().and_then(|index| names::name(index.syntax())), ReindexScope::Index)
        }
        ast::ReindexTarget::ReindexTargetTable(target) => (
            target.table_name_ref().map(|name| names::table(name.syntax())).unwrap_or_default(),
            None,
            ReindexScope::Table,
        ),
        _ => (Table::default(), None, ReindexScope::Everything),
    };
    let operation = if concurrently { "REINDEX CONCURRENTLY" } else { "REINDEX" };
    Some(Statement::action(operation, Action::Reindex { table, name, scope, concurrently }))
}

/// Triggers, policies, rules, views: a lock on a table and no more.
fn changed(statement: &Stmt) -> Vec<Statement> {
    let on = |node: &squawk_syntax::SyntaxNode| {
        let clause = node.descendants().find(|inner| {
            ast::OnTable::can_cast(inner.kind())
                || ast::OnRelation::can_cast(inner.kind())
                || ast::RuleOn::can_cast(inner.kind())
        });
        clause.map(|clause| names::table(&clause)).unwrap_or_default()
    };
    let other = |operation: &str, table: Table, lock: LockMode| {
        vec![Statement::action(operation, Action::Other { table, lock })]
    };
    match statement {
        Stmt::CreateTrigger(create) => other("CREATE TRIGGER", on(create.syntax()), LockMode::ShareRowExclusive),
        Stmt::DropTrigger(drop) => other("DROP TRIGGER", on(drop.syntax()), LockMode::AccessExclusive),
        Stmt::AlterTrigger(alter) => other("ALTER TRIGGER", on(alter.syntax()), LockMode::AccessExclusive),
        Stmt::CreatePolicy(create) => other("CREATE POLICY", on(create.syntax()), LockMode::AccessExclusive),
        Stmt::DropPolicy(drop) => other("DROP POLICY", on(drop.syntax()), LockMode::AccessExclusive),
        Stmt::AlterPolicy(alter) => other("ALTER POLICY", on(alter.syntax()), LockMode::AccessExclusive),
        Stmt::CreateRule(create) => other("CREATE RULE", on(create.syntax()), LockMode::AccessExclusive),
        Stmt::DropRule(drop) => other("DROP RULE", on(drop.syntax()), LockMode::AccessExclusive),
        Stmt::DropMaterializedView(drop) => drop
            .syntax()
            .children()
            .filter_map(ast::ViewRef::cast)
            .flat_map(|view| other("DROP MATERIALIZED VIEW", names::table(view.syntax()), LockMode::AccessExclusive))
            .collect(),
        _ => Vec::new(),
    }
}
