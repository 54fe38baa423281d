//! Sessions, locks, durations and statements as a person reads them, on one line each.

use std::time::Duration;

use crate::locks::{Party, TableLock};

/// Letters of a statement that are shown.
const MAX_QUERY: usize = 80;

/// Who it is, as far as that is known.
pub(in crate::cli) fn name(party: &Party) -> String {
    let who = match (&party.pid, &party.gid) {
        (Some(pid), _) => format!("pid {pid}"),
        (None, Some(gid)) => format!("prepared transaction {gid:?}"),
        (None, None) => "nobody on this server".to_owned(),
    };
    let place = match (&party.usename, &party.datname) {
        (Some(user), Some(datname)) => Some(format!("{user}@{datname}")),
        (user, datname) => user.clone().or_else(|| datname.clone()),
    };
    let parts = [Some(who), place, party.application_name.clone(), party.client_addr.clone()];
    printable(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// A lock: its mode, and what it is on.
pub(super) fn lock(lock: &TableLock) -> String {
    printable(&match &lock.relation {
        Some(relation) if lock.locktype == "relation" => format!("{} on {relation}", lock.mode),
        Some(relation) => format!("{} on a {} of {relation}", lock.mode, lock.locktype),
        None => format!("{} on a {}", lock.mode, lock.locktype),
    })
}

/// A duration to read: in seconds, or coarser.
pub(in crate::cli) fn seconds(seconds: f64) -> String {
    humantime::format_duration(Duration::from_secs(Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs()))
        .to_string()
}

/// How many of something there are.
pub(in crate::cli) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// A statement on one line.
pub(in crate::cli) fn shorten(query: &str) -> String {
    let line = printable(&query.split_whitespace().collect::<Vec<_>>().join(" "));
    match line.char_indices().nth(MAX_QUERY) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The same without what would move the cursor or break the line: names and statements are other people's text.
pub(in crate::cli) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, letter| {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_written_stays_on_its_line_and_leaves_the_terminal_alone() {
        let party = Party {
            pid: Some(7),
            usename: Some("o\"brien\n".to_owned()),
            datname: Some("shop 🦀".to_owned()),
            application_name: Some("\u{1b}[2Jweb".to_owned()),
            ..Party::default()
        };
        assert_eq!(name(&party), "pid 7 o\"brien\\n@shop 🦀 \\u{1b}[2Jweb");
        assert_eq!(shorten("SELECT\n  '\u{7}';"), "SELECT '\\u{7}';");
    }

    #[test]
    fn a_long_statement_is_cut_between_two_letters() {
        assert_eq!(shorten(&"é".repeat(100)), format!("{}...", "é".repeat(80)));
    }
}
