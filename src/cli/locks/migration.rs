//! A migration for the person who was woken by it: how it is stuck, who is in its way, what to do.

use anstyle::Style;

use super::text::{counted, lock, name, printable, seconds, shorten};
use super::{BAD, GOOD};
use crate::locks::{Culprit, CulpritKind, Kind, Migration};

/// Locks that are shown of those it holds.
const MAX_LOCKS: usize = 3;

/// Writes a migration; `role` is ours, for advice.
pub(super) fn print(migration: &Migration, role: &str, query_text: bool) {
    let (style, headline) = headline(migration);
    anstream::println!("\n{style}{headline}{style:#}");
    let age = migration.age.map(|age| format!(", {} old", seconds(age))).unwrap_or_default();
    print_line("migration", &format!("{}{age}", name(&migration.party)));
    if let Some(awaits) = &migration.awaits {
        print_line("waits for", &lock(awaits));
    }
    let holds = migration.holds.iter().map(lock).collect::<Vec<_>>();
    if !holds.is_empty() {
        let more = holds.len().saturating_sub(MAX_LOCKS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        print_line("holds", &format!("{}{more}", holds[..holds.len().min(MAX_LOCKS)].join(", ")));
    }
    if let Some(progress) = &migration.progress {
        let (blocks, tuples) = (progress.blocks, progress.tuples);
        let done = format!("{} of {} blocks, {} of {} tuples", blocks.done, blocks.total, tuples.done, tuples.total);
        print_line("progress", &format!("{}, {}: {done}", progress.command, migration.phase));
    }
    if let Some(query) = migration.party.query.as_deref().filter(|_| query_text) {
        print_line("statement", &shorten(query));
    }
    if let Some(longest) = migration.queued_for {
        print_line("behind it", &format!("{}, for up to {}", counted(migration.queued, "session"), seconds(longest)));
    }
    if let Some(culprit) = &migration.culprit {
        print_culprit(culprit, migration, role, query_text);
    }
}

/// Label and text, aligned.
fn print_line(label: &str, text: &str) {
    anstream::println!("  {label:<10}  {text}");
}

fn headline(migration: &Migration) -> (Style, String) {
    let relation = migration.relation.as_ref().map(|it| format!(" on {}", printable(&it.identity))).unwrap_or_default();
    let Some(kind) = migration.kind else { return (GOOD, format!("in flight{relation}: {}", migration.phase)) };
    let since = migration.wait.map(|wait| format!(" for {}", seconds(wait.estimate()))).unwrap_or_default();
    (BAD, format!("stuck{since}{relation}: {} ({})", explain(kind, migration), kind.name()))
}

/// How it is stuck, in words.
fn explain(kind: Kind, migration: &Migration) -> &'static str {
    match kind {
        Kind::LockWait => "it waits for a lock",
        Kind::Abandoned => "it was left idle in its transaction, with its locks",
        Kind::ConcurrentIndexWait => "it waits for transactions that began before it",
        Kind::VersionTableConflict => "it waits for its version table, or for another upgrade by it",
        Kind::PreparedTransaction if migration.awaits.is_none() => {
            "it was prepared, and never committed or rolled back"
        }
        Kind::PreparedTransaction => "it waits for a prepared transaction",
        Kind::Autovacuum => "it waits for an autovacuum that does not yield",
        Kind::Replay => "replay of the primary's changes waits behind a query",
        Kind::NoProgress if migration.phase == "committing" => "no synchronous standby confirms its commit",
        Kind::NoProgress => "it runs, and what is counted of its work stands still",
    }
}

fn print_culprit(culprit: &Culprit, migration: &Migration, role: &str, query_text: bool) {
    let party = &culprit.party;
    let itself = (party.pid, &party.gid) == (migration.party.pid, &migration.party.gid);
    if !itself && culprit.kind != CulpritKind::SynchronousStandby {
        let kind = culprit.kind.name().replace('_', " ");
        let age = party.transaction_age.map(|age| format!(", transaction {} old", seconds(age))).unwrap_or_default();
        print_line("in its way", &format!("{} ({kind}{age})", name(party)));
        if let Some(query) = party.query.as_deref().filter(|_| query_text) {
            let last = if culprit.is_idle() { "its last statement: " } else { "" };
            print_line("", &format!("{last}{}", shorten(query)));
        }
    }
    print_line("what to do", &printable(&remedy(culprit, role)));
}

fn remedy(culprit: &Culprit, role: &str) -> String {
    let party = &culprit.party;
    if let Some(gid) = &party.gid {
        let datname = party.datname.as_deref().unwrap_or_default();
        return format!("COMMIT PREPARED or ROLLBACK PREPARED '{}' in database {datname}", gid.replace('\'', "''"));
    }
    let pid = party.pid.unwrap_or_default();
    // A session that runs no statement has nothing to cancel.
    let unblock = format!("pgwarden unblock{} {pid}", if culprit.is_idle() { " --terminate" } else { "" });
    match culprit.kind {
        CulpritKind::SynchronousStandby => {
            "mend the synchronous standby, or take it out of synchronous_standby_names".to_owned()
        }
        CulpritKind::Hidden => format!("see what it is doing first: GRANT pg_monitor TO {role}"),
        CulpritKind::Replication => format!("wait for replication, or pgwarden unblock --terminate --force {pid}"),
        CulpritKind::Backup => format!("wait for the backup, or {unblock}"),
        CulpritKind::Autovacuum => format!("{unblock}; it comes again, so run VACUUM when there is time"),
        CulpritKind::Migration if !culprit.is_idle() => format!("wait for it, or {unblock}"),
        _ => unblock,
    }
}
