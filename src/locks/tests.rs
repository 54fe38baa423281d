//! What is judged of evidence that was built by hand.

use globset::{Glob, GlobSet};

use super::evidence::{Backend, Holder, State};
use super::mode::LockMode::{
    AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareUpdateExclusive,
};
use super::testing::{
    ORDERS, PG_CLASS, SCRATCH, USERS, VERSIONS, World, advisory, object, row, table, transaction, virtual_transaction,
};
use super::{CulpritKind, Kind, Migration, Sign, WaitGraph};

fn culprit(migration: &Migration) -> (CulpritKind, Option<i32>) {
    let culprit = migration.culprit.as_ref().expect("a stuck migration has a culprit");
    (culprit.kind, culprit.party.pid)
}

/// A migration (2) that waits for a reader (1).
fn alter_behind_reader(wait: f64) -> World {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(USERS), AccessShare);
    world.active(2, wait);
    world.awaits(2, table(USERS), AccessExclusive, wait);
    world
}

#[test]
fn a_waiting_alter_table_is_reported_as_lock_wait() {
    let migration = alter_behind_reader(6.0).migration();
    assert_eq!(migration.kind, Some(Kind::LockWait));
    assert_eq!(culprit(&migration), (CulpritKind::ActiveQuery, Some(1)));
    assert_eq!(migration.relation.as_ref().map(|relation| relation.identity.as_str()), Some("public.users"));
    assert_eq!(migration.phase, "waiting");
}

#[test]
fn two_seconds_of_waiting_are_never_stuck() {
    let migration = alter_behind_reader(2.0).migration();
    assert_eq!((migration.kind, migration.culprit), (None, None));
}

#[test]
fn readers_queue_behind_a_waiting_alter_table() {
    let mut world = alter_behind_reader(6.0);
    for (pid, seconds) in [(3, 4.0), (4, 3.0)] {
        world.active(pid, seconds);
        world.awaits(pid, table(USERS), AccessShare, seconds);
    }
    let judgement = world.judge();
    assert_eq!(judgement.migrations.len(), 1);
    assert_eq!((judgement.migrations[0].queued, judgement.migrations[0].queued_for), (2, Some(4.0)));
    let reader = judgement.waiting.iter().find(|waiter| waiter.holder == Holder::Session(3)).unwrap();
    assert_eq!(reader.blocked_by, [Holder::Session(2)]);
    assert_eq!(reader.roots, [Holder::Session(1)]);
}

#[test]
fn a_reader_that_came_before_the_alter_table_does_not_wait_for_it() {
    let mut world = World::new();
    for pid in [1, 2, 3] {
        world.active(pid, 10.0);
    }
    world.holds(1, table(USERS), Share);
    world.awaits(2, table(USERS), RowExclusive, 9.0);
    world.awaits(3, table(USERS), AccessExclusive, 8.0);
    let graph = WaitGraph::new(&world.evidence);
    assert_eq!(graph.blockers_of(&Holder::Session(2)).collect::<Vec<_>>(), [&Holder::Session(1)]);
    assert_eq!(graph.blockers_of(&Holder::Session(3)).collect::<Vec<_>>(), [&Holder::Session(1), &Holder::Session(2)]);
}

#[test]
fn a_chain_is_followed_to_its_root() {
    let mut world = World::new();
    world.idle_in_transaction(1, 100.0);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 50.0);
    world.awaits(2, transaction(700), Share, 50.0);
    world.holds(2, table(ORDERS), RowExclusive);
    world.active(3, 20.0);
    world.awaits(3, table(ORDERS), AccessExclusive, 20.0);
    world.active(4, 10.0);
    world.awaits(4, table(ORDERS), AccessShare, 10.0);
    let migration = world.migration();
    assert_eq!(migration.party.pid, Some(3));
    assert_eq!(culprit(&migration), (CulpritKind::IdleInTransaction, Some(1)));
    assert_eq!(migration.queued, 1);
}

#[test]
fn a_cycle_has_a_culprit_that_is_not_the_migration_itself() {
    let mut world = World::new();
    for pid in [1, 2] {
        world.active(pid, 10.0);
    }
    world.holds(1, table(USERS), RowExclusive);
    world.holds(2, table(ORDERS), RowExclusive);
    world.awaits(1, table(ORDERS), AccessExclusive, 9.0);
    world.awaits(2, table(USERS), AccessExclusive, 9.0);
    assert_eq!(culprit(&world.migration_of(1)), (CulpritKind::Migration, Some(2)));
    assert_eq!(culprit(&world.migration_of(2)), (CulpritKind::Migration, Some(1)));
}

#[test]
fn parallel_workers_are_one_with_their_leader() {
    let mut world = alter_behind_reader(6.0);
    world.active(11, 60.0).leader_pid = Some(1);
    world.active(12, 60.0).leader_pid = Some(1);
    world.holds(11, table(USERS), AccessShare);
    world.awaits(12, table(USERS), AccessShare, 1.0);
    let judgement = world.judge();
    let waiter = judgement.waiting.iter().find(|waiter| waiter.holder == Holder::Session(2)).unwrap();
    assert_eq!(waiter.blocked_by, [Holder::Session(1)]);
    assert!(judgement.waiting.iter().all(|waiter| waiter.holder != Holder::Session(12)));
}

#[test]
fn a_session_that_holds_the_lock_already_passes_those_who_wait_for_it() {
    let mut world = World::new();
    for pid in [1, 2, 3] {
        world.active(pid, 10.0);
    }
    world.holds(1, table(USERS), AccessShare);
    world.holds(3, table(USERS), AccessShare);
    world.awaits(2, table(USERS), AccessExclusive, 9.0);
    world.awaits(3, table(USERS), Exclusive, 8.0);
    world.holds(1, table(USERS), RowShare);
    let graph = WaitGraph::new(&world.evidence);
    assert_eq!(graph.blockers_of(&Holder::Session(3)).collect::<Vec<_>>(), [&Holder::Session(1)]);
}

#[test]
fn an_abandoned_migration_is_its_own_culprit() {
    let mut world = World::new();
    world.idle_in_transaction(1, 30.0);
    world.holds(1, table(USERS), AccessExclusive);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::Abandoned));
    assert_eq!(culprit(&migration), (CulpritKind::Migration, Some(1)));
    assert_eq!(migration.relation.as_ref().map(|relation| relation.identity.as_str()), Some("public.users"));
}

#[test]
fn an_aborted_transaction_with_locks_from_before_its_savepoint_is_abandoned() {
    let mut world = World::new();
    world.session(1, State::IdleInTransactionAborted, 30.0);
    world.holds(1, table(USERS), Share);
    assert_eq!(world.migration().kind, Some(Kind::Abandoned));
}

#[test]
fn a_migration_that_pauses_between_two_statements_is_not_abandoned() {
    let mut world = World::new();
    world.idle_in_transaction(1, 2.0).xact_start = Some(0.0);
    world.holds(1, table(USERS), AccessExclusive);
    assert_eq!(world.migration().kind, None);
}

#[test]
fn locks_on_temporary_and_on_uncommitted_tables_are_nobodys_business() {
    let mut world = World::new();
    world.idle_in_transaction(1, 30.0);
    world.holds(1, table(SCRATCH), AccessExclusive);
    world.holds(1, table(29_999), AccessExclusive);
    assert!(world.judge().migrations.is_empty());
}

#[test]
fn a_concurrent_build_behind_an_old_transaction_is_a_concurrent_index_wait() {
    let mut world = World::new();
    world.idle_in_transaction(1, 60.0);
    world.holds(1, virtual_transaction("3/7"), Exclusive);
    world.active(2, 40.0);
    world.holds(2, table(USERS), ShareUpdateExclusive);
    world.builds_index(2, "waiting for old snapshots", 0);
    world.awaits(2, virtual_transaction("3/7"), Share, 30.0);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::ConcurrentIndexWait));
    assert_eq!(migration.phase, "waiting for old snapshots");
    assert_eq!(culprit(&migration), (CulpritKind::IdleInTransaction, Some(1)));
    assert_eq!(migration.relation.as_ref().map(|relation| relation.identity.as_str()), Some("public.users"));
}

#[test]
fn a_detach_that_holds_nothing_is_named_by_the_partition_that_it_detaches() {
    let mut world = World::new();
    world.evidence.catalogs.values_mut().for_each(|catalog| catalog.detaching.push(ORDERS));
    world.active(1, 60.0);
    world.holds(1, virtual_transaction("3/7"), Exclusive);
    world.active(2, 40.0);
    world.awaits(2, virtual_transaction("3/7"), Share, 30.0);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::ConcurrentIndexWait));
    assert_eq!(migration.relation.as_ref().map(|relation| relation.identity.as_str()), Some("public.orders"));
}

#[test]
fn a_prepared_transaction_is_a_culprit_without_a_pid() {
    let mut world = World::new();
    let prepared = world.prepared("order-42", 600.0);
    world.holds(prepared, table(USERS), RowExclusive);
    world.active(2, 10.0);
    world.awaits(2, table(USERS), AccessExclusive, 10.0);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::PreparedTransaction));
    assert_eq!(culprit(&migration), (CulpritKind::PreparedTransaction, None));
    assert_eq!(migration.culprit.unwrap().party.gid.as_deref(), Some("order-42"));
}

#[test]
fn a_migration_that_was_prepared_and_forgotten_is_one_without_a_pid() {
    let mut world = World::new();
    let prepared = world.prepared("migration", 600.0);
    world.holds(prepared, table(USERS), AccessExclusive);
    let migration = world.migration();
    assert_eq!((migration.party.pid, migration.kind), (None, Some(Kind::PreparedTransaction)));
    assert_eq!(migration.phase, "prepared");
}

#[test]
fn an_autovacuum_that_does_not_yield_is_told_from_other_waits() {
    let mut world = World::new();
    world.active(1, 60.0).backend = Backend::Autovacuum { wraparound: true };
    world.holds(1, table(USERS), ShareUpdateExclusive);
    world.active(2, 10.0);
    world.awaits(2, table(USERS), AccessExclusive, 10.0);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::Autovacuum));
    assert_eq!(culprit(&migration), (CulpritKind::Autovacuum, Some(1)));
}

#[test]
fn a_backup_is_named_as_what_it_is() {
    let mut world = alter_behind_reader(6.0);
    world.active(1, 60.0).application_name = Some("pg_dump".to_owned());
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::LockWait));
    assert_eq!(culprit(&migration), (CulpritKind::Backup, Some(1)));
}

/// Two upgrades (1, 2) of which the second waits for the end of the first.
fn two_upgrades() -> World {
    let mut world = World::new();
    world.idle_in_transaction(1, 3.0).xact_start = Some(900.0);
    world.holds(1, table(VERSIONS), RowExclusive);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 20.0);
    world.holds(2, table(VERSIONS), AccessShare);
    world.awaits(2, transaction(700), Share, 20.0);
    world
}

#[test]
fn the_second_of_two_upgrades_is_a_version_table_conflict() {
    let migration = two_upgrades().migration_of(2);
    assert_eq!(migration.kind, Some(Kind::VersionTableConflict));
    assert_eq!(culprit(&migration), (CulpritKind::Migration, Some(1)));
    assert_eq!(migration.relation.as_ref().map(|relation| relation.identity.as_str()), Some("public.alembic_version"));
    assert_eq!(two_upgrades().migration_of(1).kind, None);
}

#[test]
fn an_upgrade_behind_another_ones_table_is_a_version_table_conflict() {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(VERSIONS), AccessShare);
    world.holds(1, table(USERS), AccessExclusive);
    world.active(2, 20.0);
    world.holds(2, table(VERSIONS), AccessShare);
    world.awaits(2, table(USERS), AccessExclusive, 20.0);
    assert_eq!(world.migration_of(2).kind, Some(Kind::VersionTableConflict));
}

#[test]
fn a_monitor_that_only_reads_the_version_table_is_no_second_upgrade() {
    let mut world = alter_behind_reader(6.0);
    world.holds(1, table(VERSIONS), AccessShare);
    world.holds(2, table(VERSIONS), AccessShare);
    assert_eq!(world.migration_of(2).kind, Some(Kind::LockWait));
}

#[test]
fn an_upgrade_that_cannot_even_read_its_version_table_is_stuck() {
    let mut world = World::new();
    world.idle_in_transaction(1, 60.0);
    world.holds(1, table(VERSIONS), AccessExclusive);
    world.active(2, 20.0);
    world.awaits(2, table(VERSIONS), AccessShare, 20.0);
    assert_eq!(world.migration_of(2).kind, Some(Kind::VersionTableConflict));
    assert_eq!(world.migration_of(1).kind, Some(Kind::Abandoned));
}

#[test]
fn an_upgrade_that_waits_for_the_version_row_is_stuck() {
    let mut world = World::new();
    world.idle_in_transaction(1, 60.0);
    world.holds(1, table(VERSIONS), RowShare);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 20.0);
    world.holds(2, table(VERSIONS), RowExclusive);
    world.holds(2, row(VERSIONS), Exclusive);
    world.awaits(2, transaction(700), Share, 20.0);
    assert_eq!(world.migration_of(2).kind, Some(Kind::VersionTableConflict));
}

#[test]
fn a_create_table_of_a_name_just_taken_is_a_migration_by_its_catalog_lock() {
    let mut world = World::new();
    world.idle_in_transaction(1, 60.0);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 20.0);
    world.holds(2, table(PG_CLASS), RowExclusive);
    world.awaits(2, transaction(700), Share, 20.0);
    let migration = world.migration();
    assert!(migration.signs.contains(&Sign::Catalog));
    assert_eq!(migration.kind, Some(Kind::LockWait));
    world.evidence.sessions.get_mut(&2).unwrap().query = Some("\nCREATE TABLE alembic_version (...)".to_owned());
    assert_eq!(world.migration().kind, Some(Kind::VersionTableConflict));
}

#[test]
fn an_upgrade_that_waits_for_an_advisory_lock_has_an_idle_culprit() {
    let mut world = World::new();
    world.session(1, State::Idle, 60.0);
    world.holds(1, advisory("0/42"), Exclusive);
    world.active(2, 20.0);
    world.holds(2, table(VERSIONS), AccessShare);
    world.awaits(2, advisory("0/42"), Exclusive, 20.0);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::LockWait));
    assert_eq!(culprit(&migration), (CulpritKind::IdleSession, Some(1)));
}

#[test]
fn an_alter_type_waits_for_an_object() {
    const PG_TYPE: u32 = 1247;
    let mut world = World::new();
    world.idle_in_transaction(1, 3.0);
    world.holds(1, object(PG_TYPE), Exclusive);
    world.active(2, 20.0);
    world.awaits(2, object(PG_TYPE), Exclusive, 20.0);
    assert_eq!(world.migration_of(2).kind, Some(Kind::LockWait));
}

#[test]
fn notify_and_large_objects_are_no_ddl() {
    const PG_DATABASE: u32 = 1262;
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, object(PG_DATABASE), AccessExclusive);
    world.active(2, 20.0);
    world.awaits(2, object(PG_DATABASE), AccessExclusive, 20.0);
    assert!(world.judge().migrations.is_empty());
}

#[test]
fn a_session_that_waits_for_a_row_is_no_migration() {
    let mut world = World::new();
    world.idle_in_transaction(1, 60.0);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 20.0);
    world.holds(2, table(USERS), RowExclusive);
    world.holds(2, row(USERS), Exclusive);
    world.awaits(2, transaction(700), Share, 20.0);
    let judgement = world.judge();
    assert!(judgement.migrations.is_empty());
    assert_eq!(judgement.waiting.len(), 1);
}

#[test]
fn vacuum_is_no_migration_however_it_waits() {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(USERS), AccessExclusive);
    world.active(2, 20.0).query = Some("vacuum (verbose) users".to_owned());
    world.awaits(2, table(USERS), ShareUpdateExclusive, 20.0);
    assert_eq!(world.migration().party.pid, Some(1));
}

#[test]
fn vacuum_full_is_one_because_it_shuts_out_everybody() {
    let mut world = alter_behind_reader(6.0);
    world.evidence.sessions.get_mut(&2).unwrap().query = Some("VACUUM (FULL, ANALYZE) users".to_owned());
    assert_eq!(world.migration().kind, Some(Kind::LockWait));
}

#[test]
fn replication_and_autovacuum_are_no_migrations() {
    let mut world = World::new();
    for (pid, backend) in
        [(1, Backend::LogicalReplication), (2, Backend::Autovacuum { wraparound: false }), (3, Backend::WalSender)]
    {
        world.active(pid, 60.0).backend = backend;
        world.holds(pid, table(USERS), ShareUpdateExclusive);
    }
    assert!(world.judge().migrations.is_empty());
}

#[test]
fn a_long_migration_that_runs_is_in_flight_and_not_stuck() {
    let mut world = World::new();
    world.active(1, 3600.0);
    world.holds(1, table(USERS), AccessExclusive);
    world.later(60.0);
    let migration = world.migration();
    assert_eq!((migration.kind, migration.phase.as_str()), (None, "running"));
    assert_eq!(migration.age, Some(3660.0));
}

#[test]
fn a_configured_application_is_in_flight_while_its_transaction_is_open() {
    let mut world = World::new();
    let glob = Glob::new("alembic*").unwrap();
    world.settings.applications = GlobSet::new([glob]).unwrap();
    world.active(1, 10.0).application_name = Some("alembic:shop".to_owned());
    world.session(2, State::Idle, 10.0).application_name = Some("alembic:shop".to_owned());
    assert_eq!(world.migration().signs, [Sign::Name].into());
}

#[test]
fn an_index_build_that_stands_still_between_two_samples_makes_no_progress() {
    let mut world = World::new();
    world.active(1, 600.0);
    world.holds(1, table(USERS), Share);
    world.builds_index(1, "building index: scanning table", 7);
    assert_eq!(world.migration().kind, None, "one sample tells nothing");
    world.later(10.0);
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::NoProgress));
    assert_eq!(culprit(&migration), (CulpritKind::Migration, Some(1)));
}

#[test]
fn an_index_build_that_moves_or_sorts_is_healthy() {
    let mut world = World::new();
    world.active(1, 600.0);
    world.holds(1, table(USERS), Share);
    world.builds_index(1, "building index: scanning table", 7);
    world.later(10.0);
    world.builds_index(1, "building index: scanning table", 8);
    assert_eq!(world.migration().kind, None);
    world.builds_index(1, "building index: sorting live tuples", 8);
    world.later(100.0);
    assert_eq!(world.migration().kind, None);
}

#[test]
fn a_commit_that_no_synchronous_standby_confirms_makes_no_progress() {
    let mut world = World::new();
    world.active(1, 60.0).wait_event = Some("SyncRep".to_owned());
    world.holds(1, table(USERS), AccessExclusive);
    assert!(world.judge().unconfirmed);
    world.later(5.0);
    let migration = world.migration();
    assert_eq!((migration.kind, migration.phase.as_str()), (Some(Kind::NoProgress), "committing"));
    assert_eq!(culprit(&migration), (CulpritKind::SynchronousStandby, None));
}

/// A standby whose replay (1) waits behind a query (2).
fn standby() -> World {
    let mut world = World::new();
    world.evidence.in_recovery = true;
    let startup = world.active(1, 0.0);
    (startup.backend, startup.xact_start, startup.query_start) = (Backend::Startup, None, None);
    world.active(2, 60.0);
    world.holds(2, table(USERS), AccessShare);
    world.awaits_untimed(1, table(USERS), AccessExclusive);
    world
}

#[test]
fn replay_behind_a_query_is_stuck_once_that_was_seen_for_long_enough() {
    let mut world = standby();
    assert!(world.judge().unconfirmed);
    assert_eq!(world.migration().kind, None);
    world.later(5.0);
    let migration = world.migration();
    assert_eq!((migration.kind, migration.phase.as_str()), (Some(Kind::Replay), "replaying"));
    assert_eq!(culprit(&migration), (CulpritKind::ActiveQuery, Some(2)));
}

#[test]
fn on_a_standby_nobody_but_replay_is_a_migration() {
    let mut world = standby();
    world.evidence.locks.clear();
    world.holds(1, table(VERSIONS), AccessExclusive);
    world.active(3, 20.0);
    world.awaits(3, table(VERSIONS), AccessShare, 20.0);
    assert!(world.judge().migrations.is_empty());
}

#[test]
fn where_the_server_does_not_time_waits_one_sample_is_not_enough() {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(USERS), AccessShare);
    world.active(2, 60.0);
    world.awaits_untimed(2, table(USERS), AccessExclusive);
    let judgement = world.judge();
    assert!(judgement.unconfirmed && judgement.migrations[0].kind.is_none());
    world.later(5.0);
    let judgement = world.judge();
    assert!(!judgement.unconfirmed);
    assert_eq!(judgement.migrations[0].kind, Some(Kind::LockWait));
}

#[test]
fn a_wait_is_not_older_than_the_transaction_that_it_is_for() {
    let mut world = World::new();
    world.active(1, 2.0);
    world.holds(1, virtual_transaction("3/7"), Exclusive);
    world.active(2, 3600.0);
    world.awaits_untimed(2, virtual_transaction("3/7"), Share);
    let judgement = world.judge();
    assert!(!judgement.unconfirmed && judgement.migrations[0].kind.is_none());
}

#[test]
fn the_stuck_ones_come_first_and_then_those_with_the_longest_queue() {
    let mut world = alter_behind_reader(6.0);
    world.active(5, 900.0);
    world.holds(5, table(ORDERS), Share);
    let pids: Vec<_> = world.judge().migrations.iter().map(|migration| migration.party.pid).collect();
    assert_eq!(pids, [Some(2), Some(5)]);
}

#[test]
fn a_queue_of_five_hundred_is_judged_in_no_time() {
    let mut world = alter_behind_reader(600.0);
    for pid in 100..600 {
        world.active(pid, 500.0);
        world.awaits(pid, table(USERS), AccessExclusive, f64::from(pid));
    }
    let start = std::time::Instant::now();
    let judgement = world.judge();
    assert_eq!(judgement.migrations.len(), 501);
    assert!(judgement.migrations.iter().all(|migration| culprit(migration) == (CulpritKind::ActiveQuery, Some(1))));
    assert!(start.elapsed().as_secs_f64() < 2.0, "{:?} in a debug build", start.elapsed());
}
