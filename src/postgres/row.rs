//! Typed access to the columns of an answer.

use std::error::Error as StdError;

use tokio_postgres::types::{FromSql, Type};

use super::{Error, ErrorKind};

/// One row of an answer.
#[derive(Debug)]
pub struct Row(pub(super) tokio_postgres::Row);

impl Row {
    /// Position of a column; worth asking once where an answer has many rows.
    pub fn position(&self, column: &str) -> Result<usize, Error> {
        let position = self.0.columns().iter().position(|candidate| candidate.name() == column);
        position.ok_or_else(|| {
            Error::new(ErrorKind::Decode, format!("read column {column}"), "the answer has no such column")
        })
    }

    /// Text that is never NULL. Bytes that are no UTF-8, possible in databases with encoding `SQL_ASCII`, are replaced.
    pub fn text(&self, column: &str) -> Result<String, Error> {
        required(column, self.text_some(column)?)
    }

    /// Text or NULL.
    pub fn text_some(&self, column: &str) -> Result<Option<String>, Error> {
        Ok(self.value::<Option<Lossy>>(column)?.map(|text| text.0))
    }

    /// A list of text that is never NULL.
    pub fn texts(&self, column: &str) -> Result<Vec<String>, Error> {
        let texts = self.value::<Option<Vec<Lossy>>>(column)?;
        Ok(required(column, texts)?.into_iter().map(|text| text.0).collect())
    }

    /// A list of whole numbers that is never NULL.
    pub fn integers(&self, column: &str) -> Result<Vec<i64>, Error> {
        let numbers = self.value::<Option<Vec<Integer>>>(column)?;
        Ok(required(column, numbers)?.into_iter().map(|number| number.0).collect())
    }

    /// A truth value that is never NULL.
    pub fn boolean(&self, column: &str) -> Result<bool, Error> {
        required(column, self.boolean_some(column)?)
    }

    /// A truth value or NULL.
    pub fn boolean_some(&self, column: &str) -> Result<Option<bool>, Error> {
        self.value(column)
    }

    /// A whole number that is never NULL.
    pub fn integer(&self, column: &str) -> Result<i64, Error> {
        required(column, self.integer_some(column)?)
    }

    /// A whole number or NULL.
    pub fn integer_some(&self, column: &str) -> Result<Option<i64>, Error> {
        Ok(self.value::<Option<Integer>>(column)?.map(|number| number.0))
    }

    /// An object identifier that is never NULL.
    pub fn oid(&self, column: &str) -> Result<u32, Error> {
        self.value(column)
    }

    /// A number of any numeric type but `numeric`, never NULL.
    pub fn number(&self, column: &str) -> Result<f64, Error> {
        required(column, self.number_some(column)?)
    }

    /// A number of any numeric type but `numeric`, or NULL.
    pub fn number_some(&self, column: &str) -> Result<Option<f64>, Error> {
        self.number_at(self.position(column)?)
    }

    /// The same, by position.
    pub fn number_at(&self, position: usize) -> Result<Option<f64>, Error> {
        let number = self.0.try_get::<_, Option<Number>>(position);
        number.map(|number| number.map(|number| number.0)).map_err(|error| Error::driver("read a number", &error))
    }

    fn value<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T, Error> {
        self.0.try_get(column).map_err(|error| Error::driver(format!("read column {column}"), &error))
    }
}

fn required<T>(column: &str, value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| {
        Error::new(ErrorKind::Decode, format!("read column {column}"), "it is NULL where that has no meaning")
    })
}

/// Text in whatever bytes the server sends.
struct Lossy(String);

impl<'a> FromSql<'a> for Lossy {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(String::from_utf8_lossy(raw).into_owned()))
    }

    fn accepts(kind: &Type) -> bool {
        <&str as FromSql>::accepts(kind)
    }
}

/// A number of any type that `f64` can hold.
struct Number(f64);

impl<'a> FromSql<'a> for Number {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(match *kind {
            Type::FLOAT8 => f64::from_sql(kind, raw)?,
            Type::FLOAT4 => f64::from(f32::from_sql(kind, raw)?),
            Type::BOOL => f64::from(u8::from(bool::from_sql(kind, raw)?)),
            _ => Integer::from_sql(kind, raw)?.0 as f64,
        }))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::FLOAT8 | Type::FLOAT4 | Type::BOOL) || Integer::accepts(kind)
    }
}

/// A whole number of any width.
struct Integer(i64);

impl<'a> FromSql<'a> for Integer {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(match *kind {
            Type::INT8 => i64::from_sql(kind, raw)?,
            Type::INT4 => i64::from(i32::from_sql(kind, raw)?),
            Type::INT2 => i64::from(i16::from_sql(kind, raw)?),
            _ => i64::from(u32::from_sql(kind, raw)?),
        }))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::INT2 | Type::OID)
    }
}
