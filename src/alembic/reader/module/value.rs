//! What names of a module are bound to.

use ruff_text_size::TextSize;

/// What a name is bound to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::alembic::reader) enum Value {
    None,
    Text(String),
    Bool(bool),
    /// A tuple, or a list or set, whose content may still change.
    Items {
        items: Vec<Value>,
        mutable: bool,
    },
    /// A literal of another type.
    Other(&'static str),
    /// The module `typing`, asked for `TYPE_CHECKING`.
    Typing,
    Unknown(Unknown),
}

/// Why a value cannot be told without running the file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::alembic::reader) struct Unknown {
    /// Completes "`down_revision` …".
    pub(in crate::alembic::reader) reason: String,
    pub(in crate::alembic::reader) at: TextSize,
}

impl Value {
    pub(super) fn unknown(reason: impl Into<String>, at: TextSize) -> Self {
        Value::Unknown(Unknown { reason: reason.into(), at })
    }

    pub(super) fn is_known(&self) -> bool {
        match self {
            Value::Unknown(_) => false,
            Value::Items { items, .. } => items.iter().all(Value::is_known),
            _ => true,
        }
    }

    pub(super) fn is_mutable(&self) -> bool {
        match self {
            Value::Items { items, mutable } => *mutable || items.iter().any(Value::is_mutable),
            _ => false,
        }
    }

    /// `bool(value)` in Python.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Value::None => Some(false),
            Value::Bool(value) => Some(*value),
            Value::Text(text) => Some(!text.is_empty()),
            Value::Items { items, mutable: false } => Some(!items.is_empty()),
            _ => None,
        }
    }
}
