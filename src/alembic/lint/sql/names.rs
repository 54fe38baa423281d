//! Names in SQL, folded as PostgreSQL folds them.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::PLACEHOLDER;
use crate::alembic::lint::operation::Table;

/// The first name under a node, as a table; unknown parts stay unknown.
pub(super) fn table(node: &SyntaxNode) -> Table {
    let mut parts = path(node);
    let name = parts.pop().and_then(known);
    Table { schema: parts.pop().and_then(known), name }
}

/// A name without its schema: of an index, a constraint or a column.
pub(super) fn name(node: &SyntaxNode) -> Option<String> {
    path(node).pop().and_then(known)
}

/// The columns under a node, in order.
pub(super) fn columns(node: &SyntaxNode) -> Vec<String> {
    node.descendants().filter_map(ast::ColumnNameRef::cast).filter_map(|column| name(column.syntax())).collect()
}

/// The parts of the first name under a node, outermost first.
fn path(node: &SyntaxNode) -> Vec<String> {
    let is_path = |kind| matches!(kind, SyntaxKind::PATH_REF | SyntaxKind::PATH);
    let Some(path) = node.descendants().find(|inner| is_path(inner.kind())) else {
        return vec![ast::normalize_name_node(node)];
    };
    let is_segment = |kind| matches!(kind, SyntaxKind::PATH_SEGMENT_REF | SyntaxKind::PATH_SEGMENT);
    path.descendants()
        .filter(|inner| is_segment(inner.kind()))
        .map(|segment| ast::normalize_name_node(&segment))
        .collect()
}

fn known(name: String) -> Option<String> {
    (!name.is_empty() && !name.contains(PLACEHOLDER)).then_some(name)
}
