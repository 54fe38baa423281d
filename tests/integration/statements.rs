//! Every statement of every collector, on every version.

use pgwarden::collectors::ALL;
use pgwarden::postgres::Version;

use crate::support::{Cluster, Role, on_every_major};

on_every_major! {
    async fn a_role_with_no_privileges_may_prepare_every_statement(major: Major) {
        let database = Cluster::shared(major).database().await;
        let session = database.session_as(Role::Nobody).await;
        let version = Version { major: major.0.into(), minor: 0 };
        for profile in ALL.iter().map(|collector| collector.profile()) {
            for statement in profile.statements {
                let prepared = session.prepare(statement.text(version)).await;
                prepared.unwrap_or_else(|error| panic!("{}: {error:?}", profile.name));
            }
        }
    }
}
