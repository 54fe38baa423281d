//! Sessions that keep others waiting, without a migration.

use crate::drill::fleet::{Fleet, cancel};
use crate::drill::stage::{Alarm, Stage};
use crate::support::Session;

const LONG: &str = "PgwardenLongTransaction";
const IDLE: &str = "PgwardenIdleInTransaction";

/// One row that everybody wants.
pub async fn queue_for_a_row(stage: &Stage, fleet: &Fleet) {
    let place = &[("target", "main"), ("datname", "lock_queue")];
    let alarm = Alarm::critical("PgwardenLockQueueGrowing", place);
    let holder = fleet.session("lock_queue").await;
    holder.execute("CREATE TABLE stock (id int, amount int); INSERT INTO stock VALUES (1, 1), (2, 1)").await;
    deadlock(holder, fleet).await;
    let holder = fleet.session("lock_queue").await;
    holder.execute("BEGIN; UPDATE stock SET amount = 0").await;
    let holder = holder.start("SELECT pg_sleep(600)");
    let mut queue = Vec::new();
    for _ in 0..11 {
        queue.push(fleet.session("lock_queue").await.start_waiting("UPDATE stock SET amount = amount - 1").await);
    }
    stage.expects(Alarm::warning(LONG, place));
    stage.fires(alarm).await;
    stage.burns().await;
    cancel(&fleet.main, holder.pid).await;
    drop(holder);
    stage.resolves(alarm).await;
}

/// Two sessions want two rows, each the other's; the server ends one of them.
async fn deadlock(one: Session, fleet: &Fleet) {
    let other = fleet.session("lock_queue").await;
    one.execute("BEGIN; UPDATE stock SET amount = 2 WHERE id = 1").await;
    other.execute("BEGIN; UPDATE stock SET amount = 2 WHERE id = 2").await;
    let one = one.start_waiting("UPDATE stock SET amount = 2 WHERE id = 2").await;
    let other = other.start("UPDATE stock SET amount = 2 WHERE id = 1; COMMIT");
    let (one, other) = (one.finish().await, other.finish().await);
    assert!(one.1.is_err() != other.1.is_err());
}

/// A report that takes all day.
pub async fn run_for_long(stage: &Stage, fleet: &Fleet) {
    let alarm =
        Alarm::warning(LONG, &[("target", "main"), ("datname", "long_transaction"), ("application_name", "report")]);
    let report = fleet.session("long_transaction").await;
    report.execute("SET application_name = 'report'").await;
    let report = report.start("SELECT pg_sleep(600)");
    stage.fires(alarm).await;
    stage.burns().await;
    cancel(&fleet.main, report.pid).await;
    stage.resolves(alarm).await;
}

/// Somebody went to lunch in the middle of a transaction.
pub async fn sit_idle_in_a_transaction(stage: &Stage, fleet: &Fleet) {
    let place = &[("target", "main"), ("datname", "idle_in_transaction")];
    let alarm = Alarm::warning(IDLE, place);
    let session = fleet.session("idle_in_transaction").await;
    session.execute("BEGIN; SELECT 1").await;
    stage.expects(Alarm::warning(LONG, place));
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("COMMIT").await;
    stage.resolves(alarm).await;
}

/// A transaction manager died between its two phases.
pub async fn forget_a_prepared_transaction(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning("PgwardenPreparedTransactionForgotten", &[("target", "main"), ("datname", "forgotten")]);
    let session = fleet.session("forgotten").await;
    session.execute("CREATE TABLE orders (id int)").await;
    session.execute("BEGIN; INSERT INTO orders VALUES (1)").await;
    session.execute("PREPARE TRANSACTION 'forgotten'").await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("COMMIT PREPARED 'forgotten'").await;
    stage.resolves(alarm).await;
}
