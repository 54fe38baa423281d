//! Migrations in flight: which are stuck, how, and who is in their way.

mod evidence;
mod observer;
mod waits;

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::datnames::MAX_DATABASES;
use super::groups::Groups;
use super::{Collector, Context, Profile, Scope};
use crate::config::Databases;
use crate::locks::{self, Culprit, Evidence, Judgement, Kind, Migration, ProgressView, Settings, judge};
use crate::metric::{LabelValues, Samples, labels, metrics};
use crate::postgres::{Error, Session};
pub use observer::Observer;
use waits::Waits;

metrics! {
    /// Migrations in flight: sessions that lock a version table, hold or await a mode that only DDL takes, build an index, or are configured as ones that migrate (pg_locks, pg_stat_progress_create_index).
    static IN_FLIGHT: Gauge = "pgwarden_migrations_in_flight" [datname];
    /// Migrations that are stuck, by kind; nothing instead of 0 where our role sees too little to tell (pg_locks, pg_stat_activity).
    static STUCK: Gauge = "pgwarden_migrations_stuck" [datname, kind];
    /// Seconds since the start of the oldest migration in flight, 0 where there is none (pg_stat_activity.xact_start, query_start).
    static OLDEST: Gauge = "pgwarden_migration_oldest_seconds" [datname];
    /// Seconds that the longest wait of a migration for a lock has lasted, 0 where none waits (pg_locks.waitstart).
    static LONGEST_WAIT: Gauge = "pgwarden_migration_lock_wait_oldest_seconds" [datname];
    /// Sessions whose chain of waits leads through a migration, the longest queue of the database (pg_locks).
    static QUEUED: Gauge = "pgwarden_migration_queued_sessions" [datname];
    /// A stuck migration and the root of its chain, a constant 1; an abandoned one is its own culprit, a prepared transaction has no pid.
    static STUCK_INFO: Info = "pgwarden_stuck_migration_info" [
        datname, pid, kind, schemaname, relname, usename, application_name, culprit_pid, culprit_kind, culprit_datname,
        culprit_usename, culprit_application_name, culprit_state, culprit_client_addr,
    ];
    /// Seconds for which a stuck migration has waited, been idle or stood still (pg_locks.waitstart, pg_stat_activity.state_change).
    static STUCK_WAIT: Gauge = "pgwarden_stuck_migration_wait_seconds" [datname, pid];
    /// Sessions whose chain of waits leads through a stuck migration (pg_locks).
    static STUCK_QUEUED: Gauge = "pgwarden_stuck_migration_queued_sessions" [datname, pid];
    /// Seconds since the culprit of a stuck migration began its transaction (pg_stat_activity.xact_start, pg_prepared_xacts.prepared).
    static CULPRIT_TRANSACTION: Gauge = "pgwarden_stuck_migration_culprit_transaction_seconds" [datname, pid];
    /// Blocks that an index build has done in its phase (pg_stat_progress_create_index.blocks_done).
    static BLOCKS_DONE: Gauge = "pgwarden_index_build_done_blocks" [datname, pid, schemaname, relname, phase];
    /// Blocks that an index build has to do in its phase, 0 where the phase does not count them (pg_stat_progress_create_index.blocks_total).
    static BLOCKS: Gauge = "pgwarden_index_build_expected_blocks" [datname, pid, schemaname, relname, phase];
    /// Tuples that an index build has done in its phase (pg_stat_progress_create_index.tuples_done).
    static TUPLES_DONE: Gauge = "pgwarden_index_build_done_tuples" [datname, pid, schemaname, relname, phase];
    /// Tuples that an index build has to do in its phase, 0 where the phase does not count them (pg_stat_progress_create_index.tuples_total).
    static TUPLES: Gauge = "pgwarden_index_build_expected_tuples" [datname, pid, schemaname, relname, phase];
    /// Waits for heavyweight locks that have ended since the exporter started, by how long they had lasted when last seen; those between two rounds are missed (pg_locks.waitstart).
    static WAITS: Histogram = "pgwarden_lock_wait_seconds" [];
    /// Sessions whose state our role may not see, so that an abandoned migration among them is missed (pg_stat_activity.state).
    static HIDDEN: Gauge = "pgwarden_migration_hidden_sessions" [];
    /// Databases with locks whose tables could not be named, so that their version tables are not known (pg_class).
    static UNSEEN: Gauge = "pgwarden_migration_unseen_databases" [];
}

static PROFILE: Profile = Profile {
    name: "migrations",
    about: "Migrations in flight, which of them are stuck, and who is in their way",
    scope: Scope::Watch,
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(4),
    heavy: false,
    privilege: Some("pg_monitor"),
    metrics: &[
        &IN_FLIGHT,
        &STUCK,
        &OLDEST,
        &LONGEST_WAIT,
        &QUEUED,
        &STUCK_INFO,
        &STUCK_WAIT,
        &STUCK_QUEUED,
        &CULPRIT_TRANSACTION,
        &BLOCKS_DONE,
        &BLOCKS,
        &TUPLES_DONE,
        &TUPLES,
        &WAITS,
        &HIDDEN,
        &UNSEEN,
    ],
    statements: &[
        &evidence::DATABASES,
        &evidence::LOCKS,
        &evidence::SESSIONS,
        &evidence::PROGRESS,
        &evidence::PREPARED,
        &evidence::RELATIONS,
    ],
};

/// Time in one round for visits to databases, well within its time-out.
const VISITS: Duration = Duration::from_secs(2);

/// See the module.
pub(super) struct Migrations;

/// What is remembered of a target from round to round.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<(Observer, Waits)>);

#[async_trait]
impl Collector for Migrations {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, context: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let everything = Databases::all();
        let target = context.config.targets.iter().find(|target| target.name == context.target);
        let watched = target.map_or(&everything, |target| &target.databases);
        let mut notes = context.notes.migrations.0.lock().await;
        let (observer, waits) = &mut *notes;
        let evidence = observer.round(session, watched, &context.config.alembic, VISITS).await?;
        let mut judgement = judge(&evidence, observer.history(), &Settings::from(&context.config.migrations));
        judgement.migrations.retain(|it| it.party.datname.as_deref().is_none_or(|datname| watched.contains(datname)));
        waits.observe(&judgement);
        samples.push_plain(&WAITS, waits.ended().clone());
        samples.leave_out(observer.databases().len().saturating_sub(MAX_DATABASES));
        let datnames: Vec<&str> = observer.databases().iter().take(MAX_DATABASES).map(String::as_str).collect();
        push(&evidence, &judgement, &datnames, context.config.migrations.max_migrations, samples);
        Ok(())
    }
}

fn push(evidence: &Evidence, judgement: &Judgement, datnames: &[&str], limit: usize, samples: &mut Samples) {
    push_databases(evidence, judgement, datnames, samples);
    samples.push_plain(&HIDDEN, evidence.visibility.hidden_sessions as f64);
    samples.push_plain(&UNSEEN, evidence.visibility.unseen_databases.len() as f64);
    // The worst come first.
    let of_their_own = judgement.migrations.iter().filter(|it| it.kind.is_some() || is_build(it));
    samples.leave_out(of_their_own.clone().count().saturating_sub(limit));
    for migration in of_their_own.take(limit) {
        if is_build(migration) {
            push_build(migration, samples);
        }
        if let (Some(kind), Some(culprit)) = (migration.kind, &migration.culprit) {
            push_stuck(migration, kind, culprit, samples);
        }
    }
}

fn push_databases(evidence: &Evidence, judgement: &Judgement, datnames: &[&str], samples: &mut Samples) {
    let (mut in_flight, mut stuck) = (Groups::sums(), Groups::sums());
    let (mut oldest, mut waits, mut queued) = (Groups::maxima(), Groups::maxima(), Groups::maxima());
    for datname in datnames {
        let datname = [(*datname).to_owned()];
        in_flight.add(datname.clone(), 0.0);
        oldest.add(datname.clone(), 0.0);
        waits.add(datname.clone(), 0.0);
        queued.add(datname, 0.0);
    }
    // Where something is hidden, nothing found is no reason to say that there is nothing.
    let unseen = &evidence.visibility.unseen_databases;
    let seen = |datname: &&&str| evidence.visibility.hidden_sessions == 0 && !unseen.contains_key(**datname);
    for datname in datnames.iter().filter(seen) {
        for kind in Kind::ALL {
            stuck.add([*datname, kind.name()].map(str::to_owned), 0.0);
        }
    }
    for migration in &judgement.migrations {
        let datname = [text(migration.party.datname.as_ref()).to_owned()];
        if let Some(kind) = migration.kind {
            stuck.add([datname[0].clone(), kind.name().to_owned()], 1.0);
        }
        if let Some(wait) = migration.wait.filter(|_| migration.awaits.is_some()) {
            waits.add(datname.clone(), wait.estimate());
        }
        oldest.add(datname.clone(), migration.age.unwrap_or_default());
        queued.add(datname.clone(), migration.queued as f64);
        in_flight.add(datname, 1.0);
    }
    in_flight.push(&IN_FLIGHT, samples);
    stuck.push(&STUCK, samples);
    oldest.push(&OLDEST, samples);
    waits.push(&LONGEST_WAIT, samples);
    queued.push(&QUEUED, samples);
}

fn push_stuck(migration: &Migration, kind: Kind, culprit: &Culprit, samples: &mut Samples) {
    let (who, whose) = (&migration.party, &culprit.party);
    let (schema, name) = names(migration);
    let info = labels([
        text(who.datname.as_ref()),
        &pid(who),
        kind.name(),
        schema,
        name,
        text(who.usename.as_ref()),
        text(who.application_name.as_ref()),
        &pid(whose),
        culprit.kind.name(),
        text(whose.datname.as_ref()),
        text(whose.usename.as_ref()),
        text(whose.application_name.as_ref()),
        whose.state.unwrap_or_default(),
        text(whose.client_addr.as_ref()),
    ]);
    samples.push_info(&STUCK_INFO, &info);
    // A prepared transaction has no pid that would tell it from another one.
    if who.pid.is_some() {
        let one = labels([text(who.datname.as_ref()), &pid(who)]);
        samples.push_some(&STUCK_WAIT, &one, migration.wait.map(locks::Span::estimate));
        samples.push(&STUCK_QUEUED, &one, migration.queued as f64);
        samples.push_some(&CULPRIT_TRANSACTION, &one, whose.transaction_age);
    }
}

fn is_build(migration: &Migration) -> bool {
    migration.progress.as_ref().is_some_and(|progress| progress.view == ProgressView::CreateIndex)
}

fn push_build(migration: &Migration, samples: &mut Samples) {
    let Some(progress) = &migration.progress else { return };
    let (schema, name) = names(migration);
    let one: LabelValues =
        labels([text(migration.party.datname.as_ref()), &pid(&migration.party), schema, name, &progress.phase]);
    samples.push(&BLOCKS_DONE, &one, progress.blocks.done as f64);
    samples.push(&BLOCKS, &one, progress.blocks.total as f64);
    samples.push(&TUPLES_DONE, &one, progress.tuples.done as f64);
    samples.push(&TUPLES, &one, progress.tuples.total as f64);
}

fn names(migration: &Migration) -> (&str, &str) {
    migration.relation.as_ref().map_or(("", ""), |relation| (&relation.schema, &relation.name))
}

fn pid(party: &locks::Party) -> String {
    party.pid.map(|pid| pid.to_string()).unwrap_or_default()
}

fn text(text: Option<&String>) -> &str {
    text.map(String::as_str).unwrap_or_default()
}
