//! Upgrades that meet each other, and other migrations that no relation lock gives away.

use crate::locks::LockMode::{AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share};
use crate::locks::testing::{
    PG_CLASS, UNCOMMITTED, USERS, VERSIONS, World, advisory, alter_behind_reader, culprit, object, row, table,
    transaction,
};
use crate::locks::{CulpritKind, Kind, Sign, State};

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
fn the_first_of_two_first_upgrades_is_a_migration_although_its_version_table_is_not_seen() {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(UNCOMMITTED), AccessExclusive);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 20.0).query = Some("CREATE TABLE alembic_version (...)".to_owned());
    world.holds(2, table(PG_CLASS), RowExclusive);
    world.awaits(2, transaction(700), Share, 20.0);
    let migration = world.migration_of(2);
    assert_eq!(migration.kind, Some(Kind::VersionTableConflict));
    assert_eq!(culprit(&migration), (CulpritKind::Migration, Some(1)));
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
fn whoever_waits_for_the_advisory_lock_of_a_migration_is_one_that_is_to_take_its_turn() {
    let mut world = alter_behind_reader(20.0);
    world.holds(2, advisory("0/42"), Exclusive);
    world.active(3, 20.0);
    world.awaits(3, advisory("0/42"), Exclusive, 15.0);
    let migration = world.migration_of(3);
    assert_eq!((migration.signs, migration.kind), ([Sign::AdvisoryLock].into(), Some(Kind::LockWait)));
    assert_eq!(migration.culprit.unwrap().party.pid, Some(1), "the one that keeps both of them");
}
