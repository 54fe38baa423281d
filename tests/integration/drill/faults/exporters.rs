//! What keeps us from seeing.

use std::fs;

use crate::drill::fleet::{Fleet, spare};
use crate::drill::stage::{Alarm, Stage};
use crate::support::{Cluster, Role, Session};

/// A session of a superuser in the database that the spare exporter watches.
async fn guest(quiet: &Cluster) -> Session {
    Session::connect(quiet.connection(Role::Superuser, "guest")).await
}

/// Somebody hardens the catalogs, and one collector cannot read them any more.
pub async fn blind_a_collector(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(
        "PgwardenCollectorFailing",
        &[("target", "main"), ("datname", "blind"), ("collector", "debris")],
    );
    let session = fleet.session("blind").await;
    session.execute("REVOKE SELECT ON pg_constraint FROM PUBLIC").await;
    // Column statistics need to know the keys.
    stage.expects(Alarm::warning("PgwardenCollectorFailing", &[("target", "main"), ("datname", "blind")]));
    stage.expects(Alarm::warning("PgwardenCollectorStale", &[("target", "main"), ("datname", "blind")]));
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("GRANT SELECT ON pg_constraint TO PUBLIC").await;
    stage.resolves(alarm).await;
}

/// A database of more tables than the configuration allows.
pub async fn leave_tables_out(stage: &Stage, fleet: &Fleet) {
    let place = &[("target", "main"), ("datname", "wide")];
    let labels = &[place[0], place[1], ("collector", "table_sizes")];
    let alarm = Alarm::info("PgwardenSeriesLeftOut", labels);
    let session = fleet.session("wide").await;
    session
        .execute("DO 'BEGIN FOR i IN 1..250 LOOP EXECUTE format(''CREATE TABLE t%s (id int)'', i); END LOOP; END'")
        .await;
    stage.expects(Alarm::info("PgwardenSeriesLeftOut", place));
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("DO 'BEGIN FOR i IN 1..250 LOOP EXECUTE format(''DROP TABLE t%s'', i); END LOOP; END'").await;
    stage.resolves(alarm).await;
}

/// A role without any privilege.
pub async fn grant_nothing(stage: &Stage, fleet: &Fleet) {
    let privileges =
        Alarm::warning("PgwardenPrivilegesMissing", &[("target", "guest"), ("privilege", "pg_read_all_stats")]);
    let unseen = Alarm::warning("PgwardenDatabasesUnseen", &[("target", "guest")]);
    let superuser = Session::connect(fleet.quiet.connection(Role::Superuser, "sealed")).await;
    superuser.execute("REVOKE CONNECT ON DATABASE sealed FROM PUBLIC").await;
    superuser.execute("CREATE TABLE users (id int); BEGIN; LOCK TABLE users IN ACCESS SHARE MODE").await;
    stage.expects(Alarm::warning("PgwardenPrivilegesMissing", &[("target", "guest")]));
    stage.expects(Alarm::critical("PgwardenDatabaseDown", &[("target", "guest"), ("datname", "sealed")]));
    stage.expects(Alarm::warning("PgwardenCollectorFailing", &[("target", "guest"), ("datname", "sealed")]));
    for name in ["PgwardenIdleInTransaction", "PgwardenLongTransaction"] {
        stage.expects(Alarm::warning(name, &[("target", "spare"), ("datname", "sealed")]));
    }
    stage.fires(privileges).await;
    stage.inhibits(Alarm::warning("PgwardenSessionsHidden", &[("target", "guest")])).await;
    stage.fires(unseen).await;
    stage.burns().await;
    superuser.execute("COMMIT; GRANT CONNECT ON DATABASE sealed TO PUBLIC; GRANT pg_monitor TO nobody").await;
    stage.resolves(privileges).await;
    stage.resolves(unseen).await;
}

/// A configuration with a mistake, and a collector that looks too seldom, are put right by another configuration.
pub async fn refuse_a_configuration(stage: &Stage, fleet: &Fleet) {
    let instance = fleet.spare.url.trim_start_matches("http://").to_owned();
    let labels = &[("instance", instance.as_str())];
    let refused = Alarm::warning("PgwardenConfigurationReloadFailed", labels);
    let stale = Alarm::warning(
        "PgwardenCollectorStale",
        &[("target", "spare"), ("datname", "guest"), ("collector", "column_statistics")],
    );
    stage.expects(Alarm::warning("PgwardenCollectorStale", &[("collector", "column_statistics"), labels[0]]));
    fleet.spare.configure("[web]\nport = 1\n");
    fleet.spare.signal("HUP");
    stage.fires(refused).await;
    stage.fires(stale).await;
    stage.burns().await;
    fleet.spare.configure(&spare(&fleet.quiet, fleet.state.path(), "4s"));
    fleet.spare.signal("HUP");
    stage.resolves(refused).await;
    stage.resolves(stale).await;
}

/// A state folder in which nothing can be written: where the file should be there is a folder.
pub async fn break_the_state_folder(stage: &Stage, fleet: &Fleet) {
    let instance = fleet.spare.url.trim_start_matches("http://").to_owned();
    let labels = &[("instance", instance.as_str())];
    let alarm = Alarm::warning("PgwardenStateFailing", labels);
    let file = fleet.state.path().join("first-seen.json");
    let _ = fs::remove_file(&file);
    fs::create_dir_all(file.join("in the way")).unwrap();
    guest(&fleet.quiet)
        .await
        .execute("CREATE TABLE users (age int); ALTER TABLE users ADD CHECK (age > 17) NOT VALID")
        .await;
    for target in ["spare", "guest"] {
        stage.expects(Alarm::info("PgwardenConstraintNotValidated", &[("target", target), ("datname", "guest")]));
    }
    stage.fires(alarm).await;
    stage.burns().await;
    fs::remove_dir_all(&file).unwrap();
    stage.resolves(alarm).await;
}

/// An exporter dies, and nothing is known any more about its target.
pub async fn kill_an_exporter(stage: &Stage, fleet: &Fleet) {
    let mut exporter = fleet.doomed.lock().await;
    let instance = exporter.url.trim_start_matches("http://").to_owned();
    let labels = &[("instance", instance.as_str())];
    let alarm = Alarm::critical("PgwardenExporterDown", labels);
    exporter.signal("KILL");
    stage.fires(alarm).await;
    stage.burns().await;
    exporter.restart().await;
    stage.resolves(alarm).await;
}

/// A session that does not tell what it does hides from every role.
pub async fn hide_a_session(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning("PgwardenSessionsHidden", &[("target", "main")]);
    let session = fleet.session("hidden").await;
    session.execute("SET track_activities = off; BEGIN; SELECT * FROM users").await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("COMMIT; RESET track_activities").await;
    drop(session);
    stage.resolves(alarm).await;
}
