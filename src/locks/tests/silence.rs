//! What is no migration, or a healthy one.

use globset::{Glob, GlobSet};

use crate::locks::LockMode::{AccessExclusive, AccessShare, Exclusive, RowExclusive, Share, ShareUpdateExclusive};
use crate::locks::testing::{
    SCRATCH, UNCOMMITTED, USERS, VERSIONS, World, alter_behind_reader, object, row, table, transaction,
};
use crate::locks::{Backend, Kind, Sign, State};

#[test]
fn locks_on_temporary_and_on_uncommitted_tables_are_nobodys_business() {
    let mut world = World::new();
    world.idle_in_transaction(1, 30.0);
    world.holds(1, table(SCRATCH), AccessExclusive);
    world.holds(1, table(UNCOMMITTED), AccessExclusive);
    assert!(world.judge().migrations.is_empty());
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
fn a_client_that_writes_large_objects_is_no_migration_when_it_waits() {
    const PG_LARGEOBJECT: u32 = 2613;
    let mut world = World::new();
    world.idle_in_transaction(1, 60.0);
    world.holds(1, transaction(700), Exclusive);
    world.active(2, 20.0);
    world.holds(2, table(PG_LARGEOBJECT), RowExclusive);
    world.awaits(2, transaction(700), Share, 20.0);
    assert!(world.judge().migrations.is_empty());
}

#[test]
fn a_backup_that_has_locked_the_version_table_is_no_migration_when_it_waits() {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(USERS), AccessExclusive);
    world.active(2, 20.0).application_name = Some("pg_dump".to_owned());
    world.holds(2, table(VERSIONS), AccessShare);
    world.awaits(2, table(USERS), AccessShare, 20.0);
    let migration = world.migration();
    assert_eq!((migration.party.pid, migration.queued, migration.kind), (Some(1), 1, None));
}

#[test]
fn what_we_read_ourselves_makes_us_no_migration() {
    let mut world = World::new();
    world.active(1, 20.0).own = true;
    world.holds(1, table(VERSIONS), AccessShare);
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
