//! How long a wait has lasted, where the server does not say.

use crate::locks::LockMode::{AccessExclusive, AccessShare, Exclusive, Share, ShareUpdateExclusive};
use crate::locks::testing::{USERS, VERSIONS, World, advisory, culprit, table, virtual_transaction};
use crate::locks::{Backend, CulpritKind, Kind};

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
fn an_advisory_lock_is_older_than_the_transaction_of_the_session_that_keeps_it() {
    let mut world = World::new();
    world.active(1, 0.5);
    world.holds(1, advisory("0/42"), Exclusive);
    world.active(2, 3600.0);
    world.holds(2, table(VERSIONS), AccessShare);
    world.awaits_untimed(2, advisory("0/42"), Exclusive);
    assert!(world.judge().unconfirmed, "the transactions of session 1 are short, its lock is not");
}

#[test]
fn the_lock_of_a_concurrent_build_is_older_than_the_transaction_of_its_phase() {
    let mut world = World::new();
    world.active(1, 0.5);
    world.holds(1, table(USERS), ShareUpdateExclusive);
    world.builds_index(1, "index validation: scanning table", 7);
    world.active(2, 3600.0);
    world.awaits_untimed(2, table(USERS), AccessExclusive);
    assert!(world.judge().unconfirmed);
}

#[test]
fn a_statement_that_gives_up_and_tries_again_has_not_waited_in_between() {
    let mut world = World::new();
    world.active(1, 60.0);
    world.holds(1, table(USERS), AccessShare);
    world.active(2, 1.0);
    world.awaits_untimed(2, table(USERS), AccessExclusive);
    world.judge();
    world.later(6.0);
    world.evidence.sessions.get_mut(&2).unwrap().query_start = Some(world.evidence.taken_at - 2.0);
    assert_eq!(world.migration_of(2).kind, None);
}

#[test]
fn commits_that_a_standby_confirms_one_after_the_other_are_no_long_one() {
    let mut world = World::new();
    world.active(1, 0.2).wait_event = Some("SyncRep".to_owned());
    world.holds(1, table(USERS), AccessExclusive);
    world.judge();
    world.later(6.0);
    world.evidence.sessions.get_mut(&1).unwrap().query_start = Some(world.evidence.taken_at - 0.2);
    assert_eq!(world.migration().kind, None);
}
