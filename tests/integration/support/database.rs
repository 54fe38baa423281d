//! A database for one test.

use super::{Cluster, Role, Session};

/// A database that is dropped, sessions and all, when the test ends.
#[derive(Debug)]
pub struct Database<'a> {
    /// The server that it lives on.
    pub cluster: &'a Cluster,
    /// Its name, unique on the server.
    pub name: String,
}

impl<'a> Database<'a> {
    pub(super) async fn create(cluster: &'a Cluster, name: &str) -> Self {
        // Nobody is ever connected to template0, so databases can be made side by side.
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
        cluster.session().await.execute(&statement).await;
        Self { cluster, name: name.to_owned() }
    }

    /// A superuser's session.
    pub async fn session(&self) -> Session {
        self.session_as(Role::Superuser).await
    }

    /// A session of a role.
    pub async fn session_as(&self, role: Role) -> Session {
        Session::connect(self.cluster.connection(role, &self.name)).await
    }

    /// Its libpq URL for a role.
    pub fn url(&self, role: Role) -> String {
        self.cluster.url(role, &self.name)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        let inside = self.cluster.connection(Role::Superuser, &self.name);
        let outside = self.cluster.connection(Role::Superuser, "postgres");
        let name = &self.name;
        // The test's own runtime cannot be waited for here. A server that the test has ended takes its databases with it.
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let _ = runtime.expect("a runtime can be built").block_on(remove(name, inside, outside));
            });
        });
    }
}

/// Removes a database together with what would keep it: prepared transactions and replication slots.
async fn remove(
    name: &str,
    inside: tokio_postgres::Config,
    outside: tokio_postgres::Config,
) -> Result<(), tokio_postgres::Error> {
    let session = Session::try_connect(inside).await?;
    let prepared = "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()";
    for row in session.query(prepared, &[]).await? {
        let gid: String = row.get(0);
        session.batch_execute(&format!("ROLLBACK PREPARED '{}'", gid.replace('\'', "''"))).await?;
    }
    session
        .batch_execute(
            "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE database = current_database();
             SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()",
        )
        .await?;
    drop(session);
    let session = Session::try_connect(outside).await?;
    session.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await
}
