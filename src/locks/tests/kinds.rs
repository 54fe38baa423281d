//! Each way of being stuck.

use crate::locks::LockMode::{AccessExclusive, Exclusive, RowExclusive, Share, ShareUpdateExclusive};
use crate::locks::testing::{
    ORDERS, UNCOMMITTED, USERS, VERSIONS, World, alter_behind_reader, culprit, table, transaction, virtual_transaction,
};
use crate::locks::{Backend, CulpritKind, Kind, State};

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
fn an_upgrade_that_left_tables_which_nobody_else_can_see_is_abandoned() {
    let mut world = World::new();
    world.idle_in_transaction(1, 30.0);
    world.holds(1, table(VERSIONS), RowExclusive);
    assert_eq!(world.migration().kind, None, "it may well be at work on the client's side");
    world.holds(1, table(UNCOMMITTED), AccessExclusive);
    assert_eq!(world.migration().kind, Some(Kind::Abandoned));
}

#[test]
fn an_upgrade_that_left_changed_rows_is_abandoned_once_somebody_waits_for_one() {
    let mut world = World::new();
    world.idle_in_transaction(1, 30.0);
    world.holds(1, table(VERSIONS), RowExclusive);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 1.0);
    world.awaits(2, transaction(700), Share, 1.0);
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
    world.builds_index(1, "building index", 8);
    world.later(100.0);
    assert_eq!(world.migration().kind, None, "a GIN index between two blocks");
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

#[test]
fn whoever_waits_for_a_commit_that_waits_for_a_standby_waits_for_the_standby() {
    let mut world = alter_behind_reader(20.0);
    world.evidence.sessions.get_mut(&1).unwrap().wait_event = Some("SyncRep".to_owned());
    let migration = world.migration();
    assert_eq!(migration.kind, Some(Kind::LockWait));
    assert_eq!(culprit(&migration), (CulpritKind::SynchronousStandby, Some(1)));
}

#[test]
fn a_wait_for_somebody_who_has_ended_meanwhile_is_over() {
    let mut world = alter_behind_reader(20.0);
    world.evidence.locks.retain(|lock| !lock.granted);
    let migration = world.migration();
    assert_eq!((migration.kind, migration.phase.as_str()), (None, "waiting"));
}

#[test]
fn a_session_of_our_own_that_is_in_the_way_is_named() {
    let mut world = alter_behind_reader(20.0);
    world.evidence.sessions.get_mut(&1).unwrap().own = true;
    assert_eq!(culprit(&world.migration()), (CulpritKind::ActiveQuery, Some(1)));
}

#[test]
fn an_idle_transaction_with_a_mode_that_lets_writers_pass_is_abandoned_once_somebody_waits() {
    let mut world = World::new();
    world.idle_in_transaction(1, 30.0);
    world.holds(1, table(USERS), ShareUpdateExclusive);
    assert_eq!(world.migration().kind, None);
    world.active(2, 20.0);
    world.awaits(2, table(USERS), ShareUpdateExclusive, 20.0);
    let migration = world.migration_of(1);
    assert_eq!(migration.kind, Some(Kind::Abandoned));
    assert_eq!(culprit(&migration), (CulpritKind::Migration, Some(1)));
}
