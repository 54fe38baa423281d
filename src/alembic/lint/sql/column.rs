//! Columns and constraints in SQL.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::{expression, names};
use crate::alembic::lint::data_type::DataType;
use crate::alembic::lint::operation::{Column, Constraint, Fill, Generated};

/// The type as written.
pub(super) fn data_type(written: &ast::Type) -> DataType {
    DataType::parse(&written.syntax().text().to_string())
}

/// `ADD COLUMN`.
pub(super) fn added(add: &ast::AddColumn) -> Column {
    let mut column = Column {
        name: add.column_name().and_then(|name| names::name(name.syntax())),
        data_type: add.ty().map(|written| data_type(&written)),
        references_inline: true,
        ..Column::default()
    };
    if column.data_type.as_ref().is_some_and(DataType::is_serial) {
        column.generated = Some(Generated::Serial);
        column.not_null = true;
    }
    for constraint in add.constraints() {
        apply(&mut column, &constraint);
    }
    column
}

fn apply(column: &mut Column, constraint: &ast::Constraint) {
    match constraint {
        ast::Constraint::CheckConstraint(_) => column.checked = true,
        ast::Constraint::DefaultConstraint(default) => {
            column.fill = default.expr().map_or(Fill::Unknown, |default| expression::fill(default.syntax()));
        }
        ast::Constraint::GeneratedConstraint(generated) => {
            column.generated = generated.generated_as().map(|kind| generation(&kind))
        }
        ast::Constraint::NotNullConstraint(_) => column.not_null = true,
        ast::Constraint::PrimaryKeyConstraint(_) => (column.unique, column.not_null) = (true, true),
        ast::Constraint::UniqueConstraint(_) => column.unique = true,
        ast::Constraint::ReferencesConstraint(reference) => {
            column.references.extend(reference.table().map(|table| names::table(table.syntax())));
        }
        ast::Constraint::ExcludeConstraint(_)
        | ast::Constraint::ForeignKeyConstraint(_)
        | ast::Constraint::NullConstraint(_) => {}
    }
}

fn generation(kind: &ast::GeneratedAs) -> Generated {
    match kind {
        ast::GeneratedAs::GeneratedIdentity(_) => Generated::Identity,
        ast::GeneratedAs::GeneratedStored(generated) => {
            // Nothing written means VIRTUAL since PostgreSQL 18, and an error before.
            let kind = generated.generated_kind().map(|kind| kind.syntax().text().to_string().to_lowercase());
            if kind.as_deref() == Some("stored") { Generated::Stored } else { Generated::Virtual }
        }
    }
}

/// `ADD CONSTRAINT`: its name and what it is.
pub(super) fn constraint(written: &ast::Constraint) -> Option<(Option<String>, Constraint)> {
    let not_valid = written.is_not_valid();
    let constraint = match written {
        ast::Constraint::CheckConstraint(check) => {
            let not_null =
                check.expr().and_then(|check| expression::not_null_column(&check.syntax().text().to_string()));
            Constraint::Check { not_null, not_valid }
        }
        ast::Constraint::NotNullConstraint(check) => Constraint::NotNull {
            column: check.column_name_ref().and_then(|name| names::name(name.syntax())),
            not_valid,
        },
        ast::Constraint::ForeignKeyConstraint(key) => Constraint::ForeignKey {
            referenced: names::table(key.table_name_ref()?.syntax()),
            columns: key.from_columns().map(|columns| names::columns(columns.syntax())).unwrap_or_default(),
            not_valid,
        },
        ast::Constraint::UniqueConstraint(unique) => Constraint::Unique { using_index: unique.using_index().is_some() },
        ast::Constraint::PrimaryKeyConstraint(key) => {
            let columns = key.index_parameters().map(|columns| names::columns(columns.syntax())).unwrap_or_default();
            Constraint::PrimaryKey { using_index: key.using_index().is_some(), columns }
        }
        ast::Constraint::ExcludeConstraint(_) => Constraint::Exclude,
        ast::Constraint::DefaultConstraint(_)
        | ast::Constraint::GeneratedConstraint(_)
        | ast::Constraint::NullConstraint(_)
        | ast::Constraint::ReferencesConstraint(_) => return None,
    };
    let name = written.constraint_name().and_then(|name| names::name(name.syntax()));
    Some((name, constraint))
}

/// The tables that a `CREATE TABLE` references.
pub(super) fn references(create: &SyntaxNode) -> Vec<crate::alembic::lint::operation::Table> {
    let inline =
        create.descendants().filter_map(ast::ReferencesConstraint::cast).filter_map(|reference| reference.table());
    let listed =
        create.descendants().filter_map(ast::ForeignKeyConstraint::cast).filter_map(|key| key.table_name_ref());
    inline.chain(listed).map(|table| names::table(table.syntax())).collect()
}
