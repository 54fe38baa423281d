//! Reading one round of evidence about locks: a few short statements, none of which can wait for a lock.

use std::collections::BTreeMap;

use crate::collectors::version_tables as listed;
use crate::config;
use crate::locks::{
    Backend, Catalog, Count, Evidence, Holder, Lock, LockKind, LockMode, LockTag, Oid, Prepared, Progress,
    ProgressView, Relation, Session as Participant, State, Visibility,
};
use crate::postgres::{Error, Parameter, Row, Session, Sql};

pub(super) static DATABASES: Sql = Sql::new(&[(13, include_str!("../sql/lock_databases.sql"))]);
pub(super) static LOCKS: Sql = Sql::new(&[(13, include_str!("../sql/lock_rows.sql"))]);
pub(super) static SESSIONS: Sql = Sql::new(&[(13, include_str!("../sql/lock_sessions.sql"))]);
pub(super) static PROGRESS: Sql = Sql::new(&[
    (13, include_str!("../sql/progress.sql")),
    (14, concat!(include_str!("../sql/progress.sql"), include_str!("../sql/progress.14.sql"))),
]);
pub(super) static PREPARED: Sql = Sql::new(&[(13, include_str!("../sql/prepared.sql"))]);
pub(super) static RELATIONS: Sql = Sql::new(&[(13, include_str!("../sql/relations.sql"))]);

/// A database of the server.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) oid: Oid,
    pub(super) datname: String,
}

/// The server as a whole.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) databases: Vec<Database>,
    pub(super) in_recovery: bool,
    /// The time by its clock.
    pub(super) now: f64,
}

/// Asks for the databases of the server.
pub(super) async fn server(session: &mut Session) -> Result<Server, Error> {
    let mut server = Server { databases: Vec::new(), in_recovery: false, now: 0.0 };
    for row in session.query(DATABASES.text(session.version()), &[]).await? {
        server.in_recovery = row.boolean("in_recovery")?;
        server.now = row.number("taken_at")?;
        server.databases.push(Database { oid: row.oid("oid")?, datname: row.text("datname")? });
    }
    Ok(server)
}

/// Reads what concerns the whole server, from whichever database the session is in.
pub(super) async fn read(
    session: &mut Session,
    server: &Server,
    catalogs: BTreeMap<Oid, Catalog>,
) -> Result<Evidence, Error> {
    let version = session.version();
    let (databases, relations): (Vec<_>, Vec<_>) = version_tables(&catalogs).into_iter().unzip();
    let parameters = [Parameter::Oids(&databases), Parameter::Oids(&relations)];
    let locks = session.query(LOCKS.text(version), &parameters).await?;
    let locks = locks.iter().filter_map(|row| lock(row).transpose()).collect::<Result<Vec<_>, _>>()?;
    let prepared = session.query(PREPARED.text(version), &[]).await?;
    let progress = session.query(PROGRESS.text(version), &[]).await?;

    let pids: Vec<i32> = locks.iter().filter_map(|lock| lock.holder.pid()).collect();
    let rows = session.query(SESSIONS.text(version), &[Parameter::Pids(&pids)]).await?;
    let sessions = rows.iter().map(participant).collect::<Result<BTreeMap<_, _>, _>>()?;
    let taken_at = rows.first().map_or(Ok(server.now), |row| row.number("taken_at"))?;
    let hidden_sessions = sessions.values().filter(|session| session.state == State::Hidden).count();
    Ok(Evidence {
        taken_at,
        in_recovery: server.in_recovery,
        // Whoever has ended meanwhile stands in nobody's way any more.
        locks: locks
            .into_iter()
            .filter(|lock| lock.holder.pid().is_none_or(|pid| sessions.contains_key(&pid)))
            .collect(),
        sessions,
        progress: progress.iter().map(progress_row).collect::<Result<_, _>>()?,
        prepared: prepared.iter().map(prepared_row).collect::<Result<_, _>>()?,
        catalogs,
        visibility: Visibility { hidden_sessions, ..Visibility::default() },
    })
}

/// The version tables that are known, each with its database.
pub(super) fn version_tables(catalogs: &BTreeMap<Oid, Catalog>) -> Vec<(Oid, Oid)> {
    let of_all = catalogs.iter().flat_map(|(database, catalog)| {
        let tables = catalog.relations.iter().filter(|(_, relation)| relation.version_table);
        tables.map(|(relation, _)| (*database, *relation))
    });
    of_all.collect()
}

/// Looks into the session's database: its version tables and the names of `relations`.
pub(super) async fn look(session: &mut Session, relations: &[Oid], config: &config::Alembic) -> Result<Catalog, Error> {
    let versions: Vec<Oid> = listed::list(session, config).await?.iter().map(|table| table.oid).collect();
    let mut catalog = Catalog { datname: session.datname().to_owned(), ..Catalog::default() };
    let wanted = [relations, &versions].concat();
    for row in session.query(RELATIONS.text(session.version()), &[Parameter::Oids(&wanted)]).await? {
        let oid = row.oid("oid")?;
        if row.boolean("detaching")? {
            catalog.detaching.push(oid);
        }
        let relation = Relation {
            schema: row.text("schemaname")?,
            name: row.text("relname")?,
            identity: row.text("identity")?,
            temporary: row.boolean("temporary")?,
            version_table: versions.contains(&oid),
        };
        catalog.relations.insert(oid, relation);
    }
    Ok(catalog)
}

/// A process id, which `int4` holds.
fn pid(row: &Row, column: &str) -> Result<Option<i32>, Error> {
    Ok(row.integer_some(column)?.and_then(|pid| i32::try_from(pid).ok()))
}

/// `None` for a row without a known holder: a prepared transaction that has ended meanwhile.
fn lock(row: &Row) -> Result<Option<Lock>, Error> {
    let holder = match (pid(row, "pid")?, row.text_some("gid")?) {
        (Some(pid), _) => Holder::Session(pid),
        (None, Some(gid)) => Holder::Prepared(gid),
        (None, None) => return Ok(None),
    };
    let Some(mode) = LockMode::parse(&row.text("mode")?) else { return Ok(None) };
    let some = |oid: Oid| (oid != 0).then_some(oid);
    let tag = LockTag {
        kind: LockKind::parse(&row.text("locktype")?),
        database: row.oid("database")?,
        relation: some(row.oid("relation")?),
        class: some(row.oid("class")?),
        detail: row.text("detail")?,
    };
    let wait_start = row.number_some("wait_start")?;
    Ok(Some(Lock { holder, tag, mode, granted: row.boolean("granted")?, wait_start }))
}

fn participant(row: &Row) -> Result<(i32, Participant), Error> {
    let pid_of_row = pid(row, "pid")?.unwrap_or_default();
    let query = row.text_some("query")?;
    let database = row.oid("database")?;
    let state = match row.text_some("state")?.as_deref() {
        // The server's own processes have none; they are never idle in a transaction.
        None | Some("active" | "fastpath function call") => State::Active,
        Some("idle") => State::Idle,
        Some("idle in transaction") => State::IdleInTransaction,
        Some("idle in transaction (aborted)") => State::IdleInTransactionAborted,
        Some(_) => State::Hidden,
    };
    let session = Participant {
        pid: pid_of_row,
        backend_start: row.integer_some("backend_start")?,
        leader_pid: pid(row, "leader_pid")?,
        database: (database != 0).then_some(database),
        datname: row.text_some("datname")?,
        usename: row.text_some("usename")?,
        application_name: row.text_some("application_name")?.filter(|name| !name.is_empty()),
        client_addr: row.text_some("client_addr")?,
        backend: backend(row.text_some("backend_type")?.as_deref(), query.as_deref()),
        state,
        xact_start: row.number_some("xact_start")?,
        query_start: row.number_some("query_start")?,
        state_change: row.number_some("state_change")?,
        wait_event: row.text_some("wait_event")?,
        xmin_age: row.integer_some("xmin_age")?,
        query: query.filter(|_| state != State::Hidden),
        own: row.boolean("own")?,
    };
    Ok((pid_of_row, session))
}

fn backend(backend_type: Option<&str>, query: Option<&str>) -> Backend {
    match backend_type {
        None => Backend::Hidden,
        Some("client backend") => Backend::Client,
        Some("parallel worker") => Backend::ParallelWorker,
        Some("autovacuum worker") => {
            Backend::Autovacuum { wraparound: query.is_some_and(|query| query.ends_with("(to prevent wraparound)")) }
        }
        Some("walsender") => Backend::WalSender,
        Some("startup") => Backend::Startup,
        Some(name) if name.starts_with("logical replication") => Backend::LogicalReplication,
        Some(
            "archiver"
            | "autovacuum launcher"
            | "background writer"
            | "checkpointer"
            | "io worker"
            | "logger"
            | "slotsync worker"
            | "standalone backend"
            | "walreceiver"
            | "walsummarizer"
            | "walwriter",
        ) => Backend::Auxiliary,
        // An extension's background worker works like a client, and may well run DDL.
        Some(_) => Backend::Client,
    }
}

fn progress_row(row: &Row) -> Result<(i32, Progress), Error> {
    let view = match row.text("view")?.as_str() {
        "create_index" => ProgressView::CreateIndex,
        "cluster" => ProgressView::Cluster,
        "copy" => ProgressView::Copy,
        "vacuum" => ProgressView::Vacuum,
        _ => ProgressView::Analyze,
    };
    let count = |done, total| Ok::<_, Error>(Count { done: row.integer(done)?, total: row.integer(total)? });
    let progress = Progress {
        view,
        command: row.text_some("command")?.unwrap_or_default(),
        relation: row.oid("relation")?,
        index: row.oid("index")?,
        phase: row.text("phase")?,
        blocks: count("blocks_done", "blocks_total")?,
        tuples: count("tuples_done", "tuples_total")?,
        lockers: count("lockers_done", "lockers_total")?,
    };
    Ok((pid(row, "pid")?.unwrap_or_default(), progress))
}

fn prepared_row(row: &Row) -> Result<(String, Prepared), Error> {
    let prepared =
        Prepared { prepared_at: row.number("prepared_at")?, owner: row.text("owner")?, datname: row.text("datname")? };
    Ok((row.text("gid")?, prepared))
}
