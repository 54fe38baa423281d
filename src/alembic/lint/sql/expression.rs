//! Expressions, as far as they decide whether a table is rewritten or read.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SourceFile, SyntaxNode};

use super::names;
use crate::alembic::lint::operation::Fill;

/// Functions whose result differs from row to row.
const VOLATILE: &[&str] = &[
    "random",
    "random_normal",
    "gen_random_uuid",
    "gen_random_bytes",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "setval",
    "currval",
    "lastval",
    "setseed",
    "pg_sleep",
    "gen_salt",
];

/// Functions that give one value per statement.
const STABLE: &[&str] = &[
    "now",
    "current_timestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "current_user",
    "session_user",
    "current_setting",
    "current_schema",
    "current_database",
    "version",
    "txid_current",
    "timezone",
    "date_trunc",
    "date_part",
    "extract",
    "to_char",
    "to_date",
    "to_timestamp",
    "to_number",
    "to_json",
    "to_jsonb",
    "json_build_object",
    "jsonb_build_object",
    "json_build_array",
    "jsonb_build_array",
    "json_object",
    "jsonb_object",
    "array_to_json",
    "row_to_json",
    "make_interval",
    "make_date",
    "make_timestamp",
    "make_timestamptz",
    "lower",
    "upper",
    "md5",
    "sha256",
    "concat",
    "concat_ws",
    "coalesce",
    "nullif",
    "greatest",
    "least",
    "length",
    "char_length",
    "left",
    "right",
    "repeat",
    "replace",
    "substring",
    "substr",
    "trim",
    "btrim",
    "ltrim",
    "rtrim",
    "encode",
    "decode",
    "abs",
    "ceil",
    "floor",
    "round",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "array_fill",
    "string_to_array",
    "to_tsvector",
    "cast",
    "chr",
    "ascii",
    "format",
    "age",
    "pi",
    "power",
    "sqrt",
    "cardinality",
    "array_length",
];

/// An expression that stands alone is not longer than this, in bytes.
const LONGEST: usize = 10_000;

/// Whether a function is known to do nothing but compute.
pub(crate) fn is_plain_function(name: &str) -> bool {
    name.starts_with("pg_") || STABLE.contains(&name) || VOLATILE.contains(&name)
}

/// What a default does for the rows that exist already.
pub(crate) fn fill(expression: &SyntaxNode) -> Fill {
    let mut fill = Fill::Constant;
    for function in functions(expression) {
        if VOLATILE.contains(&function.as_str()) {
            return Fill::Volatile;
        }
        if !STABLE.contains(&function.as_str()) {
            fill = Fill::Unknown;
        }
    }
    if fill == Fill::Constant && expression.text().to_string().trim().eq_ignore_ascii_case("null") {
        return Fill::Nothing;
    }
    fill
}

/// The same for an expression that stands alone, as in `server_default=sa.text("now()")`.
pub(crate) fn fill_of_text(expression: &str) -> Fill {
    alone(expression).map_or(Fill::Unknown, |node| fill(&node))
}

/// The functions that an expression calls, lower case and without schema.
pub(crate) fn functions(expression: &SyntaxNode) -> Vec<String> {
    let calls = expression.descendants().filter_map(ast::CallExpr::cast);
    calls.filter_map(|call| called(&call)).collect()
}

fn called(call: &ast::CallExpr) -> Option<String> {
    match call.expr() {
        Some(ast::Expr::FieldExpr(field)) => field.field().map(|name| name.text()),
        Some(ast::Expr::NameRef(name)) => Some(name.text()),
        // The SQL standard's own syntax (`extract(... from ...)`, `trim(both ...)`) has no name node.
        _ => call.syntax().first_token().map(|token| token.text().to_lowercase()),
    }
}

/// The column of a check that is nothing but `column IS NOT NULL`.
pub(crate) fn not_null_column(expression: &str) -> Option<String> {
    let node = alone(expression)?;
    let words = node.text().to_string().split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let words = words.trim_start_matches('(').trim_end_matches(')').trim();
    let at = words.len().checked_sub(" is not null".len())?;
    let (column, ending) = (words.get(..at)?, words.get(at..)?);
    let quoted = column.starts_with('"') && column.ends_with('"') && column.len() > 2;
    let plain = column.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    let one_name = quoted && !column[1..column.len() - 1].contains('"') || plain && !column.is_empty();
    (one_name && ending.eq_ignore_ascii_case(" is not null"))
        .then(|| if quoted { column.trim_matches('"').to_owned() } else { column.to_lowercase() })
}

/// Whether a `USING` expression is no more than the column, or a cast of it.
pub(crate) fn is_plain_cast(expression: &str, column: &str) -> bool {
    let Some(node) = alone(expression) else { return false };
    let cast = ast::CastExpr::cast(node.clone()).or_else(|| node.children().find_map(ast::CastExpr::cast));
    let inner = cast.and_then(|cast| cast.expr()).map_or(node, |inner| inner.syntax().clone());
    names::name(&inner).as_deref() == Some(column)
}

/// Parses an expression that stands alone.
fn alone(expression: &str) -> Option<SyntaxNode> {
    if expression.len() > LONGEST {
        return None;
    }
    let parsed = SourceFile::parse(&format!("SELECT {expression}"));
    if !parsed.errors().is_empty() {
        return None;
    }
    let target = parsed.tree().syntax().descendants().find_map(ast::Target::cast)?;
    target.expr().map(|expression| expression.syntax().clone())
}
