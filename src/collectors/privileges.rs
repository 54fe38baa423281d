//! What this role may see, and which extensions that are of use are there: the limits of every other finding.

use std::time::Duration;

use async_trait::async_trait;

use super::{Collector, Context, Profile, Scope};
use crate::metric::{Samples, labels, metrics};
use crate::postgres::{Error, Session, Sql};

static PRIVILEGES: Sql = Sql::new(&[(13, include_str!("sql/privileges.sql"))]);
static EXTENSIONS: Sql = Sql::new(&[(13, include_str!("sql/extensions.sql"))]);

metrics! {
    /// 1 where our role has the privileges of this predefined role, 0 where it sees less for want of it (pg_has_role); absent on servers that do not have the role.
    static GRANTED: Gauge = "pgwarden_privilege_granted" [privilege];
    /// 1 where the extension is installed in the database, 0 where it is not (pg_extension).
    static INSTALLED: Gauge = "pgwarden_extension_installed" [extension];
    /// Version of an installed extension, a constant 1 (pg_extension.extversion).
    static EXTENSION: Info = "pgwarden_extension_info" [extension, version];
}

static PROFILE: Profile = Profile {
    name: "privileges",
    about: "What our role may see, and which useful extensions are installed",
    scope: Scope::Database,
    interval: Duration::from_secs(60),
    timeout: Duration::from_secs(5),
    heavy: false,
    privilege: None,
    metrics: &[&GRANTED, &INSTALLED, &EXTENSION],
    statements: &[&PRIVILEGES, &EXTENSIONS],
};

/// See the module.
pub(super) struct Privileges;

#[async_trait]
impl Collector for Privileges {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    async fn collect(&self, _: Context<'_>, session: &mut Session, samples: &mut Samples) -> Result<(), Error> {
        for row in session.query(PRIVILEGES.text(session.version()), &[]).await? {
            samples.push(&GRANTED, &labels([&row.text("name")?]), f64::from(u8::from(row.boolean("granted")?)));
        }
        for row in session.query(EXTENSIONS.text(session.version()), &[]).await? {
            let (name, version) = (row.text("name")?, row.text_some("version")?);
            samples.push(&INSTALLED, &labels([&name]), f64::from(u8::from(version.is_some())));
            if let Some(version) = version {
                samples.push_info(&EXTENSION, &labels([&name, &version]));
            }
        }
        Ok(())
    }
}
