//! The answer for a person: what is stuck and what to do, then the tree of who waits for whom, then what was not seen.

use super::text::{counted, printable};
use super::tree::Tree;
use super::{BAD, GOOD, LESS, migration};
use crate::locks::{Evidence, Judgement};

/// Writes the answer; `role` is ours, for advice.
pub(super) fn print(evidence: &Evidence, judgement: &Judgement, role: &str, query_text: bool) {
    print_summary(evidence, judgement);
    for it in &judgement.migrations {
        migration::print(it, role, query_text);
    }
    if !judgement.waiting.is_empty() {
        anstream::println!("\nwho waits for whom");
        Tree::new(judgement, query_text).print();
    }
    if evidence.in_recovery {
        anstream::println!("\nthis is a standby: only its replay is judged here, migrations are seen on the primary");
    }
    print_unseen(evidence, role);
}

fn print_summary(evidence: &Evidence, judgement: &Judgement) {
    let in_flight = judgement.migrations.len();
    let stuck = judgement.migrations.iter().filter(|migration| migration.kind.is_some()).count();
    let waiting = judgement.waiting.len();
    let (style, migrations) = match (stuck, in_flight) {
        (0, 0) if evidence.visibility.is_complete() => (GOOD, "no migration is in flight".to_owned()),
        (0, 0) => (LESS, "no migration is seen in flight, but not everything is seen".to_owned()),
        (0, _) if evidence.visibility.is_complete() => (GOOD, format!("{in_flight} in flight, none stuck")),
        (0, _) => (LESS, format!("{in_flight} in flight, none is seen to be stuck, but not everything is seen")),
        _ => (BAD, format!("{stuck} of {} in flight stuck", counted(in_flight, "migration"))),
    };
    let waiting =
        if waiting == 0 { "nobody waits for a lock".to_owned() } else { format!("{waiting} waiting for locks") };
    anstream::println!("{style}{migrations}{style:#}, {waiting}");
}

fn print_unseen(evidence: &Evidence, role: &str) {
    let seen = &evidence.visibility;
    if seen.hidden_sessions > 0 {
        anstream::println!(
            "\n{LESS}not seen{LESS:#}  the state of {} of other roles, so an abandoned migration among them is missed\n  what to do  GRANT pg_monitor TO {}",
            counted(seen.hidden_sessions, "session"),
            printable(role)
        );
    }
    for (datname, reason) in &seen.unseen_databases {
        anstream::println!("\n{LESS}not seen{LESS:#}  the tables of database {}: {reason}", printable(datname));
    }
}
