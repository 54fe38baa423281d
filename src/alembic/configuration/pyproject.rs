//! The table `[tool.alembic]` of a `pyproject.toml`.

use thiserror::Error;
use toml::{Table, Value};

/// What is wrong with a `pyproject.toml`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PyprojectError {
    /// Not TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key holds a value of another type than Alembic takes.
    #[error("`{key}` in [tool.alembic]: expected {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What Alembic takes.
        expected: &'static str,
    },
    /// `%` is followed by something other than `%` or `(here)s`.
    #[error("`{0}` in [tool.alembic]: a `%` must be written `%%`, or start `%(here)s`")]
    BadInterpolation(String),
}

/// The keys of `[tool.alembic]`.
#[derive(Debug, Default)]
pub(super) struct Pyproject {
    keys: Table,
    here: String,
}

impl Pyproject {
    /// Parses a file; `here` is what `%(here)s` stands for. `None`: it has no table `[tool.alembic]`.
    pub(super) fn parse(text: &str, here: &str) -> Result<Option<Self>, PyprojectError> {
        let file: Table = text.parse().map_err(|error: toml::de::Error| PyprojectError::Syntax(error.to_string()))?;
        let table = file.get("tool").and_then(|tool| tool.get("alembic"));
        match table {
            None => Ok(None),
            Some(Value::Table(keys)) => Ok(Some(Pyproject { keys: keys.clone(), here: here.to_owned() })),
            Some(_) => Err(PyprojectError::WrongType { key: "tool.alembic".to_owned(), expected: "a table" }),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, PyprojectError> {
        match self.keys.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => self.format(key, text).map(Some),
            Some(_) => Err(wrong_type(key, "a string")),
        }
    }

    pub(super) fn list(&self, key: &str) -> Result<Option<Vec<String>>, PyprojectError> {
        const EXPECTED: &str = "a list of strings";
        let items = match self.keys.get(key) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong_type(key, EXPECTED)),
        };
        let formatted = items.iter().map(|item| match item {
            Value::String(text) => self.format(key, text),
            _ => Err(wrong_type(key, EXPECTED)),
        });
        formatted.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn bool(&self, key: &str) -> Result<bool, PyprojectError> {
        match self.keys.get(key) {
            None => Ok(false),
            Some(Value::Boolean(value)) => Ok(*value),
            Some(_) => Err(wrong_type(key, "true or false")),
        }
    }

    /// `text % {"here": …}` in Python.
    fn format(&self, key: &str, text: &str) -> Result<String, PyprojectError> {
        let mut formatted = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            formatted.push_str(before);
            if let Some(following) = after.strip_prefix('%') {
                formatted.push('%');
                rest = following;
            } else if let Some(following) = after.strip_prefix("(here)s") {
                formatted.push_str(&self.here);
                rest = following;
            } else {
                return Err(PyprojectError::BadInterpolation(key.to_owned()));
            }
        }
        formatted.push_str(rest);
        Ok(formatted)
    }
}

fn wrong_type(key: &str, expected: &'static str) -> PyprojectError {
    PyprojectError::WrongType { key: key.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Pyproject {
        Pyproject::parse(text, "/here").unwrap().unwrap()
    }

    #[test]
    fn strings_are_formatted_with_the_folder_of_the_file() {
        let keys = parse("[tool.alembic]\na = '%(here)s/x'\nb = ['%(here)s/y', '50%%']\nc = true");
        assert_eq!(keys.text("a").unwrap().unwrap(), "/here/x");
        assert_eq!(keys.list("b").unwrap().unwrap(), ["/here/y", "50%"]);
        assert!(keys.bool("c").unwrap());
        assert_eq!((keys.text("z"), keys.bool("z")), (Ok(None), Ok(false)));
    }

    #[test]
    fn a_file_without_the_table_has_no_configuration() {
        assert!(Pyproject::parse("[tool.black]\nx = 1", "/").unwrap().is_none());
    }

    #[test]
    fn what_alembic_refuses_is_refused() {
        let keys = parse("[tool.alembic]\na = 1\nb = 'x'\nc = 'true'\nd = '%(there)s'\ne = '5%'");
        assert!(keys.text("a").is_err() && keys.list("b").is_err() && keys.bool("c").is_err());
        assert_eq!(keys.text("d"), Err(PyprojectError::BadInterpolation("d".into())));
        assert_eq!(keys.text("e"), Err(PyprojectError::BadInterpolation("e".into())));
        assert!(matches!(Pyproject::parse("[tool]\nalembic = 1", "/"), Err(PyprojectError::WrongType { .. })));
        assert!(matches!(Pyproject::parse("[tool", "/"), Err(PyprojectError::Syntax(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(\\[tool.alembic\\]\n)?([ab][=.%(){}\\[\\]'\"#é1]{0,8}\n){0,6}") {
            if let Ok(Some(keys)) = Pyproject::parse(&text, "/") {
                let _ = (keys.text("a"), keys.list("a"), keys.bool("b"));
            }
        }
    }
}
