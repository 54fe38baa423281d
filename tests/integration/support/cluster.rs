//! Real PostgreSQL servers.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use super::watchdog::Watchdog;
use super::{Database, Major, PATIENCE, Session, free_port};

/// Settings of every cluster; fast, and with what the scenarios need. A later setting wins.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("max_connections", "200"),
    ("fsync", "off"),
    ("max_prepared_transactions", "10"),
    ("wal_level", "logical"),
    ("wal_keep_size", "512MB"),
    ("shared_preload_libraries", "pg_stat_statements"),
    ("shared_buffers", "32MB"),
    ("log_line_prefix", "%m [%p] %u@%d %a: "),
];

/// A role that every cluster has, none with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Superuser,
    /// Member of `pg_monitor`.
    Monitor,
    /// May log in, no more.
    Nobody,
}

impl Role {
    /// Its name on the server.
    pub fn name(self) -> &'static str {
        match self {
            Self::Superuser => "postgres",
            Self::Monitor => "monitor",
            Self::Nobody => "nobody",
        }
    }
}

/// A running server with a folder of its own, which is deleted when the cluster is dropped or the test process ends.
#[derive(Debug)]
pub struct Cluster {
    /// Its version.
    pub major: Major,
    /// Its port on 127.0.0.1, the same after a restart.
    pub port: u16,
    folder: PathBuf,
    databases: AtomicUsize,
    _watchdog: Watchdog,
}

impl Cluster {
    /// The one server of a version that all tests of this process share, each in a database of its own.
    pub fn shared(major: Major) -> &'static Self {
        static CLUSTERS: [OnceLock<Cluster>; 6] = [const { OnceLock::new() }; 6];
        CLUSTERS[usize::from(major.0 - 13)].get_or_init(|| Self::own(major, &[]))
    }

    /// A server for one test, with settings of its own.
    pub fn own(major: Major, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Self::prepare(major, settings);
        let found = (0..10).any(|_| {
            cluster.port = free_port();
            cluster.set("port", &cluster.port.to_string());
            cluster.try_start()
        });
        assert!(found, "PostgreSQL {major} does not start:\n{}", cluster.log());
        cluster
    }

    /// A hot standby that streams from this server.
    pub fn standby(&self, settings: &[(&str, &str)]) -> Self {
        // Both descend from the same template and `wal_keep_size` keeps what was written since, so no base backup is needed.
        let source = format!("host=127.0.0.1 port={} user=postgres", self.port);
        let mut standby = Self::prepare(self.major, settings);
        standby.set("primary_conninfo", &source);
        standby.write("data/standby.signal", "");
        standby.port = free_port();
        standby.set("port", &standby.port.to_string());
        standby.start();
        standby
    }

    /// A folder with the data and the settings of a server that has not been started.
    fn prepare(major: Major, settings: &[(&str, &str)]) -> Self {
        let template = template(major);
        let made = run(as_server("mktemp").args(["-d", &format!("/tmp/pgwarden-{major}-XXXXXX")]));
        let folder = PathBuf::from(made.trim());
        let server = as_server(binary(major, "pg_ctl"));
        let watchdog = Watchdog::new(
            r#"folder=$1; shift; "$@" stop --pgdata="$folder/data" --mode=immediate; rm -rf "$folder""#,
            [folder.as_os_str(), server.get_program()].into_iter().chain(server.get_args()),
        );
        run(Command::new("cp").arg("-a").arg(template).arg(folder.join("data")));
        let cluster = Self { major, port: 0, folder, databases: AtomicUsize::new(0), _watchdog: watchdog };
        cluster.set("unix_socket_directories", &cluster.folder.display().to_string());
        for (name, value) in SETTINGS.iter().chain(settings) {
            cluster.set(name, value);
        }
        cluster
    }

    /// Starts a server that was stopped or killed.
    pub fn start(&self) {
        let start = Instant::now();
        // The children of a killed server keep its shared memory for a moment.
        while !self.try_start() {
            assert!(start.elapsed() < PATIENCE, "PostgreSQL {} does not start:\n{}", self.major, self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn try_start(&self) -> bool {
        let log = self.folder.join("log");
        self.pg_ctl("start").arg("--log").arg(log).status().expect("pg_ctl can be run").success()
    }

    /// Shuts the server down, ending its sessions.
    pub fn stop(&self) {
        run(self.pg_ctl("stop").arg("--mode=fast"));
    }

    /// Ends the server as a power cut would.
    pub fn kill(&self) {
        let pid_file = fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("the server runs");
        let pid = pid_file.lines().next().expect("the file starts with the pid");
        run(Command::new("kill").args(["-KILL", pid]));
    }

    /// Makes the server read its configuration files again.
    pub fn reload(&self) {
        run(&mut self.pg_ctl("reload"));
    }

    /// Changes a setting; the server sees it when it is reloaded or started again.
    pub fn set(&self, name: &str, value: &str) {
        let line = format!("{name} = '{}'\n", value.replace('\'', "''"));
        let path = self.folder.join("data/postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("the configuration can be written");
        file.write_all(line.as_bytes()).expect("the configuration can be written");
    }

    /// Replaces the rules of authentication, which trust everybody; the server sees them when it is reloaded.
    pub fn set_hba(&self, rules: &str) {
        self.write("data/pg_hba.conf", rules);
    }

    /// Writes a file that only the server and the test can read, a private key for example, and returns its path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        run(as_server("touch").arg(&path));
        run(as_server("chmod").arg("600").arg(&path));
        fs::write(&path, content).expect("a file of the server can be written");
        path
    }

    /// The folder of its unix socket.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Connection parameters for a database of this server.
    pub fn connection(&self, role: Role, database: &str) -> tokio_postgres::Config {
        let mut connection = tokio_postgres::Config::new();
        connection.host("127.0.0.1").port(self.port).user(role.name()).dbname(database);
        connection
    }

    /// The libpq URL of a database of this server.
    pub fn url(&self, role: Role, database: &str) -> String {
        format!("postgresql://{}@127.0.0.1:{}/{database}", role.name(), self.port)
    }

    /// A superuser's session on the database `postgres`.
    pub async fn session(&self) -> Session {
        Session::connect(self.connection(Role::Superuser, "postgres")).await
    }

    /// A new, empty database.
    pub async fn database(&self) -> Database<'_> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed) + 1;
        Database::create(self, &format!("db{number}")).await
    }

    fn pg_ctl(&self, action: &str) -> Command {
        let mut command = as_server(binary(self.major, "pg_ctl"));
        command.arg(action).arg("--pgdata").arg(self.folder.join("data")).args(["--wait", "--silent"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A program of a server version.
fn binary(major: Major, name: &str) -> PathBuf {
    let path = fs::canonicalize(servers()).map(|servers| servers.join(format!("{major}/bin/{name}")));
    path.ok()
        .filter(|path| path.exists())
        .unwrap_or_else(|| panic!("PostgreSQL {major} is not there; run tests/fetch-postgres"))
}

/// Where `tests/fetch-postgres` puts the servers.
fn servers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/postgres")
}

/// The data folder that every cluster of a version starts from: initialised once, then kept beside the servers.
fn template(major: Major) -> PathBuf {
    static IN_THE_MAKING: Mutex<()> = Mutex::new(());
    let _guard = IN_THE_MAKING.lock();
    let template = servers().join(format!("template-{major}"));
    if template.exists() {
        return template;
    }
    let made = run(as_server("mktemp").args(["-d", &format!("/tmp/pgwarden-template-{major}-XXXXXX")]));
    let work = PathBuf::from(made.trim());
    let _cleanup = Watchdog::new(r#"rm -rf "$1""#, [work.as_os_str()]);
    let data = work.join("data");
    run(as_server(binary(major, "initdb"))
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"])
        .arg(&data));
    let roles = "CREATE ROLE monitor LOGIN IN ROLE pg_monitor\nCREATE ROLE nobody LOGIN\n";
    feed(as_server(binary(major, "postgres")).args(["--single", "-D"]).arg(&data).arg("postgres"), roles);
    // Another process may do the same: the rename is atomic, and the first one counts.
    let candidate = template.with_extension(std::process::id().to_string());
    run(Command::new("cp").arg("-a").arg(&data).arg(&candidate));
    if fs::rename(&candidate, &template).is_err() {
        fs::remove_dir_all(&candidate).expect("the superfluous template can be removed");
    }
    template
}

/// A command that runs as a user under whom PostgreSQL starts: `postgres` for root, else ourselves.
fn as_server(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let we_are_root = fs::metadata("/proc/self").expect("/proc is mounted").uid() == 0;
    let mut command = if we_are_root {
        let mut runuser = Command::new("runuser");
        runuser.args(["-u", "postgres", "--"]).arg(program);
        runuser
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

/// Runs a command that must succeed and returns its standard output.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command can be run");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {error}");
    String::from_utf8(output.stdout).expect("the command prints UTF-8")
}

/// Runs a command that must succeed on the given standard input.
fn feed(command: &mut Command, input: &str) {
    let quiet = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = quiet.spawn().expect("the command can be run");
    let mut pipe = child.stdin.take().expect("its standard input is a pipe");
    pipe.write_all(input.as_bytes()).expect("it reads its standard input");
    drop(pipe);
    assert!(child.wait().expect("it ends").success(), "{command:?} failed");
}
