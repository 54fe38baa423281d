//! Databases that are not where the code is, and code that nobody can follow.

use std::fs;
use std::path::Path;

use crate::drill::fleet::{Fleet, cancel};
use crate::drill::stage::{Alarm, Stage};
use crate::support::{Cluster, Role, Session};

/// Applications whose version tables each get a fault, each in the database of its name.
pub const APPLICATIONS: [&str; 8] =
    ["behind", "ahead", "diverged", "emptied", "unsafe", "unreadable", "unclaimed", "unclear"];

/// Applications whose files get a fault; none has a database.
pub const SOURCES: [&str; 3] = ["forked", "torn", "vanished"];

/// Builds an index concurrently in a transaction, which fails; and does what nobody can know without running it.
const UNSAFE: &str = "    op.create_index('users_id', 'users', ['id'], postgresql_concurrently=True)
    op.execute(f'UPDATE {TABLE} SET id = 1')\n";

/// Writes the file of a revision.
pub fn write(scripts: &Path, id: &str, down: Option<&str>, upgrade: &str) {
    let down = down.map_or("None".to_owned(), |down| format!("'{down}'"));
    let head = format!("from alembic import op\nrevision = '{id}'\ndown_revision = {down}\n\n\n");
    let body = format!("def upgrade():\n    pass\n{upgrade}\n\ndef downgrade():\n    pass\n");
    fs::write(scripts.join(format!("{id}.py")), head + &body).unwrap();
}

/// The revisions of all applications: a1, b2, c3, of which one's last is unsafe.
pub fn write_all(folder: &Path) {
    for name in APPLICATIONS.iter().chain(&SOURCES) {
        write_history(folder, name);
    }
    write(&folder.join("unsafe"), "c3", Some("b2"), UNSAFE);
}

/// A history of three revisions.
pub fn write_history(folder: &Path, name: &str) {
    let scripts = folder.join(name);
    fs::create_dir(&scripts).unwrap();
    for (id, down) in [("a1", None), ("b2", Some("a1")), ("c3", Some("b2"))] {
        write(&scripts, id, down, "");
    }
}

/// The applications in a configuration.
pub fn configuration(folder: &Path) -> String {
    APPLICATIONS.iter().chain(&SOURCES).map(|name| application(folder, name, name)).collect()
}

/// An application that migrates a database of the target "main".
pub fn application(folder: &Path, name: &str, datname: &str) -> String {
    let scripts = folder.join(name);
    format!(
        "[[alembic.applications]]\nname = {name:?}\nscripts = [\"{}\"]\ntargets = [\"main\"]\n\
         databases = [{datname:?}]\ntables = [\"alembic_version\"]\n",
        scripts.display()
    )
}

/// What a version table holds before anything goes wrong.
const UP_TO_DATE: &str = "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    GRANT SELECT ON alembic_version TO PUBLIC; INSERT INTO alembic_version VALUES ('c3')";

/// Prepares the databases of the applications, of which one has no version table.
pub async fn create(main: &Cluster) {
    for datname in APPLICATIONS.into_iter().filter(|name| *name != "unclear") {
        migrate(main, datname).await;
    }
}

/// Brings a database to the head of its application.
pub async fn migrate(main: &Cluster, datname: &str) {
    Session::connect(main.connection(Role::Superuser, datname)).await.execute(UP_TO_DATE).await;
}

/// Lets a statement do its work on the version table of an application until the alarm has rung.
async fn change(stage: &Stage, fleet: &Fleet, datname: &str, alarm: Alarm<'_>, fault: &str, repair: &str) {
    let session = fleet.session(datname).await;
    session.execute(fault).await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute(repair).await;
    stage.resolves(alarm).await;
}

/// The deployment went past the database.
pub async fn fall_behind(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(
        "PgwardenRevisionBehind",
        &[("target", "main"), ("datname", "behind"), ("application", "behind")],
    );
    let (fault, repair) =
        ("UPDATE alembic_version SET version_num = 'a1'", "UPDATE alembic_version SET version_num = 'c3'");
    change(stage, fleet, "behind", alarm, fault, repair).await;
}

/// Somebody migrated from a branch.
pub async fn run_ahead(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(
        "PgwardenRevisionUnknown",
        &[("target", "main"), ("datname", "ahead"), ("application", "ahead")],
    );
    let (fault, repair) =
        ("UPDATE alembic_version SET version_num = 'd4'", "UPDATE alembic_version SET version_num = 'c3'");
    change(stage, fleet, "ahead", alarm, fault, repair).await;
}

/// Somebody stamped by hand, and a row is one too many.
pub async fn diverge(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(
        "PgwardenRevisionDiverged",
        &[("target", "main"), ("datname", "diverged"), ("application", "diverged")],
    );
    let (fault, repair) =
        ("INSERT INTO alembic_version VALUES ('b2')", "DELETE FROM alembic_version WHERE version_num = 'b2'");
    change(stage, fleet, "diverged", alarm, fault, repair).await;
}

/// Somebody emptied the version table.
pub async fn empty(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning(
        "PgwardenRevisionMissing",
        &[("target", "main"), ("datname", "emptied"), ("application", "emptied")],
    );
    let (fault, repair) = ("DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('c3')");
    change(stage, fleet, "emptied", alarm, fault, repair).await;
}

/// A revision waits that must not be applied as it is.
pub async fn wait_with_an_unsafe_operation(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "main"), ("datname", "unsafe"), ("application", "unsafe"), ("revision", "c3")];
    let alarm = Alarm::warning("PgwardenUnsafeOperationPending", labels);
    stage.expects(Alarm::warning("PgwardenRevisionBehind", &labels[..3]));
    let (fault, repair) =
        ("UPDATE alembic_version SET version_num = 'b2'", "UPDATE alembic_version SET version_num = 'c3'");
    change(stage, fleet, "unsafe", alarm, fault, repair).await;
}

/// The role loses its right to read a version table: nobody can tell its revision, but everybody knows why.
pub async fn hide_a_version_table(stage: &Stage, fleet: &Fleet) {
    let labels = &[("target", "main"), ("datname", "unreadable"), ("relname", "alembic_version")];
    let alarm = Alarm::warning("PgwardenVersionTableUnreadable", labels);
    let session = fleet.session("unreadable").await;
    session.execute("REVOKE SELECT ON alembic_version FROM PUBLIC").await;
    stage.fires(alarm).await;
    stage.inhibits(Alarm::warning("PgwardenRevisionUnclear", labels)).await;
    stage.burns().await;
    session.execute("GRANT SELECT ON alembic_version TO PUBLIC").await;
    stage.resolves(alarm).await;
}

/// A version table is missing, and when it is there it is locked: nobody has ever seen what it holds.
pub async fn lock_a_version_table(stage: &Stage, fleet: &Fleet) {
    let place: &[_] = &[("target", "main"), ("datname", "unclear")];
    let labels = &[place[0], place[1], ("application", "unclear"), ("relname", "alembic_version")];
    let (missing, unclear) =
        (Alarm::warning("PgwardenRevisionMissing", labels), Alarm::warning("PgwardenRevisionUnclear", labels));
    stage.fires(missing).await;
    let session = fleet.session("unclear").await;
    session.execute(&format!("{UP_TO_DATE}; COMMIT; BEGIN; LOCK TABLE alembic_version")).await;
    let session = session.start("SELECT pg_sleep(600)");
    stage.expects(Alarm::warning("PgwardenLongTransaction", place));
    stage.resolves(missing).await;
    stage.fires(unclear).await;
    stage.burns().await;
    cancel(&fleet.main, session.pid).await;
    drop(session);
    stage.resolves(unclear).await;
}

/// A version table that belongs to nobody.
pub async fn belong_to_nobody(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::info("PgwardenVersionTableUnclaimed", &[("target", "main"), ("datname", "unclaimed")]);
    let session = fleet.session("unclaimed").await;
    session
        .execute("CREATE TABLE other_version (version_num varchar(32)); GRANT SELECT ON other_version TO PUBLIC")
        .await;
    stage.fires(alarm).await;
    stage.burns().await;
    session.execute("DROP TABLE other_version").await;
    stage.resolves(alarm).await;
}

/// Two branches were merged without a merge revision.
pub async fn grow_a_second_head(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning("PgwardenSeveralHeads", &[("application", "forked")]);
    let scripts = fleet.revisions.path().join("forked");
    write(&scripts, "c4", Some("b2"), "");
    stage.fires(alarm).await;
    stage.burns().await;
    fs::remove_file(scripts.join("c4.py")).unwrap();
    stage.resolves(alarm).await;
}

/// A revision in the middle is missing.
pub async fn tear_the_history(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning("PgwardenRevisionHistoryBroken", &[("application", "torn")]);
    let scripts = fleet.revisions.path().join("torn");
    fs::remove_file(scripts.join("b2.py")).unwrap();
    stage.fires(alarm).await;
    // What no other revision follows any more looks like a head.
    stage.inhibits(Alarm::warning("PgwardenSeveralHeads", &[("application", "torn")])).await;
    stage.burns().await;
    write(&scripts, "b2", Some("a1"), "");
    stage.resolves(alarm).await;
}

/// The volume with the revisions is gone.
pub async fn lose_the_files(stage: &Stage, fleet: &Fleet) {
    let alarm = Alarm::warning("PgwardenExpectedStateUnreadable", &[("application", "vanished")]);
    let scripts = fleet.revisions.path().join("vanished");
    let elsewhere = fleet.revisions.path().join("elsewhere");
    fs::rename(&scripts, &elsewhere).unwrap();
    stage.fires(alarm).await;
    stage.burns().await;
    fs::rename(&elsewhere, &scripts).unwrap();
    stage.resolves(alarm).await;
}
