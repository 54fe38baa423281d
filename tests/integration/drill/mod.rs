//! The fire drill: faults on real servers reach a webhook as alerts, through a real Prometheus and a real Alertmanager,
//! and so does their repair; healthy load does not.

mod faults;
mod fleet;
mod healthy;
mod panels;
mod shipped;
mod stage;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::{join, join_all};

use self::faults::{exporters, migrations, revisions, servers, sessions, tables};
use self::fleet::Fleet;
use self::shipped::{Rule, Rules};
use self::stage::{Alarm, Stage};

/// Alerts that nobody can raise and resolve in minutes, and why.
const UNPROVEN: [(&str, &str, &str); 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_raises_its_alert_and_every_repair_resolves_it() {
    let fleet = Fleet::start().await;
    let rules = Rules::accelerated(Duration::from_secs(3));
    let stage = Stage::set(rules, &[&fleet.exporter, &fleet.spare, &*fleet.doomed.lock().await]).await;
    // Until the first scrape, nobody knows of any exporter.
    stage.expects(Alarm::critical("PgwardenExporterDown", &[("instance", "")]));
    let (stage, fleet) = (&stage, &fleet);
    let faults: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = vec![
        Box::pin(migrations::waits_for_a_reader(stage, fleet)),
        Box::pin(migrations::is_left_open(stage, fleet)),
        Box::pin(migrations::builds_an_index_until_somebody_cancels_it(stage, fleet)),
        Box::pin(migrations::meets_another_upgrade(stage, fleet)),
        Box::pin(migrations::waits_for_a_prepared_transaction(stage, fleet)),
        Box::pin(migrations::stands_still(stage, fleet)),
        Box::pin(migrations::waits_for_an_autovacuum(stage, fleet)),
        Box::pin(revisions::fall_behind(stage, fleet)),
        Box::pin(revisions::run_ahead(stage, fleet)),
        Box::pin(revisions::diverge(stage, fleet)),
        Box::pin(revisions::empty(stage, fleet)),
        Box::pin(revisions::wait_with_an_unsafe_operation(stage, fleet)),
        Box::pin(revisions::hide_a_version_table(stage, fleet)),
        Box::pin(revisions::lock_a_version_table(stage, fleet)),
        Box::pin(revisions::belong_to_nobody(stage, fleet)),
        Box::pin(revisions::grow_a_second_head(stage, fleet)),
        Box::pin(revisions::tear_the_history(stage, fleet)),
        Box::pin(revisions::lose_the_files(stage, fleet)),
        Box::pin(sessions::queue_for_a_row(stage, fleet)),
        Box::pin(sessions::run_for_long(stage, fleet)),
        Box::pin(sessions::sit_idle_in_a_transaction(stage, fleet)),
        Box::pin(sessions::forget_a_prepared_transaction(stage, fleet)),
        Box::pin(tables::keep_a_constraint_unvalidated(stage, fleet)),
        Box::pin(tables::grow_out_of_proportion(stage, fleet)),
        Box::pin(tables::change_without_an_analyze(stage, fleet)),
        Box::pin(servers::lose_a_primary_while_its_standby_is_stuck(stage, fleet)),
        Box::pin(servers::fill_a_database_with_connections(stage, fleet)),
        Box::pin(servers::fill_a_server_with_connections(stage, fleet)),
        Box::pin(servers::close_a_database(stage, fleet)),
        Box::pin(servers::burn_multixacts(stage, fleet)),
        Box::pin(exporters::blind_a_collector(stage, fleet)),
        Box::pin(exporters::hide_a_session(stage, fleet)),
        Box::pin(exporters::leave_tables_out(stage, fleet)),
        Box::pin(exporters::grant_nothing(stage, fleet)),
        Box::pin(exporters::refuse_a_configuration(stage, fleet)),
        Box::pin(exporters::break_the_state_folder(stage, fleet)),
        Box::pin(exporters::kill_an_exporter(stage, fleet)),
    ];
    let count = faults.len();
    let (mut surprises, mut empty) = (Vec::new(), Vec::new());
    let director = async {
        stage.until_all_burn(count).await;
        surprises = stage.unexpected();
        empty = panels::without_data(stage).await;
        stage.repair();
    };
    join(join_all(faults), director).await;
    let faults = [stage.complaints(), surprises, empty].concat().join("\n");
    assert!(faults.is_empty(), "{faults}\n{}", fleet.exporter.log());
    let excused = UNPROVEN.map(|(alert, severity, _)| (alert.to_owned(), severity.to_owned()));
    let proven = stage.proven();
    assert!(excused.iter().all(|rule| !proven.contains(rule)), "these are proven: {excused:?}");
    let unproven: BTreeSet<&Rule> = stage.rules.alerts.iter().filter(|rule| !proven.contains(rule)).collect();
    assert_eq!(unproven, excused.iter().collect(), "every alert is fired and resolved here, or excused");
}
