//! Data types as far as `ALTER COLUMN ... TYPE` cares: when the table is rewritten and when values are lost.

use serde::{Deserialize, Serialize};

/// A data type under the name that `format_type` gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataType {
    /// Canonical and lower case, as in `character varying` or `timestamp with time zone`.
    pub name: String,
    /// Length, precision and scale, as far as written.
    pub modifiers: Vec<i64>,
    /// Whether it is an array of it.
    pub array: bool,
    /// A domain that the migration itself says has constraints.
    pub constrained: bool,
}

/// What a change of type does to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewrite {
    /// Only the catalog changes.
    Never,
    /// Every row is written again.
    Always,
    /// It depends on a type that the file does not tell.
    Unknown,
}

const BUILT_IN: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
    "money",
    "boolean",
    "character",
    "character varying",
    "text",
    "\"char\"",
    "name",
    "bytea",
    "date",
    "time without time zone",
    "time with time zone",
    "timestamp without time zone",
    "timestamp with time zone",
    "interval",
    "uuid",
    "json",
    "jsonb",
    "xml",
    "inet",
    "cidr",
    "macaddr",
    "macaddr8",
    "bit",
    "bit varying",
    "tsvector",
    "tsquery",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "int4range",
    "int8range",
    "numrange",
    "tsrange",
    "tstzrange",
    "daterange",
    "oid",
    "regclass",
    "hstore",
    "citext",
    "jsonpath",
    "pg_lsn",
    "smallserial",
    "serial",
    "bigserial",
];

impl DataType {
    /// A type without modifiers, under any of the names that SQL knows for it.
    pub fn new(name: &str) -> Self {
        Self::with(name, Vec::new())
    }

    /// A type with length, or precision and scale.
    pub fn with(name: &str, modifiers: Vec<i64>) -> Self {
        let words = name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let canonical = match words.trim_start_matches("pg_catalog.") {
            "int" | "int4" => "integer",
            "int2" => "smallint",
            "int8" => "bigint",
            "serial2" => "smallserial",
            "serial4" => "serial",
            "serial8" => "bigserial",
            "decimal" | "dec" => "numeric",
            "float4" => "real",
            "float8" | "float" | "double" => "double precision",
            "bool" => "boolean",
            "varchar" | "char varying" | "nchar varying" | "national character varying" | "national char varying" => {
                "character varying"
            }
            "char" | "bpchar" | "nchar" | "national character" | "national char" => "character",
            "timestamptz" => "timestamp with time zone",
            "timestamp" => "timestamp without time zone",
            "timetz" => "time with time zone",
            "time" => "time without time zone",
            "varbit" => "bit varying",
            other => other,
        };
        let (name, modifiers) = match (canonical, modifiers.as_slice()) {
            // float(1..24) is real; the precision itself is not kept.
            ("double precision", [precision]) => (if *precision <= 24 { "real" } else { canonical }, Vec::new()),
            ("character", []) => ("character", vec![1]),
            ("numeric", [precision]) => ("numeric", vec![*precision, 0]),
            _ => (canonical, modifiers),
        };
        Self { name: name.to_owned(), modifiers, array: false, constrained: false }
    }

    /// Reads a type as SQL writes it: `varchar(10)`, `timestamp(3) with time zone`, `text[]`, `public."Mood"`.
    pub fn parse(sql: &str) -> Self {
        let mut words = String::new();
        let mut modifiers = Vec::new();
        let mut rest = sql;
        while let Some((before, after)) = rest.split_once('(') {
            let (inside, after) = after.split_once(')').unwrap_or((after, ""));
            words.push_str(before);
            modifiers.extend(inside.split(',').filter_map(|number| number.trim().parse::<i64>().ok()));
            rest = after;
        }
        words.push_str(rest);
        let array = words.contains('[') || words.to_lowercase().split_whitespace().any(|word| word == "array");
        let name = words.split('[').next().unwrap_or_default().trim();
        let name = name.strip_suffix("array").or_else(|| name.strip_suffix("ARRAY")).unwrap_or(name);
        Self { array, ..Self::with(name, modifiers) }
    }

    /// Whether the column's default is a sequence of its own.
    pub fn is_serial(&self) -> bool {
        matches!(self.name.as_str(), "smallserial" | "serial" | "bigserial")
    }

    /// Whether the type is the user's own, an enum or a domain: its name is not one that PostgreSQL brings.
    pub fn is_own(&self) -> bool {
        !BUILT_IN.contains(&self.name.as_str())
    }

    fn length(&self) -> Option<i64> {
        self.modifiers.first().copied()
    }
}

/// Whether PostgreSQL rewrites a table when a column changes from one type to the other
/// (`ATColumnChangeRequiresRewrite` and the support functions of the length casts).
pub(super) fn rewrite(from: Option<&DataType>, to: Option<&DataType>) -> Rewrite {
    let (Some(from), Some(to)) = (from, to) else { return Rewrite::Unknown };
    if from == to {
        return Rewrite::Never;
    }
    if from.array || to.array {
        return Rewrite::Always;
    }
    let free = match (from.name.as_str(), to.name.as_str()) {
        ("character varying", "text") | ("cidr", "inet") | ("xml", "text" | "character varying") => {
            to.modifiers.is_empty()
        }
        ("text" | "character varying", "character varying") | ("bit varying", "bit varying") => {
            fits(from.length(), to.length())
        }
        ("numeric", "numeric") => {
            to.modifiers.is_empty()
                || (from.modifiers.len() == 2
                    && to.modifiers.len() == 2
                    && from.modifiers[1] == to.modifiers[1]
                    && from.modifiers[0] <= to.modifiers[0])
        }
        (one, other) if one == other && is_clock(one) => fits(from.length().or(Some(6)), to.length().or(Some(6))),
        _ => false,
    };
    if free {
        Rewrite::Never
    } else if from.is_own() || to.is_own() {
        // A domain over the same type costs nothing unless it is constrained; an enum always costs.
        Rewrite::Unknown
    } else {
        Rewrite::Always
    }
}

/// Whether existing values may not fit the new type: they are rounded, cut, or the migration fails on them.
pub(super) fn narrows(from: Option<&DataType>, to: Option<&DataType>) -> bool {
    let (Some(from), Some(to)) = (from, to) else { return false };
    if from.array || to.array {
        return false;
    }
    match (from.name.as_str(), to.name.as_str()) {
        ("character varying" | "text" | "character", "character varying" | "character") => {
            !fits(from.length(), to.length())
        }
        ("numeric", "numeric") => match (from.modifiers.as_slice(), to.modifiers.as_slice()) {
            (_, []) => false,
            ([precision, scale], [new_precision, new_scale]) => {
                new_scale < scale || new_precision - new_scale < precision - scale
            }
            _ => true,
        },
        (
            "timestamp with time zone" | "timestamp without time zone",
            "date" | "time without time zone" | "time with time zone",
        )
        | ("timestamp with time zone", "timestamp without time zone")
        | ("json", "jsonb") => true,
        (one, other) if one == other && is_clock(one) => !fits(from.length().or(Some(6)), to.length().or(Some(6))),
        (one, other) => matches!((number_rank(one), number_rank(other)), (Some(from), Some(to)) if to < from),
    }
}

/// Whether the change only reinterprets the time zone: free when the session's `TimeZone` is UTC.
pub(super) fn is_time_zone_change(from: Option<&DataType>, to: Option<&DataType>) -> bool {
    let (Some(from), Some(to)) = (from, to) else { return false };
    from.name.starts_with("timestamp") && to.name.starts_with("timestamp") && from.name != to.name
}

/// A length that was unlimited fits only an unlimited one.
fn fits(from: Option<i64>, to: Option<i64>) -> bool {
    match (from, to) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(from), Some(to)) => from <= to,
    }
}

fn is_clock(name: &str) -> bool {
    name.starts_with("time") || name == "interval"
}

fn number_rank(name: &str) -> Option<u8> {
    Some(match name {
        "smallint" => 1,
        "integer" => 2,
        "bigint" => 3,
        "real" => 4,
        "double precision" => 5,
        "numeric" => 6,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(from: (&str, &[i64]), to: (&str, &[i64])) -> (Rewrite, bool) {
        let (from, to) = (DataType::with(from.0, from.1.to_vec()), DataType::with(to.0, to.1.to_vec()));
        (rewrite(Some(&from), Some(&to)), narrows(Some(&from), Some(&to)))
    }

    #[test]
    fn a_wider_varchar_and_text_cost_nothing() {
        assert_eq!(change(("varchar", &[10]), ("varchar", &[20])), (Rewrite::Never, false));
        assert_eq!(change(("varchar", &[10]), ("varchar", &[])), (Rewrite::Never, false));
        assert_eq!(change(("varchar", &[10]), ("text", &[])), (Rewrite::Never, false));
        assert_eq!(change(("text", &[]), ("varchar", &[])), (Rewrite::Never, false));
    }

    #[test]
    fn a_narrower_varchar_rewrites_and_may_not_fit() {
        assert_eq!(change(("varchar", &[20]), ("varchar", &[10])), (Rewrite::Always, true));
        assert_eq!(change(("text", &[]), ("varchar", &[10])), (Rewrite::Always, true));
    }

    #[test]
    fn numbers_rewrite_unless_only_the_precision_grows() {
        assert_eq!(change(("integer", &[]), ("int8", &[])), (Rewrite::Always, false));
        assert_eq!(change(("bigint", &[]), ("int", &[])), (Rewrite::Always, true));
        assert_eq!(change(("numeric", &[10, 2]), ("decimal", &[12, 2])), (Rewrite::Never, false));
        assert_eq!(change(("numeric", &[10, 2]), ("numeric", &[12, 1])), (Rewrite::Always, true));
        assert_eq!(change(("numeric", &[10, 2]), ("numeric", &[])), (Rewrite::Never, false));
    }

    #[test]
    fn timestamps_rewrite_when_the_precision_drops_or_the_zone_changes() {
        assert_eq!(change(("timestamp", &[]), ("timestamptz", &[])), (Rewrite::Always, false));
        assert_eq!(change(("timestamptz", &[]), ("timestamp", &[])), (Rewrite::Always, true));
        assert_eq!(change(("timestamp", &[]), ("timestamp", &[0])), (Rewrite::Always, true));
        assert_eq!(change(("timestamp", &[3]), ("timestamp", &[])), (Rewrite::Never, false));
    }

    #[test]
    fn types_are_read_as_sql_writes_them() {
        assert_eq!(DataType::parse("VARCHAR(10)"), DataType::with("character varying", vec![10]));
        assert_eq!(DataType::parse("timestamp(3) with time zone"), DataType::with("timestamptz", vec![3]));
        assert_eq!(DataType::parse("numeric(10, 2)").modifiers, [10, 2]);
        assert!(DataType::parse("text[]").array);
        assert_eq!(DataType::parse("int array").name, "integer");
    }

    #[test]
    fn a_type_that_postgresql_does_not_bring_may_be_anything() {
        assert_eq!(change(("text", &[]), ("mood", &[])).0, Rewrite::Unknown);
        assert_eq!(rewrite(None, Some(&DataType::new("text"))), Rewrite::Unknown);
    }
}
