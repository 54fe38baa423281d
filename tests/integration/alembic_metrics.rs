//! The collector `alembic` where the configuration says what the code expects: databases that the real Alembic has
//! brought into every state, as metrics.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use pgwarden::alembic::judge::State;
use pgwarden::config::{self, Environment};

use crate::support::{Cluster, PATIENCE, Pgwarden, Project, Role, Round, Watcher, on_majors};

const PUBLIC: [&str; 2] = ["public", "alembic_version"];

/// The configuration of an application whose revisions are those of a project.
pub fn application(name: &str, project: &Project, more: &str) -> String {
    format!("[[alembic.applications]]\nname = '{name}'\nscripts = ['{}']\n{more}\n", project.path().display())
}

/// Takes applications over and looks at their revisions.
pub async fn expect(watcher: &mut Watcher, applications: &str) {
    let target = "[[targets]]\nname = 'test'\nconnection = 'host=nowhere user=nobody'";
    let config = config::parse(&format!("{applications}\n{target}"), "test", &[], &Environment::of([]));
    watcher.config.alembic = config.unwrap_or_else(|error| panic!("{error}")).alembic;
    watcher.look().await;
}

/// A watcher that expects the revisions of the project in every version table.
pub async fn watch(project: &Project<'_>) -> Watcher {
    let mut watcher = Watcher::open(project.database, Role::Superuser).await;
    expect(&mut watcher, &application("shop", project, "")).await;
    watcher
}

/// The number of a metric of the version table of the application `shop`.
fn number(round: &Round, metric: &str) -> Option<f64> {
    round.number(&format!("pgwarden_alembic_{metric}"), &[PUBLIC[0], PUBLIC[1], "shop"])
}

/// The state of a version table; fails when it has none or several.
fn state(round: &Round, [schema, table]: [&str; 2], application: &str) -> &'static str {
    let names = State::ALL.iter().map(|state| state.name()).chain(["unclear"]);
    let of = |state: &&str| round.number("pgwarden_alembic_state_info", &[schema, table, application, state]).is_some();
    let states: Vec<_> = names.filter(of).collect();
    let [state] = states.as_slice() else { panic!("{schema}.{table} of {application}: {states:?}") };
    state
}

/// Fails unless the version table of `shop` is in a state, which is also counted.
fn assert_state(round: &Round, expected: &str) {
    assert_eq!(state(round, PUBLIC, "shop"), expected);
    assert_eq!(tables(round, "shop", expected), Some(1.0));
    assert_eq!(round.series("pgwarden_alembic_tables").len(), 7, "every state is there");
}

fn tables(round: &Round, application: &str, state: &str) -> Option<f64> {
    round.number("pgwarden_alembic_tables", &[application, state])
}

on_majors! {
    [pg13 = 13, pg18 = 18]

    async fn an_upgrade_is_followed_to_the_head_and_back(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "aaaa"]);
        let mut watcher = watch(&project).await;
        let round = watcher.round("alembic").await;
        assert_state(&round, "behind");
        assert_eq!((number(&round, "pending_revisions"), number(&round, "unapplied_heads")), (Some(2.0), Some(1.0)));
        assert_eq!((number(&round, "unknown_revisions"), number(&round, "superfluous_revisions")), (Some(0.0), Some(0.0)));
        let since = number(&round, "state_first_seen_timestamp_seconds").unwrap();
        project.alembic(&["upgrade", "bbbb"]);
        let round = watcher.round("alembic").await;
        assert_eq!(number(&round, "pending_revisions"), Some(1.0));
        assert_eq!(number(&round, "state_first_seen_timestamp_seconds"), Some(since), "it is still behind");
        project.alembic(&["upgrade", "heads"]);
        let round = watcher.round("alembic").await;
        assert_state(&round, "up_to_date");
        assert_eq!((number(&round, "pending_revisions"), number(&round, "unapplied_heads")), (Some(0.0), Some(0.0)));
        assert!(number(&round, "state_first_seen_timestamp_seconds").unwrap() > since);
        assert_eq!(round.number("pgwarden_alembic_revision_tables", &["shop", "cccc"]), Some(1.0));
        assert_eq!(round.number("pgwarden_alembic_unmatched_tables", &[]), Some(0.0));
        project.alembic(&["downgrade", "base"]);
        let round = watcher.round("alembic").await;
        assert_state(&round, "empty");
        assert_eq!(number(&round, "pending_revisions"), Some(3.0));
    }

    async fn a_database_ahead_of_the_code_is_unknown(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        let mut watcher = watch(&project).await;
        assert_state(&watcher.round("alembic").await, "up_to_date");
        fs::remove_file(project.path().join("versions/cccc.py")).expect("the file is there");
        watcher.look().await;
        let round = watcher.round("alembic").await;
        assert_state(&round, "unknown");
        assert_eq!((number(&round, "unknown_revisions"), number(&round, "pending_revisions")), (Some(1.0), None));
        assert_eq!(number(&round, "unapplied_heads"), None);
    }

    async fn a_superfluous_row_diverges(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        database.session().await.execute("INSERT INTO alembic_version VALUES ('bbbb')").await;
        let round = watch(&project).await.round("alembic").await;
        assert_state(&round, "diverged");
        assert_eq!((number(&round, "superfluous_revisions"), number(&round, "pending_revisions")), (Some(1.0), Some(0.0)));
    }

    async fn a_branch_that_is_half_applied_is_behind_on_some_heads_only(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::new(&database, &[("aaaa", "None", ""), ("bbbb", "'aaaa'", ""), ("cccc", "'aaaa'", "")]);
        project.alembic(&["upgrade", "bbbb"]);
        let mut watcher = watch(&project).await;
        let round = watcher.round("alembic").await;
        assert_state(&round, "behind");
        assert_eq!((number(&round, "unapplied_heads"), number(&round, "pending_revisions")), (Some(1.0), Some(1.0)));
        project.alembic(&["upgrade", "heads"]);
        assert_state(&watcher.round("alembic").await, "up_to_date");
    }

    async fn a_missing_table_is_reported_where_one_is_expected(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        let mut watcher = watch(&project).await;
        let round = watcher.round("alembic").await;
        assert!(round.series("pgwarden_alembic_tables").is_empty(), "most databases have nothing to do with Alembic");
        expect(&mut watcher, &application("shop", &project, &format!("databases = ['{}']", database.name))).await;
        let round = watcher.round("alembic").await;
        assert_eq!(state(&round, ["", "alembic_version"], "shop"), "missing");
        assert_eq!(round.number("pgwarden_alembic_pending_revisions", &["", "alembic_version", "shop"]), Some(3.0));
        assert_eq!((tables(&round, "shop", "missing"), tables(&round, "shop", "up_to_date")), (Some(1.0), Some(0.0)));
        assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(0.0));
        let literal = "schemas = ['shop']\ntables = ['versions']";
        expect(&mut watcher, &application("shop", &project, &format!("databases = ['*']\n{literal}"))).await;
        assert_eq!(state(&watcher.round("alembic").await, ["shop", "versions"], "shop"), "missing");
        expect(&mut watcher, &application("shop", &project, "databases = ['other']")).await;
        assert!(watcher.round("alembic").await.series("pgwarden_alembic_tables").is_empty());
    }

    async fn two_applications_share_a_database(major: Major) {
        let database = Cluster::shared(major).database().await;
        database.session().await.execute("CREATE SCHEMA billing; CREATE SCHEMA stray; CREATE TABLE stray.versions (version_num text)").await;
        let shop = Project::chain(&database);
        shop.alembic(&["upgrade", "heads"]);
        let mut billing = Project::new(&database, &[("b111", "None", ""), ("b222", "'b111'", "")]);
        billing.table = "billing.versions";
        billing.alembic(&["upgrade", "b111"]);
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let applications = [
            application("billing", &billing, "schemas = ['billing']"),
            application("shop", &shop, "tables = ['alembic_version']"),
        ];
        expect(&mut watcher, &applications.concat()).await;
        let round = watcher.round("alembic").await;
        assert_eq!(state(&round, PUBLIC, "shop"), "up_to_date");
        assert_eq!(state(&round, ["billing", "versions"], "billing"), "behind");
        assert_eq!(round.number("pgwarden_alembic_unmatched_tables", &[]), Some(1.0));
        assert_eq!(round.number("pgwarden_alembic_version_tables", &[]), Some(3.0));
        // The first that claims a table has it.
        expect(&mut watcher, &[application("all", &billing, ""), application("shop", &shop, "")].concat()).await;
        let round = watcher.round("alembic").await;
        assert_eq!(state(&round, PUBLIC, "all"), "unknown");
        assert_eq!(tables(&round, "shop", "up_to_date"), None);
    }

    async fn thousands_of_tenants_are_counted_and_the_worst_are_named(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        let session = database.session().await;
        for start in (0..2000).step_by(200) {
            // A schema and a table take locks that a transaction keeps: a few hundred at a time.
            session.execute(&format!(
                "DO $$ DECLARE tenant text; BEGIN FOR n IN {start}..{start} + 199 LOOP
                   tenant := 'tenant_' || lpad(n::text, 4, '0');
                   EXECUTE format('CREATE SCHEMA %I; CREATE TABLE %1$I.alembic_version (version_num text)', tenant);
                   EXECUTE format('INSERT INTO %I.alembic_version VALUES (%L)', tenant,
                     CASE WHEN n = 1777 THEN 'zzzz' WHEN n % 500 = 3 THEN 'aaaa' WHEN n % 100 = 7 THEN 'bbbb' ELSE 'cccc' END);
                 END LOOP; END $$"
            )).await;
        }
        let mut watcher = watch(&project).await;
        watcher.config.alembic.max_tables = 10;
        let round = watcher.round("alembic").await;
        for (state, expected) in [("up_to_date", 1975.0), ("behind", 24.0), ("unknown", 1.0), ("missing", 0.0)] {
            assert_eq!(tables(&round, "shop", state), Some(expected), "{state}");
        }
        for (revision, expected) in [("aaaa", 4.0), ("bbbb", 20.0), ("cccc", 1975.0), ("zzzz", 1.0)] {
            assert_eq!(round.number("pgwarden_alembic_revision_tables", &["shop", revision]), Some(expected));
        }
        assert_eq!(round.series("pgwarden_alembic_state_info").len(), 10);
        assert_eq!(round.series("pgwarden_alembic_version_table_readable").len(), 10);
        assert_eq!(round.left_out(), 1990);
        assert_eq!(state(&round, ["tenant_1777", "alembic_version"], "shop"), "unknown");
        let pending = |schema: &str| round.number("pgwarden_alembic_pending_revisions", &[schema, "alembic_version", "shop"]);
        assert_eq!(pending("tenant_0003"), Some(2.0), "those that are farthest behind come first");
        assert_eq!((pending("tenant_0007"), pending("tenant_0000")), (Some(1.0), None));
    }

    async fn a_locked_version_table_keeps_its_last_known_state(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "bbbb"]);
        let mut watcher = watch(&project).await;
        let before = watcher.round("alembic").await;
        let holder = database.session().await;
        holder.execute("BEGIN; LOCK TABLE alembic_version; UPDATE alembic_version SET version_num = 'cccc'").await;
        let round = watcher.round("alembic").await;
        assert_state(&round, "behind");
        assert_eq!(number(&round, "pending_revisions"), Some(1.0));
        assert_eq!(round.number("pgwarden_alembic_version_table_locked", &PUBLIC), Some(1.0));
        let since = |round: &Round| number(round, "state_first_seen_timestamp_seconds");
        assert_eq!(since(&round), since(&before));
        let round = watch(&project).await.round("alembic").await;
        assert_state(&round, "unclear");
        assert_eq!(number(&round, "pending_revisions"), None, "nobody has ever seen its rows");
        holder.execute("COMMIT").await;
        assert_state(&watcher.round("alembic").await, "up_to_date");
    }

    async fn a_long_migration_that_is_not_committed_changes_nothing_yet(major: Major) {
        let database = Cluster::shared(major).database().await;
        let slow = "from alembic import op\ndef upgrade():\n    op.execute('ALTER TABLE alembic_version ADD note text')\n    op.execute('SELECT pg_sleep(600)')";
        let project = Project::new(&database, &[("aaaa", "None", ""), ("bbbb", "'aaaa'", slow)]);
        project.alembic(&["upgrade", "aaaa"]);
        let mut watcher = watch(&project).await;
        assert_state(&watcher.round("alembic").await, "behind");
        // What it says of its end is its own affair.
        let mut migration = project.command(&["upgrade", "bbbb"]).stderr(Stdio::null()).spawn().expect("alembic runs");
        let session = database.session().await;
        let sleeping = "FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()";
        session.wait_until_holds(&format!("SELECT EXISTS (SELECT {sleeping})"), PATIENCE).await;
        let round = watcher.round("alembic").await;
        assert_state(&round, "behind");
        assert_eq!(round.number("pgwarden_alembic_version_table_locked", &PUBLIC), Some(1.0));
        assert_eq!(number(&round, "pending_revisions"), Some(1.0));
        session.execute(&format!("SELECT pg_terminate_backend(pid) {sleeping}")).await;
        migration.wait().expect("it ends");
        assert_state(&watcher.round("alembic").await, "behind");
    }

    async fn what_cannot_be_judged_is_unclear(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        let mut watcher = Watcher::open(&database, Role::Nobody).await;
        expect(&mut watcher, &application("shop", &project, "")).await;
        assert_state(&watcher.round("alembic").await, "unclear");
        let mut watcher = watch(&project).await;
        for broken in ["revision = 'dddd'\ndown_revision = 'zzzz'\n", "revision = 'dddd'\ndown_revision = f()\n"] {
            project.write("versions/dddd.py", broken);
            watcher.look().await;
            let round = watcher.round("alembic").await;
            assert_state(&round, "unclear");
            assert_eq!((number(&round, "pending_revisions"), number(&round, "unknown_revisions")), (None, None));
            assert!(round.series("pgwarden_alembic_pending_findings").is_empty());
        }
        fs::remove_file(project.path().join("versions/dddd.py")).expect("the file is there");
        watcher.look().await;
        assert_state(&watcher.round("alembic").await, "up_to_date");
    }

    async fn the_last_known_revisions_stay_while_the_source_is_gone(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "bbbb"]);
        let mut watcher = watch(&project).await;
        let (versions, aside) = (project.path().join("versions"), project.path().join("aside"));
        fs::rename(&versions, &aside).expect("a folder can be moved");
        watcher.look().await;
        assert_state(&watcher.round("alembic").await, "behind");
        project.write("aside/dddd.py", "revision = 'dddd'\ndown_revision = 'cccc'\ndef upgrade():\n    pass\n");
        fs::rename(&aside, &versions).expect("a folder can be moved");
        watcher.look().await;
        assert_eq!(number(&watcher.round("alembic").await, "pending_revisions"), Some(2.0));
        // One that never could be read has no revisions to judge by.
        fs::rename(&versions, &aside).expect("a folder can be moved");
        assert_state(&watch(&project).await.round("alembic").await, "unclear");
    }

    /// As Kubernetes mounts a `ConfigMap`: a link is swapped, and nothing else changes.
    async fn a_swapped_link_is_noticed(major: Major) {
        let database = Cluster::shared(major).database().await;
        let (old, new) = (Project::chain(&database), Project::chain(&database));
        old.alembic(&["upgrade", "heads"]);
        new.write("versions/dddd.py", "revision = 'dddd'\ndown_revision = 'cccc'\ndef upgrade():\n    pass\n");
        let mount = tempfile::tempdir().expect("a temporary folder can be made");
        let (data, draft) = (mount.path().join("..data"), mount.path().join("..draft"));
        symlink(old.path().join("versions"), &data).expect("a link can be made");
        let application = format!("[[alembic.applications]]\nname = 'shop'\nscripts = ['{}']", data.display());
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        expect(&mut watcher, &application).await;
        assert_state(&watcher.round("alembic").await, "up_to_date");
        symlink(new.path().join("versions"), &draft).expect("a link can be made");
        fs::rename(&draft, &data).expect("a link can be moved");
        watcher.look().await;
        assert_state(&watcher.round("alembic").await, "behind");
    }

    async fn a_manifest_stands_for_the_files(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "bbbb"]);
        let folder = project.path().display().to_string();
        let output = Pgwarden::new(["alembic", "manifest", "--scripts", &folder]).run().await;
        project.write("manifest.json", &output.stdout);
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let source = format!("[[alembic.applications]]\nname = 'shop'\nmanifest = '{folder}/manifest.json'");
        expect(&mut watcher, &source).await;
        let round = watcher.round("alembic").await;
        assert_state(&round, "behind");
        assert_eq!(number(&round, "pending_revisions"), Some(1.0));
    }

    async fn a_configuration_of_alembic_leads_to_the_files(major: Major) {
        let database = Cluster::shared(major).database().await;
        let project = Project::chain(&database);
        project.alembic(&["upgrade", "heads"]);
        let mut watcher = Watcher::open(&database, Role::Superuser).await;
        let ini = project.path().join("alembic.ini");
        expect(&mut watcher, &format!("[[alembic.applications]]\nname = 'shop'\nconfiguration = '{}'", ini.display())).await;
        assert_state(&watcher.round("alembic").await, "up_to_date");
    }
}
