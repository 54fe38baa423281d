//! SQLAlchemy's types as PostgreSQL's.

use super::value::{Call, Value};
use crate::alembic::lint::data_type::DataType;

/// The type that SQLAlchemy renders on PostgreSQL; nothing for a type of the application.
pub(super) fn data_type(value: &Value) -> Option<DataType> {
    if let Value::Call(call) = value
        && let Value::Member(of, method) = &call.function
    {
        return match (&**method, call.arguments.get(1).and_then(Value::as_str)) {
            ("with_variant", Some("postgresql")) => data_type(call.arguments.first()?),
            ("with_variant", _) => data_type(of),
            _ => None,
        };
    }
    let path = value.path()?;
    if !path.starts_with("sqlalchemy.") {
        return None;
    }
    let call = match value {
        Value::Call(call) => Some(&**call),
        _ => None,
    };
    named(value.tail()?, call)
}

fn named(class: &str, call: Option<&Call>) -> Option<DataType> {
    let number = |position: usize, names: &[&str]| {
        let call = call?;
        let value = names.iter().find_map(|name| call.keyword(name)).or_else(|| call.arguments.get(position))?;
        match value {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    };
    let numbers = |found: &[Option<i64>]| found.iter().map_while(|number| *number).collect::<Vec<_>>();
    let zoned = call.is_some_and(|call| call.argument(0, "timezone").and_then(Value::truth) == Some(true));
    Some(match class {
        "Integer" | "INTEGER" | "INT" => DataType::new("integer"),
        "BigInteger" | "BIGINT" => DataType::new("bigint"),
        "SmallInteger" | "SMALLINT" => DataType::new("smallint"),
        "String" | "VARCHAR" | "Unicode" | "NVARCHAR" => DataType::with("varchar", numbers(&[number(0, &["length"])])),
        "CHAR" | "NCHAR" => DataType::with("char", numbers(&[number(0, &["length"])])),
        "Text" | "TEXT" | "UnicodeText" | "CLOB" => DataType::new("text"),
        "Boolean" | "BOOLEAN" => DataType::new("boolean"),
        "Numeric" | "NUMERIC" | "DECIMAL" => {
            DataType::with("numeric", numbers(&[number(0, &["precision"]), number(1, &["scale"])]))
        }
        "Float" | "FLOAT" => DataType::with("float", numbers(&[number(0, &["precision"])])),
        "Double" | "DOUBLE" | "DOUBLE_PRECISION" => DataType::new("double precision"),
        "REAL" => DataType::new("real"),
        "DateTime" | "TIMESTAMP" | "DATETIME" => {
            DataType::with(if zoned { "timestamptz" } else { "timestamp" }, numbers(&[number(1, &["precision"])]))
        }
        "Time" | "TIME" => DataType::with(if zoned { "timetz" } else { "time" }, numbers(&[number(1, &["precision"])])),
        "Date" | "DATE" => DataType::new("date"),
        "Interval" | "INTERVAL" => DataType::new("interval"),
        "LargeBinary" | "BYTEA" | "BLOB" | "PickleType" => DataType::new("bytea"),
        "Uuid" | "UUID" => DataType::new("uuid"),
        "BIT" => DataType::with(
            if call.is_some_and(|call| call.is_set("varying")) { "varbit" } else { "bit" },
            numbers(&[number(0, &["length"])]),
        ),
        "ARRAY" => DataType { array: true, ..data_type(call?.arguments.first()?)? },
        "Enum" | "ENUM" => enumeration(call?)?,
        "DOMAIN" => domain(call?)?,
        "JSON" | "JSONB" | "XML" | "INET" | "CIDR" | "MACADDR" | "MACADDR8" | "MONEY" | "OID" | "REGCLASS"
        | "TSVECTOR" | "TSQUERY" | "HSTORE" | "CITEXT" | "INT4RANGE" | "INT8RANGE" | "NUMRANGE" | "DATERANGE"
        | "TSRANGE" | "TSTZRANGE" => DataType::new(class),
        _ => return None,
    })
}

fn enumeration(call: &Call) -> Option<DataType> {
    let native = call.keyword("native_enum").and_then(Value::truth) != Some(false);
    if !native {
        let longest = call.arguments.iter().filter_map(Value::as_str).map(str::len).max();
        let length = longest.and_then(|longest| i64::try_from(longest).ok());
        return Some(DataType::with("varchar", length.into_iter().collect()));
    }
    let name = call.keyword("name").and_then(Value::name);
    let class = || call.arguments.first().and_then(Value::tail).map(str::to_owned);
    name.or_else(class).map(|name| DataType::new(&name))
}

fn domain(call: &Call) -> Option<DataType> {
    let constrained = call.keyword("check").is_some() || call.is_set("not_null");
    Some(DataType { constrained, ..DataType::new(&call.argument(0, "name")?.name()?) })
}
