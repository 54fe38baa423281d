//! Columns and constraints in SQL.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::{expression, names};
use crate::alembic::lint::data_type::DataType;
use crate::alembic::lint::operation::{Column, Constraint, Fill, Generated, Reference};

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
            column.generated = generated.generated_as().map(|kind| generation(&kind));
        }
        ast::Constraint::NotNullConstraint(_) => column.not_null = true,
        ast::Constraint::PrimaryKeyConstraint(_) => (column.unique, column.not_null) = (true, true),
        ast::Constraint::UniqueConstraint(_) => column.unique = true,
        ast::Constraint::ReferencesConstraint(reference) => {
            column.references.extend(inline_reference(reference));
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
        ast::Constraint::ForeignKeyConstraint(key) => {
            Constraint::ForeignKey { reference: listed_reference(key)?, not_valid }
        }
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

fn inline_reference(reference: &ast::ReferencesConstraint) -> Option<Reference> {
    let columns = reference.column().and_then(|column| names::name(column.syntax())).into_iter().collect();
    Some(Reference { table: names::table(reference.table()?.syntax()), columns })
}

fn listed_reference(key: &ast::ForeignKeyConstraint) -> Option<Reference> {
    let columns = key.to_columns().map(|columns| names::columns(columns.syntax())).unwrap_or_default();
    Some(Reference { table: names::table(key.table_name_ref()?.syntax()), columns })
}

/// What a `CREATE TABLE` references.
pub(super) fn references(create: &SyntaxNode) -> Vec<Reference> {
    let inline = create.descendants().filter_map(ast::ReferencesConstraint::cast);
    let listed = create.descendants().filter_map(ast::ForeignKeyConstraint::cast);
    inline
        .filter_map(|reference| inline_reference(&reference))
        .chain(listed.filter_map(|key| listed_reference(&key)))
        .collect()
}
