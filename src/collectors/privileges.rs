//! What this role may see, and which extensions that are of use are there: the limits of every other finding.

use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{Samples, labels, metrics};
use crate::postgres::{Error, Session, Sql};

static PRIVILEGES: Sql = Sql::new(&[(13, include_str!("sql/privileges.sql"))]);
static UNREADABLE: Sql = Sql::new(&[(13, include_str!("sql/unreadable.sql"))]);
static EXTENSIONS: Sql = Sql::new(&[(13, include_str!("sql/extensions.sql"))]);

metrics! {
    /// 1 where our role has the privileges of this predefined role, 0 where it sees less for want of it (pg_has_role); absent on servers that do not have the role.
    static GRANTED: Gauge = "pgwarden_privilege_granted" [privilege];
    /// Tables that our role may not read, so that their column statistics and revisions are invisible to it (has_table_privilege, has_schema_privilege).
    static UNREADABLE_TABLES: Gauge = "pgwarden_unreadable_tables" [];
    /// 1 where the extension is installed in the database, 0 where it is not (pg_extension).
    static INSTALLED: Gauge = "pgwarden_extension_installed" [extension];
    /// Version of an installed extension, a constant 1 (pg_extension.extversion).
    static EXTENSION: Info = "pgwarden_extension_info" [extension, version];
}

/// What our role may see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The predefined roles that matter, those that the server has.
    pub roles: Vec<PredefinedRole>,
    /// Schemas with tables that may not be read.
    pub unreadable: Vec<UnreadableSchema>,
}

/// One of PostgreSQL's predefined roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredefinedRole {
    /// Its name.
    pub name: String,
    /// Whether our role has its privileges.
    pub granted: bool,
}

/// A schema with tables that our role may not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableSchema {
    /// Its name.
    pub schema: String,
    /// Whether our role has USAGE on it.
    pub usable: bool,
    /// How many of its tables may not be read.
    pub tables: i64,
}

/// Asks what our role may see in the session's database.
pub async fn read(session: &mut Session) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    for row in session.query(PRIVILEGES.text(session.version()), &[]).await? {
        seen.roles.push(PredefinedRole { name: row.text("name")?, granted: row.boolean("granted")? });
    }
    for row in session.query(UNREADABLE.text(session.version()), &[]).await? {
        seen.unreadable.push(UnreadableSchema {
            schema: row.text("schemaname")?,
            usable: row.boolean("usable")?,
            tables: row.integer("tables")?,
        });
    }
    Ok(seen)
}

static PROFILE: Profile = Profile {
    name: "privileges",
    about: "What our role may see, and which useful extensions are installed",
    scope: Scope::Database,
    interval: Duration::from_mins(1),
    timeout: Duration::from_secs(5),
    heavy: false,
    privilege: None,
    metrics: &[&GRANTED, &UNREADABLE_TABLES, &INSTALLED, &EXTENSION],
    statements: &[&PRIVILEGES, &UNREADABLE, &EXTENSIONS],
};

/// See the module.
pub(super) struct Privileges;

#[async_trait]
impl Collector for Privileges {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, _: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        let privileges = read(session).await?;
        for role in &privileges.roles {
            samples.push(&GRANTED, &labels([&role.name]), role.granted);
        }
        let unreadable: i64 = privileges.unreadable.iter().map(|schema| schema.tables).sum();
        samples.push_plain(&UNREADABLE_TABLES, unreadable as f64);
        for row in session.query(EXTENSIONS.text(session.version()), &[]).await? {
            let (name, version) = (row.text("name")?, row.text_some("version")?);
            samples.push(&INSTALLED, &labels([&name]), version.is_some());
            if let Some(version) = version {
                samples.push_info(&EXTENSION, &labels([&name, &version]));
            }
        }
        Ok(())
    }
}
