//! Who waits for whom, and what is at the end of it.

use crate::locks::LockMode::{
    AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive,
};
use crate::locks::testing::{ORDERS, USERS, World, alter_behind_reader, culprit, table, transaction};
use crate::locks::{CulpritKind, Holder, Kind, WaitGraph};

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
fn whoever_stands_behind_the_passed_one_waits_for_the_passing_one_too() {
    let mut world = World::new();
    for pid in 1..=4 {
        world.active(pid, 60.0);
    }
    world.holds(1, table(USERS), AccessShare);
    world.holds(2, table(USERS), RowShare);
    world.holds(4, table(USERS), RowExclusive);
    world.awaits(1, table(USERS), Exclusive, 30.0);
    world.awaits(3, table(USERS), RowExclusive, 20.0);
    world.awaits(2, table(USERS), ShareRowExclusive, 10.0);
    let waiting = world.judge().waiting;
    let blockers = |pid: i32| waiting.iter().find(|it| it.holder == pid.into()).unwrap().blocked_by.clone();
    assert_eq!(blockers(2), [4.into()], "it passes the first one, who waits for it");
    assert_eq!(blockers(3), [1.into(), 2.into()]);
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
