//! Tables that suffer.

use std::time::Duration;

use crate::drill::fleet::Fleet;
use crate::drill::stage::{Alarm, Stage};
use crate::support::wait_until;

/// A constraint that nobody has validated.
pub async fn keep_a_constraint_unvalidated(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "main"), ("datname", "unvalidated"), ("relname", "people"), ("conname", "adult")];
    let alarm = Alarm::info("PgwardenConstraintNotValidated", labels);
    let session = fleet.session("unvalidated").await;
    session.execute("CREATE TABLE people (age int PRIMARY KEY, name text); GRANT SELECT ON people TO PUBLIC").await;
    // Something to see in the statistics of columns, too.
    session.execute("INSERT INTO people SELECT age, 'user ' || age % 9 FROM generate_series(1, 1000) AS age").await;
    session.execute("ANALYZE people").await;
    session.execute("ALTER TABLE people ADD CONSTRAINT adult CHECK (age > 17) NOT VALID").await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("DELETE FROM people WHERE age <= 17; ALTER TABLE people VALIDATE CONSTRAINT adult").await;
    stage.resolves(alarm).await;
}

/// A table that has been the same for a week grows in a day. The repair is that the day passes.
pub async fn grow_out_of_proportion(stage: &Stage, fleet: &Fleet) {
    let alarm =
        Alarm::warning("PgwardenTableGrowing", &[("target", "main"), ("datname", "growing"), ("relname", "events")]);
    let session = fleet.session("growing").await;
    session.execute("CREATE TABLE events (payload text)").await;
    let week = r#"last_over_time(table:pgwarden_table_size_bytes:delta1d_avg7d{relname="events"}[15s])"#;
    for watch in &stage.watches {
        wait_until("a week has passed", Duration::from_secs(150), async || {
            watch.prometheus.value(week).await.is_some()
        })
        .await;
    }
    session.execute("INSERT INTO events SELECT repeat('x', 1000) FROM generate_series(1, 9000)").await;
    stage.fires(alarm).await;
    stage.burns().await;
    stage.resolves(alarm).await;
}

/// A table that has changed altogether, and autovacuum is told to leave it alone.
pub async fn change_without_an_analyze(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(
        "PgwardenStatisticsStale",
        &[("target", "main"), ("datname", "not_analyzed"), ("relname", "orders")],
    );
    let session = fleet.session("not_analyzed").await;
    session.execute("CREATE TABLE orders (id int) WITH (autovacuum_enabled = false)").await;
    session.execute("INSERT INTO orders SELECT generate_series(1, 20000)").await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("ANALYZE orders").await;
    stage.resolves(alarm).await;
}
