//! Servers and databases that run out of something, or are gone.

use crate::drill::fleet::Fleet;
use crate::drill::stage::{Alarm, Stage};
use crate::support::{Cluster, PATIENCE, Role, Session};

const CONNECTIONS: &str = "PgwardenConnectionsNearLimit";
const MULTIXACTS: &str = "PgwardenMultixactsRunningOut";

async fn connect(cluster: &Cluster, datname: &str, sessions: usize) -> Vec<Session> {
    let mut open = Vec::new();
    for _ in 0..sessions {
        open.push(Session::connect(cluster.connection(Role::Superuser, datname)).await);
    }
    open
}

/// Replay waits behind a query on the standby, and then the primary dies.
pub async fn lose_a_primary_while_its_standby_is_stuck(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "replica"), ("datname", "postgres"), ("kind", "replay"), ("relname", "users")];
    let (stuck, down) = (
        Alarm::warning("PgwardenMigrationStuck", labels),
        Alarm::critical("PgwardenTargetDown", &[("target", "billing")]),
    );
    let session = fleet.billing.session().await;
    session.execute("CREATE TABLE users (id int)").await;
    let reader = fleet.replica.session().await;
    reader.wait_until_holds("SELECT to_regclass('users') IS NOT NULL", PATIENCE).await;
    reader.execute("BEGIN; SELECT * FROM users").await;
    session.execute("ALTER TABLE users ADD email text").await;
    stage.fires(stuck).await;
    // Its database may be missed a moment before the server is.
    stage.expects(Alarm::critical("PgwardenDatabaseDown", &[("target", "billing")]));
    stage.expects(Alarm::warning("PgwardenCollectorFailing", &[("target", "billing")]));
    fleet.billing.kill();
    stage.fires(down).await;
    stage.burns().await;
    reader.execute("ROLLBACK").await;
    fleet.billing.start();
    stage.resolves(stuck).await;
    stage.resolves(down).await;
}

/// A pool that is larger than its database allows.
pub async fn fill_a_database_with_connections(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "main"), ("datname", "crowded")];
    let session = fleet.session("crowded").await;
    session.execute("ALTER DATABASE crowded CONNECTION LIMIT 100").await;
    let _warning = connect(&fleet.main, "crowded", 83).await;
    stage.fires(Alarm::warning(CONNECTIONS, labels)).await;
    let critical = connect(&fleet.main, "crowded", 13).await;
    stage.fires(Alarm::critical(CONNECTIONS, labels)).await;
    stage.burns().await;
    drop(critical);
    stage.resolves(Alarm::critical(CONNECTIONS, labels)).await;
    session.execute("ALTER DATABASE crowded CONNECTION LIMIT -1").await;
    stage.resolves(Alarm::warning(CONNECTIONS, labels)).await;
}

/// A server whose clients leave nothing for others.
pub async fn fill_a_server_with_connections(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(CONNECTIONS, &[("target", "archive")]);
    let open = connect(&fleet.archive, "postgres", 46).await;
    stage.fires(alarm).await;
    stage.burns().await;
    drop(open);
    stage.resolves(alarm).await;
}

/// A database that lets us in no longer.
pub async fn close_a_database(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::critical("PgwardenDatabaseDown", &[("target", "main"), ("datname", "closed")]);
    // Nobody can look who has locks in there.
    stage.expects(Alarm::warning("PgwardenDatabasesUnseen", &[("target", "main")]));
    let session = fleet.session("closed").await;
    session.execute("REVOKE CONNECT ON DATABASE closed FROM PUBLIC").await;
    session
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closed' AND usename = 'monitor'",
        )
        .await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("GRANT CONNECT ON DATABASE closed TO PUBLIC").await;
    stage.resolves(alarm).await;
}

/// Everybody locks the same row for a while, together, and one of them never ends.
pub async fn burn_multixacts(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "spare"), ("datname", "postgres")];
    let [warning, critical] = [Alarm::warning, Alarm::critical].map(|alarm| alarm(MULTIXACTS, labels));
    for target in ["spare", "guest"] {
        stage.expects(Alarm::warning(MULTIXACTS, &[("target", target)]));
        stage.expects(Alarm::critical(MULTIXACTS, &[("target", target)]));
        // Each takes the id of a transaction too.
        stage.expects(Alarm::warning("PgwardenTransactionIdsRunningOut", &[("target", target)]));
        stage.expects(Alarm::critical("PgwardenTransactionIdsRunningOut", &[("target", target)]));
    }
    let (holder, session) = (fleet.quiet.session().await, fleet.quiet.session().await);
    session.execute("CREATE TABLE stock (amount int); INSERT INTO stock VALUES (1)").await;
    holder.execute("BEGIN; SELECT * FROM stock FOR SHARE").await;
    let lock =
        |times: u32| format!("DO 'BEGIN FOR i IN 1..{times} LOOP PERFORM FROM stock FOR SHARE; COMMIT; END LOOP; END'");
    session.execute(&lock(40_000)).await;
    stage.fires(warning).await;
    session.execute(&lock(65_000)).await;
    holder.execute("COMMIT").await;
    stage.fires(critical).await;
    stage.burns().await;
    session.execute("ALTER DATABASE template0 ALLOW_CONNECTIONS true").await;
    for (kept, alarm) in [(50_000, critical), (0, warning)] {
        for datname in ["template0", "template1", "postgres", "guest", "sealed"] {
            let session = Session::connect(fleet.quiet.connection(Role::Superuser, datname)).await;
            session.execute(&format!("SET vacuum_multixact_freeze_min_age = {kept}")).await;
            session.execute("SET vacuum_multixact_freeze_table_age = 0").await;
            session.execute("VACUUM").await;
        }
        stage.resolves(alarm).await;
    }
}
