//! What a person reads.

use super::stuck;
use crate::support::{Cluster, PATIENCE, Pgwarden, Role, Session, on_majors, wait_for};

on_majors! {
    [pg13 = 13, pg15 = 15, pg18 = 18]

    async fn a_stuck_migration_is_explained_with_what_to_do(major: Major) {
        let database = Cluster::shared(major).database().await;
        let reader = database.session().await;
        reader.execute("CREATE TABLE users (id int); SET application_name = 'shop'").await;
        reader.execute("BEGIN; SELECT * FROM users").await;
        let alter = database.session().await.start_waiting("ALTER TABLE users ADD email text").await;
        let _behind = database.session().await.start_waiting("INSERT INTO users VALUES (1)").await;
        let text = wait_for("it is stuck", PATIENCE, async || {
            let arguments = ["locks", "--stuck-after", "1s", "--database", &database.url(Role::Superuser)];
            let output = Pgwarden::new(arguments).run().await;
            output.stdout.contains(&format!("pgwarden unblock --terminate {}", reader.pid)).then_some(output.stdout)
        })
        .await;
        for told in [
            "on public.users: it waits for a lock (lock_wait)",
            &format!("\n  migration   pid {} postgres@{}", alter.pid, database.name),
            "\n  waits for   AccessExclusiveLock on public.users\n",
            "\n  statement   ALTER TABLE users ADD email text\n",
            "\n  behind it   1 session, for up to ",
            &format!("\n  in its way  pid {} postgres@{} shop 127.0.0.1 (idle in transaction, transaction ", reader.pid, database.name),
            "its last statement: BEGIN; SELECT * FROM users\n",
            &format!("\n└─ pid {} ", alter.pid),
        ] {
            assert!(text.contains(told), "{told:?} is missing in:\n{text}");
        }
    }

    async fn names_that_would_break_a_line_or_move_the_cursor_are_escaped(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session().await;
        let name = format!("{}\u{1b}[2J\n🦀\"'", "x".repeat(49));
        assert_eq!(name.len(), 60, "as long as a name may be, but for the number of the database");
        let role = format!("{name}{}", &database.name[2..]);
        let quoted = format!("\"{}\"", role.replace('"', "\"\""));
        session.execute(&format!("CREATE ROLE {quoted} LOGIN SUPERUSER")).await;
        session.execute(&format!("CREATE TABLE {quoted} (id int)")).await;
        let mut connection = database.cluster.connection(Role::Superuser, &database.name);
        connection.user(&role);
        let holder = Session::connect(connection).await;
        holder.execute(&format!("BEGIN; ALTER TABLE {quoted} ADD x int")).await;
        let report = stuck(&database, holder.pid, &[]).await;
        assert_eq!((report["usename"].as_str(), report["relation"].as_str()), (Some(&*role), Some(&*format!("public.{quoted}"))));
        let output = Pgwarden::new(["locks", "--stuck-after", "1s", "--database", &database.url(Role::Superuser)]).run().await;
        drop(holder);
        assert!(output.stdout.contains("x\\u{1b}[2J\\n🦀"), "{output:?}");
        assert!(!output.stdout.contains('\u{1b}'), "{output:?}");
    }
}
