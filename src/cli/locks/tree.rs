//! The answer for a person: what is stuck and what to do, then the tree of who waits for whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crate::locks::{Culprit, CulpritKind, Evidence, Holder, Judgement, Kind, Migration, Party, TableLock, Waiter};

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const LESS: Style = AnsiColor::Yellow.on_default();
const FAINT: Style = Style::new().dimmed();

/// Sessions that are shown of those who wait for the same one.
const MAX_SIBLINGS: usize = 20;

/// Letters of a statement that are shown.
const MAX_QUERY: usize = 80;

/// Writes the answer.
pub(super) fn print(evidence: &Evidence, judgement: &Judgement, query_text: bool) {
    for migration in &judgement.migrations {
        print_migration(migration, query_text);
    }
    if judgement.migrations.is_empty() {
        anstream::println!("{GOOD}no migration is in flight{GOOD:#}");
    }
    if !judgement.waiting.is_empty() {
        anstream::println!("\nwho waits for whom");
        Tree::new(judgement, query_text).print();
    }
    if evidence.in_recovery {
        anstream::println!("\nthis is a standby: only its replay is judged here, migrations are seen on the primary");
    }
    print_unseen(evidence);
}

fn print_migration(migration: &Migration, query_text: bool) {
    let (style, word) = match migration.kind {
        Some(kind) => (BAD, format!("stuck: {}", kind.name())),
        None => (GOOD, "in flight".to_owned()),
    };
    let relation = migration.relation.as_ref().map(|relation| format!(" on {}", relation.identity)).unwrap_or_default();
    let age = migration.age.map(|age| format!(", {} old", seconds(age))).unwrap_or_default();
    anstream::println!("{style}{word}{style:#}  {}{relation}: {}{age}", name(&migration.party), migration.phase);
    if let Some(awaits) = &migration.awaits {
        let wait = migration.wait.map(|wait| seconds(wait.estimate())).unwrap_or_default();
        anstream::println!("  waits {wait} for {}", lock(awaits));
    }
    if let (Some(progress), true) = (&migration.progress, migration.kind != Some(Kind::LockWait)) {
        let (blocks, tuples) = (progress.blocks, progress.tuples);
        anstream::println!(
            "  {}: {} of {} blocks, {} of {} tuples",
            progress.command,
            blocks.done,
            blocks.total,
            tuples.done,
            tuples.total
        );
    }
    if let Some(longest) = migration.queued_for {
        anstream::println!("  {} queued behind it, for up to {}", migration.queued, seconds(longest));
    }
    if let Some(query) = migration.party.query.as_deref().filter(|_| query_text) {
        anstream::println!("  {FAINT}{}{FAINT:#}", shorten(query));
    }
    if let Some(culprit) = &migration.culprit {
        print_culprit(culprit, migration);
    }
}

fn print_culprit(culprit: &Culprit, migration: &Migration) {
    let party = &culprit.party;
    if party.pid != migration.party.pid || party.gid != migration.party.gid {
        let age = party.transaction_age.map(|age| format!(", transaction {} old", seconds(age))).unwrap_or_default();
        anstream::println!("  in its way: {} ({}{age})", name(party), culprit.kind.name().replace('_', " "));
    }
    let remedy = match (culprit.kind, party.pid, party.gid.as_deref()) {
        (CulpritKind::SynchronousStandby, ..) => {
            "mend the synchronous standby, or take it out of synchronous_standby_names".to_owned()
        }
        (_, _, Some(gid)) => format!("COMMIT PREPARED or ROLLBACK PREPARED '{}'", gid.replace('\'', "''")),
        (CulpritKind::Hidden, ..) => "see who it is: GRANT pg_monitor to our role".to_owned(),
        (_, Some(pid), _) => format!("pgwarden unblock {pid}"),
        (_, None, None) => return,
    };
    anstream::println!("  what to do: {remedy}");
}

fn print_unseen(evidence: &Evidence) {
    let seen = &evidence.visibility;
    if seen.hidden_sessions > 0 {
        anstream::println!(
            "\n{LESS}not seen{LESS:#}  the state of {} sessions of other roles, so an abandoned migration among them is missed\n  mend it: GRANT pg_monitor TO our role",
            seen.hidden_sessions
        );
    }
    for (datname, reason) in &seen.unseen_databases {
        anstream::println!("\n{LESS}not seen{LESS:#}  the tables of database {datname}: {reason}");
    }
}

/// Who waits for whom. Somebody who waits for several is shown once, under the one that has waited longest itself.
struct Tree<'a> {
    judgement: &'a Judgement,
    waiters: BTreeMap<&'a Holder, &'a Waiter>,
    children: BTreeMap<&'a Holder, Vec<&'a Holder>>,
    query_text: bool,
}

impl<'a> Tree<'a> {
    fn new(judgement: &'a Judgement, query_text: bool) -> Self {
        let waiters: BTreeMap<_, _> = judgement.waiting.iter().map(|waiter| (&waiter.holder, waiter)).collect();
        let waited = |holder: &Holder| waiters.get(holder).map_or(-1.0, |waiter| waiter.wait.estimate());
        let mut children: BTreeMap<&Holder, Vec<&Holder>> = BTreeMap::new();
        for waiter in &judgement.waiting {
            if let Some(parent) = waiter.blocked_by.iter().max_by(|a, b| waited(a).total_cmp(&waited(b))) {
                children.entry(parent).or_default().push(&waiter.holder);
            }
        }
        Self { judgement, waiters, children, query_text }
    }

    fn print(&self) {
        let mut shown = BTreeSet::new();
        let roots = self.children.keys().filter(|holder| !self.waiters.contains_key(*holder));
        // What is left over after the roots waits in a circle, or for somebody who has just gone.
        for holder in roots.chain(self.waiters.keys()) {
            if !shown.contains(holder) {
                self.print_branch(holder, "", "", &mut shown);
            }
        }
    }

    fn print_branch(&self, holder: &'a Holder, head: &str, indent: &str, shown: &mut BTreeSet<&'a Holder>) {
        if !shown.insert(holder) {
            return;
        }
        let party = &self.judgement.parties[holder];
        let what = match self.waiters.get(holder) {
            Some(waiter) => format!("waits {} for {}", seconds(waiter.wait.estimate()), lock(&waiter.awaits)),
            None => party.state.map(str::to_owned).unwrap_or_default(),
        };
        let query = party.query.as_deref().filter(|_| self.query_text).map(shorten).unwrap_or_default();
        anstream::println!("{head}{}  {what}  {FAINT}{query}{FAINT:#}", name(party));
        let children = self.children.get(holder).map(Vec::as_slice).unwrap_or_default();
        let (listed, rest) = children.split_at(children.len().min(MAX_SIBLINGS));
        for (position, child) in listed.iter().enumerate() {
            let last = position + 1 == children.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.print_branch(child, &format!("{indent}{branch}"), &format!("{indent}{below}"), shown);
        }
        if !rest.is_empty() {
            anstream::println!("{indent}└─ and {} more", rest.len());
            shown.extend(rest);
        }
    }
}

/// Who it is, as far as that is known.
pub(in crate::cli) fn name(party: &Party) -> String {
    let mut name = match (&party.pid, &party.gid) {
        (Some(pid), _) => format!("pid {pid}"),
        (None, Some(gid)) => format!("prepared transaction {gid:?}"),
        (None, None) => "nobody on this server".to_owned(),
    };
    let user = party.usename.as_deref().unwrap_or_default();
    let parts = [party.datname.as_deref(), Some(user), party.application_name.as_deref(), party.client_addr.as_deref()];
    for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
        name.push(' ');
        name.push_str(part);
    }
    name
}

fn lock(lock: &TableLock) -> String {
    match &lock.relation {
        Some(relation) if lock.locktype == "relation" => format!("{} on {relation}", lock.mode),
        Some(relation) => format!("{} on a {} of {relation}", lock.mode, lock.locktype),
        None => format!("{} on a {}", lock.mode, lock.locktype),
    }
}

/// A duration to read: in seconds, or coarser.
pub(in crate::cli) fn seconds(seconds: f64) -> String {
    humantime::format_duration(Duration::from_secs(Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs()))
        .to_string()
}

/// A statement on one line.
pub(in crate::cli) fn shorten(query: &str) -> String {
    let line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_QUERY) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
