use super::*;

fn client(usename: &str, state: &str) -> Backend {
    Backend {
        datname: "app".into(),
        usename: usename.into(),
        application_name: "web".into(),
        backend_type: Some("client backend".into()),
        state: state.into(),
        ..Backend::default()
    }
}

fn idle_in_transaction(usename: &str, transaction_age: f64, idle_age: f64) -> Backend {
    let ages = Backend { transaction_age: Some(transaction_age), idle_age: Some(idle_age), ..Backend::default() };
    Backend { transaction_age: ages.transaction_age, idle_age: ages.idle_age, ..client(usename, "idle in transaction") }
}

fn background(backend_type: &str) -> Backend {
    Backend { backend_type: Some(backend_type.into()), ..Backend::default() }
}

/// A session of another role, as a role without pg_monitor sees it.
fn hidden() -> Backend {
    Backend { backend_type: None, state: String::new(), ..client("ada", "") }
}

fn samples(backends: &[Backend], max_groups: usize) -> Samples {
    let config = config::Activity { thresholds: vec![Duration::from_millis(500), Duration::from_mins(1)], max_groups };
    let mut samples = Samples::default();
    push(backends, &Datnames::of(["app", "quiet"]), &config, &mut samples);
    samples
}

fn histogram(samples: Samples, definition: &Definition) -> Histogram {
    let family =
        samples.into_families().into_iter().find(|family| std::ptr::eq(family.definition, definition)).unwrap();
    match family.samples.into_iter().next().unwrap().value {
        crate::metric::Value::Histogram(histogram) => *histogram,
        crate::metric::Value::Number(number) => panic!("{number} is no histogram"),
    }
}

#[test]
fn sessions_beyond_the_bound_are_summed_for_each_database_and_state() {
    let backends = [
        client("ada", "idle"),
        client("ada", "idle"),
        client("bob", "idle"),
        client("eve", "idle"),
        client("eve", "active"),
    ];
    let samples = samples(&backends, 1);
    assert_eq!(samples.number(&SESSIONS, &["app", "idle", "ada", "web"]), Some(2.0));
    assert_eq!(samples.number(&SESSIONS, &["app", "idle", "", "other"]), Some(2.0));
    assert_eq!(samples.number(&SESSIONS, &["app", "active", "", "other"]), Some(1.0));
    assert_eq!(samples.number(&SESSIONS, &["app", "idle", "bob", "web"]), None);
    assert!(samples.left_out() >= 3);
}

#[test]
fn ages_are_counted_over_every_threshold_in_every_database() {
    let backends =
        [idle_in_transaction("ada", 90.0, 2.0), idle_in_transaction("bob", 61.0, 0.1), client("eve", "idle")];
    let samples = samples(&backends, 10);
    for (definition, datname, threshold, expected) in [
        (&TRANSACTIONS_OVER, "app", "60", 2.0),
        (&TRANSACTIONS_OVER, "app", "0.5", 2.0),
        (&TRANSACTIONS_OVER, "quiet", "60", 0.0),
        (&IDLE_OVER, "app", "0.5", 1.0),
        (&IDLE_OVER, "app", "60", 0.0),
        (&QUERIES_OVER, "app", "0.5", 0.0),
    ] {
        assert_eq!(samples.number(definition, &[datname, threshold]), Some(expected), "{definition:?} {threshold}");
    }
    assert_eq!(samples.number(&OLDEST_TRANSACTION, &["app", "ada", "web"]), Some(90.0));
    assert_eq!(samples.number(&OLDEST_IDLE, &["app", "ada", "web"]), Some(2.0));
    assert_eq!(samples.number(&OLDEST_TRANSACTION, &["app", "eve", "web"]), Some(0.0));
    let ages = histogram(samples, &TRANSACTION_AGES);
    assert_eq!((ages.count(), ages.sum().round()), (2, 151.0));
}

#[test]
fn the_oldest_is_kept_by_itself_and_the_next_speaks_for_the_rest() {
    let ages = [("ada", 5.0), ("bob", 90.0), ("eve", 7.0)];
    let samples = samples(&ages.map(|(usename, age)| idle_in_transaction(usename, age, age)), 1);
    assert_eq!(samples.number(&OLDEST_TRANSACTION, &["app", "bob", "web"]), Some(90.0));
    assert_eq!(samples.number(&OLDEST_TRANSACTION, &["app", "", "other"]), Some(7.0));
}

#[test]
fn only_a_running_statement_waits() {
    let wait = |state: &str, query_age, kind: &str, event: &str| Backend {
        query_age,
        wait_event_type: kind.into(),
        wait_event: event.into(),
        ..client("ada", state)
    };
    let samples = samples(
        &[
            wait("idle", None, "Client", "ClientRead"),
            wait("active", Some(1.0), "Lock", "relation"),
            client("ada", "active"),
        ],
        10,
    );
    assert_eq!(samples.number(&WAITING, &["app", "Lock", "relation"]), Some(1.0));
    assert_eq!(samples.number(&WAITING, &["app", "Client", "ClientRead"]), None);
}

#[test]
fn our_own_sessions_are_counted_apart_and_nowhere_else() {
    let own = Backend { own: true, ..idle_in_transaction("pgwarden", 100.0, 100.0) };
    let samples = samples(&[own], 10);
    assert_eq!(samples.number(&OWN, &["app"]), Some(1.0));
    assert_eq!(samples.number(&OWN, &["quiet"]), Some(0.0));
    assert_eq!(samples.number(&SESSIONS, &["app", "idle in transaction", "pgwarden", "web"]), None);
    assert_eq!(samples.number(&TRANSACTIONS_OVER, &["app", "60"]), Some(0.0));
    assert_eq!(samples.number(&HIDDEN, &["app"]), Some(0.0));
}

#[test]
fn a_database_with_hidden_sessions_is_not_said_to_be_fine() {
    let samples = samples(&[hidden(), hidden(), idle_in_transaction("me", 90.0, 0.1), background("checkpointer")], 10);
    assert_eq!(samples.number(&HIDDEN, &["app"]), Some(2.0));
    assert_eq!(samples.number(&HIDDEN, &["quiet"]), Some(0.0));
    assert_eq!(samples.number(&TRANSACTIONS_OVER, &["app", "60"]), Some(1.0), "what is seen is evidence");
    assert_eq!(samples.number(&IDLE_OVER, &["app", "60"]), None, "what is not seen may be there");
    assert_eq!(samples.number(&IDLE_OVER, &["quiet", "60"]), Some(0.0));
}

#[test]
fn a_session_that_tracks_nothing_is_counted_and_hidden() {
    let samples = samples(&[client("ada", "disabled")], 10);
    assert_eq!(samples.number(&SESSIONS, &["app", "disabled", "ada", "web"]), Some(1.0));
    assert_eq!(samples.number(&HIDDEN, &["app"]), Some(1.0));
}

#[test]
fn processes_and_replication_are_no_sessions() {
    let visible = samples(
        &[background("checkpointer"), background("io worker"), background("io worker"), background("walsender")],
        10,
    );
    assert_eq!(visible.number(&PROCESSES, &["io worker"]), Some(2.0));
    assert_eq!(visible.number(&PROCESSES, &["autovacuum worker"]), Some(0.0));
    assert_eq!(visible.number(&REPLICATION, &[]), Some(1.0));
    let hidden = samples(&[Backend::default()], 10);
    assert_eq!(hidden.number(&HIDDEN, &[""]), Some(1.0));
    assert_eq!(hidden.number(&PROCESSES, &["autovacuum worker"]), None);
    assert_eq!(hidden.number(&REPLICATION, &[]), None);
}
