//! Every way to a server: sockets, TLS as libpq understands it, passwords, a pooler, a standby.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Cluster, Output, PATIENCE, Pgwarden, Role, free_port, on_majors, wait_until};

/// One round of every collector over a connection.
async fn collect(connection: &str) -> Output {
    Pgwarden::new(["collect", "--database", connection]).run().await
}

async fn succeeds(connection: &str) -> Output {
    let output = collect(connection).await;
    assert_eq!(output.code, 0, "{connection}: {output:?}");
    output
}

async fn fails(connection: &str, kind: &str) {
    let output = collect(connection).await;
    assert_eq!(output.code, 2, "{connection}: {output:?}");
    assert!(output.stdout.contains(&format!("kind=\"{kind}\"")), "{connection}: {output:?}");
}

fn openssl(folder: &Path, arguments: &str) {
    let status = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "openssl {arguments}");
}

/// An authority `NAME.crt`.
fn authority(folder: &Path, name: &str) {
    openssl(
        folder,
        &format!("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.crt"),
    );
}

/// A certificate `NAME.crt` that an authority has signed for a host or a role, and its key.
fn certificate(folder: &Path, name: &str, subject: &str, authority: &str) {
    openssl(folder, &format!("req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr"));
    fs::write(folder.join("names"), format!("subjectAltName=DNS:{subject}\n")).unwrap();
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {authority}.crt -CAkey {authority}.key -CAcreateserial -days 2 \
             -extfile names -out {name}.crt"
        ),
    );
}

on_majors! {
    [pg15 = 15]

    async fn a_unix_socket(major: Major) {
        let cluster = Cluster::shared(major);
        let socket = cluster.socket_folder().display();
        succeeds(&format!("host={socket} port={} user=monitor dbname=postgres", cluster.port)).await;
    }

    async fn tls_as_libpq_understands_it(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let folder = tempfile::tempdir().unwrap();
        authority(folder.path(), "other");
        authority(folder.path(), "ours");
        certificate(folder.path(), "server", "localhost", "ours");
        certificate(folder.path(), "client", "monitor", "ours");
        certificate(folder.path(), "stranger", "monitor", "other");
        let settings = [("server.crt", "ssl_cert_file"), ("server.key", "ssl_key_file"), ("ours.crt", "ssl_ca_file")];
        for (name, setting) in settings {
            let path = cluster.write(name, &fs::read_to_string(folder.path().join(name)).unwrap());
            cluster.set(setting, &path.display().to_string());
        }
        cluster.set("ssl", "on");
        cluster.set_hba("hostssl all all 127.0.0.1/32 trust\nlocal all all trust\n");
        cluster.stop();
        cluster.start();
        let with = |host: &str, settings: &str| {
            format!("host={host} port={} user=monitor dbname=postgres {settings}", cluster.port)
        };
        let root = |name: &str| format!("sslrootcert={}", folder.path().join(format!("{name}.crt")).display());

        for mode in ["allow", "prefer", "require"] {
            succeeds(&with("127.0.0.1", &format!("sslmode={mode}"))).await;
        }
        fails(&with("127.0.0.1", "sslmode=disable"), "authentication").await;
        succeeds(&with("127.0.0.1", &format!("sslmode=verify-ca {}", root("ours")))).await;
        succeeds(&with("localhost", &format!("sslmode=verify-full {}", root("ours")))).await;
        fails(&with("127.0.0.1", &format!("sslmode=verify-full {}", root("ours"))), "tls").await;
        for mode in ["require", "verify-ca", "verify-full"] {
            fails(&with("localhost", &format!("sslmode={mode} {}", root("other"))), "tls").await;
        }

        cluster.set_hba("hostssl all all 127.0.0.1/32 cert\nlocal all all trust\n");
        cluster.stop();
        cluster.start();
        let files = |name: &str| {
            let file = |kind| folder.path().join(format!("{name}.{kind}")).display().to_string();
            format!("sslmode=verify-full {} sslcert={} sslkey={}", root("ours"), file("crt"), file("key"))
        };
        succeeds(&with("localhost", &files("client"))).await;
        fails(&with("localhost", &format!("sslmode=verify-full {}", root("ours"))), "authentication").await;
        fails(&with("localhost", &files("stranger")), "tls").await;
    }

    async fn a_password_that_changes_while_it_runs(major: Major) {
        let cluster = Cluster::own(major, &[]);
        let session = cluster.session().await;
        session.execute("ALTER ROLE monitor PASSWORD 'first'").await;
        cluster.set_hba("host all monitor 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n");
        cluster.reload();
        let folder = tempfile::tempdir().unwrap();
        let passfile = folder.path().join("pgpass");
        let url = format!("{}?passfile={}", cluster.url(Role::Monitor, "postgres"), passfile.display());
        wait_until("a password is asked for", PATIENCE, async || collect(&url).await.code == 2).await;
        for password in ["first", "sec:ond"] {
            session.execute(&format!("ALTER ROLE monitor PASSWORD '{password}'")).await;
            fs::write(&passfile, format!("127.0.0.1:*:*:monitor:{}\n", password.replace(':', "\\:"))).unwrap();
            fs::set_permissions(&passfile, fs::Permissions::from_mode(0o600)).unwrap();
            succeeds(&url).await;
        }
        fs::write(&passfile, "127.0.0.1:*:*:monitor:wrong\n").unwrap();
        fails(&url, "authentication").await;
    }

    async fn a_pooler_in_transaction_mode(major: Major) {
        let cluster = Cluster::shared(major);
        let database = cluster.database().await;
        database.session().await.execute("CREATE TABLE users (id int)").await;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let port = free_port();
        let config = folder.path().join("pgbouncer.ini");
        fs::write(
            &config,
            format!(
                "[databases]\n* = host=127.0.0.1 port={} pool_size=1\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n",
                cluster.port
            )
            .replace("pool_size=1", "pool_size=1 user=postgres"),
        )
        .unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let mut pooler = tokio::process::Command::new("pgbouncer");
        pooler.arg("-u").arg("postgres").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let _pooler = pooler.kill_on_drop(true).spawn().unwrap();
        let url = format!("postgresql://postgres@127.0.0.1:{port}/{}?sslmode=disable", database.name);
        wait_until("the pooler answers", PATIENCE, async || collect(&url).await.code == 0).await;
        let output = succeeds(&url).await;
        assert!(output.stdout.contains("relname=\"users\""));
        // What was set for our transactions must not be left in the session that the pooler hands to the next client.
        let mut next = tokio_postgres::Config::new();
        next.host("127.0.0.1").port(port).user("postgres").dbname(&database.name);
        let (client, driver) = next.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(driver);
        client.batch_execute("CREATE TABLE written_through_the_pooler (id int)").await.unwrap();
    }

    async fn a_standby(major: Major) {
        let primary = Cluster::own(major, &[]);
        primary.session().await.execute("CREATE TABLE users (id int)").await;
        let standby = primary.standby(&[]);
        let session = standby.session().await;
        session.wait_until_holds("SELECT to_regclass('users') IS NOT NULL", PATIENCE).await;
        let output = succeeds(&standby.url(Role::Monitor, "postgres")).await;
        assert!(output.stdout.lines().any(|line| line.starts_with("pgwarden_server_in_recovery{") && line.ends_with(" 1")));
        assert!(output.stdout.contains("relname=\"users\""));
    }
}
