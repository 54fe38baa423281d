//! `lock_timeout`, however it is set.

use squawk_syntax::ast::{self, AstNode};

use crate::alembic::lint::operation::Action;

/// `SET [LOCAL | SESSION] lock_timeout {= | TO} value`.
pub(super) fn of_set(set: &ast::Set) -> Option<Action> {
    let Some(ast::SetTarget::SetConfig(config)) = set.set_target() else { return None };
    let parameter = config.config_parameter_ref()?.syntax().text().to_string();
    if !parameter.trim().eq_ignore_ascii_case("lock_timeout") {
        return None;
    }
    let assignment = config.config_assignment()?.syntax().text().to_string();
    let value = assignment.trim_start_matches(|letter: char| letter == '=' || letter.is_whitespace());
    let value = value.strip_prefix("TO").or_else(|| value.strip_prefix("to")).unwrap_or(value);
    let local = matches!(set.set_scope(), Some(ast::SetScope::LocalScope(_)));
    Some(Action::SetLockTimeout { milliseconds: milliseconds(value)?, local })
}

/// `SELECT set_config('lock_timeout', value, is_local)`.
pub(super) fn of_select(select: &ast::Select) -> Option<Action> {
    let call = select.syntax().descendants().find_map(ast::CallExpr::cast)?;
    let arguments = call.arg_list()?.args().map(|argument| argument.syntax().text().to_string()).collect::<Vec<_>>();
    let [name, value, local] = arguments.as_slice() else { return None };
    let is_set_config = call.expr()?.syntax().text().to_string().eq_ignore_ascii_case("set_config");
    (is_set_config && name.trim().eq_ignore_ascii_case("'lock_timeout'"))
        .then(|| {
            milliseconds(value).map(|milliseconds| Action::SetLockTimeout {
                milliseconds,
                local: local.trim().eq_ignore_ascii_case("true"),
            })
        })
        .flatten()
}

/// A GUC's time: a number of milliseconds, or a number and a unit.
fn milliseconds(value: &str) -> Option<u64> {
    let value = value.trim().trim_matches('\'').trim();
    if value.eq_ignore_ascii_case("default") {
        return Some(0);
    }
    let digits = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    let number = value[..digits].parse::<u64>().ok()?;
    let unit = match value[digits..].trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)
}
