//! `ALTER TABLE`, one action for each of its parts.

use squawk_syntax::SyntaxKind;
use squawk_syntax::ast::{self, AstNode};

use super::{Statement, column, expression, names};
use crate::alembic::lint::operation::{Action, Constraint, Table};
use crate::locks::LockMode;

/// The parts of an `ALTER TABLE`, in order.
pub(super) fn read(alter: &ast::AlterTable) -> Vec<Statement> {
    let table = alter.table_relation_name().map(|name| names::table(name.syntax())).unwrap_or_default();
    alter
        .actions()
        .filter_map(|part| part_of(&part, &table))
        .map(|(words, action)| Statement::action(&format!("ALTER TABLE {words}"), action))
        .collect()
}

fn part_of(part: &ast::AlterTableAction, table: &Table) -> Option<(String, Action)> {
    let table = table.clone();
    let (words, action) = match part {
        ast::AlterTableAction::AddColumn(add) => {
            ("ADD COLUMN", Action::AddColumn { table, column: column::added(add) })
        }
        ast::AlterTableAction::DropColumn(drop) => (
            "DROP COLUMN",
            Action::DropColumn { table, column: drop.column_name_ref().and_then(|name| names::name(name.syntax())) },
        ),
        ast::AlterTableAction::RenameColumn(rename) => {
            let from = rename.column_name_ref().and_then(|name| names::name(name.syntax()));
            let to = rename.column_name().and_then(|name| names::name(name.syntax()));
            ("RENAME COLUMN", Action::RenameColumn { table, column: from, to })
        }
        ast::AlterTableAction::TableRenameTo(rename) => (
            "RENAME TO",
            Action::RenameTable { table, to: rename.table_name().and_then(|name| names::name(name.syntax())) },
        ),
        ast::AlterTableAction::AddConstraint(add) => {
            let (name, constraint) = column::constraint(&add.constraint()?)?;
            (added_constraint(&constraint), Action::AddConstraint { table, name, constraint })
        }
        ast::AlterTableAction::ValidateConstraint(validate) => (
            "VALIDATE CONSTRAINT",
            Action::ValidateConstraint {
                table,
                name: validate.constraint_name_ref().and_then(|name| names::name(name.syntax())),
            },
        ),
        ast::AlterTableAction::DropConstraint(drop) => {
            let name = drop.constraint_name_ref().and_then(|name| names::name(name.syntax()));
            ("DROP CONSTRAINT", Action::DropConstraint { table, name, foreign_key: None })
        }
        ast::AlterTableAction::AttachPartition(attach) => (
            "ATTACH PARTITION",
            Action::AttachPartition { parent: table, partition: names::table(attach.table_name_ref()?.syntax()) },
        ),
        ast::AlterTableAction::DetachPartition(detach) => {
            let concurrently =
                matches!(detach.detach_partition_option(), Some(ast::DetachPartitionOption::DetachConcurrently(_)));
            let partition = names::table(detach.table_name_ref()?.syntax());
            ("DETACH PARTITION", Action::DetachPartition { parent: table, partition, concurrently })
        }
        ast::AlterTableAction::SetLogged(_)
        | ast::AlterTableAction::SetUnlogged(_)
        | ast::AlterTableAction::SetTablespace(_)
        | ast::AlterTableAction::SetAccessMethod(_) => return Some((leading_words(part), Action::Rewrite { table })),
        ast::AlterTableAction::AlterColumn(alter) => return altered_column(alter, table),
        other => return Some((leading_words(part), Action::Other { table, lock: lock_of(other) })),
    };
    Some((words.to_owned(), action))
}

fn added_constraint(constraint: &Constraint) -> &'static str {
    match constraint {
        Constraint::ForeignKey { .. } => "ADD FOREIGN KEY",
        Constraint::Check { .. } => "ADD CHECK",
        Constraint::NotNull { .. } => "ADD NOT NULL",
        Constraint::Unique { .. } => "ADD UNIQUE",
        Constraint::PrimaryKey { .. } => "ADD PRIMARY KEY",
        Constraint::Exclude => "ADD EXCLUDE",
    }
}

fn altered_column(alter: &ast::AlterColumn, table: Table) -> Option<(String, Action)> {
    let name = alter.column_name_ref().and_then(|name| names::name(name.syntax()));
    let option = alter.option()?;
    let (words, action) = match &option {
        ast::AlterColumnOption::SetNotNull(_) => {
            ("ALTER COLUMN SET NOT NULL", Action::SetNotNull { table, column: name })
        }
        ast::AlterColumnOption::SetType(change) => {
            let using =
                change.using_expr().and_then(|using| using.expr()).map(|using| using.syntax().text().to_string());
            let using =
                using.is_some_and(|using| !expression::is_plain_cast(&using, name.as_deref().unwrap_or_default()));
            let to = change.ty().map(|written| column::data_type(&written));
            ("ALTER COLUMN TYPE", Action::ChangeType { table, column: name, from: None, to, using })
        }
        // The stored values of a generated column are computed anew (PostgreSQL 17 and newer).
        ast::AlterColumnOption::SetExpression(_) => ("ALTER COLUMN SET EXPRESSION", Action::Rewrite { table }),
        ast::AlterColumnOption::SetStatistics(_)
        | ast::AlterColumnOption::SetOptions(_)
        | ast::AlterColumnOption::ResetOptions(_) => {
            ("ALTER COLUMN SET", Action::Other { table, lock: LockMode::ShareUpdateExclusive })
        }
        _ => ("ALTER COLUMN", Action::Other { table, lock: LockMode::AccessExclusive }),
    };
    Some((words.to_owned(), action))
}

/// The lock of the forms that only change the catalog (`AlterTableGetLockLevel`).
fn lock_of(part: &ast::AlterTableAction) -> LockMode {
    use ast::AlterTableAction as Part;
    match part {
        Part::EnableTrigger(_)
        | Part::EnableReplicaTrigger(_)
        | Part::EnableAlwaysTrigger(_)
        | Part::DisableTrigger(_) => LockMode::ShareRowExclusive,
        Part::ClusterOn(_)
        | Part::SetWithoutCluster(_)
        | Part::SetOptions(_)
        | Part::ResetOptions(_)
        | Part::AlterOptionList(_)
        | Part::OptionItemList(_) => LockMode::ShareUpdateExclusive,
        _ => LockMode::AccessExclusive,
    }
}

/// The keywords that a part begins with, upper case.
fn leading_words(part: &ast::AlterTableAction) -> String {
    let tokens = part.syntax().descendants_with_tokens().filter_map(squawk_syntax::SyntaxElement::into_token);
    let words = tokens.filter(|token| token.kind() != SyntaxKind::WHITESPACE && token.kind() != SyntaxKind::COMMENT);
    words.take(2).map(|token| token.text().to_uppercase()).collect::<Vec<_>>().join(" ")
}
