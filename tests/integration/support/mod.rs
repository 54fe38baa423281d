//! What the tests stand on: real PostgreSQL servers, raw sessions on them, the binary under test, a network that can fail.

mod alertmanager;
mod cluster;
mod collect;
mod database;
mod exporter;
mod exposition;
mod pgwarden;
mod project;
mod prometheus;
pub mod promql;
mod proxy;
mod python;
mod session;
mod watchdog;
mod webhook;

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

pub use alertmanager::Alertmanager;
pub use cluster::{Cluster, Role};
pub use collect::{Round, Watcher};
pub use database::Database;
pub use exporter::{Exporter, Response};
pub use exposition::{Exposition, Sample};
pub use pgwarden::{Output, Pgwarden};
pub use project::Project;
pub use prometheus::{Prometheus, Release};
pub use proxy::{Proxy, Weather};
pub use python::{output as python_output, package, python};
pub use session::{Background, Session};
pub use watchdog::Watchdog;
pub use webhook::{Alert, Webhook};

/// How long a test waits for something that should happen at once, on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A supported major version of PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Major(pub u16);

impl fmt::Display for Major {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Makes one asynchronous body a test case per major version: `fn behaves(major)` becomes `behaves::pg13` to `behaves::pg18`.
///
/// `cargo test pg13` runs those of one version; `make test MAJORS="13 18"` leaves out the others, and cargo counts them as filtered out.
macro_rules! on_every_major {
    ($($(#[$attribute:meta])* async fn $name:ident($major:ident: Major) $body:block)+) => {
        $crate::support::on_majors! {
            [pg13 = 13, pg14 = 14, pg15 = 15, pg16 = 16, pg17 = 17, pg18 = 18]
            $($(#[$attribute])* async fn $name($major: Major) $body)+
        }
    };
}

/// As `on_every_major!`, on the versions that are listed first: `[pg13 = 13, pg18 = 18]`.
macro_rules! on_majors {
    ($majors:tt $($(#[$attribute:meta])* async fn $name:ident($major:ident: Major) $body:block)+) => {
        $(
            $(#[$attribute])*
            mod $name {
                #[allow(unused_imports, reason = "what a body needs differs")]
                use super::*;

                async fn body($major: $crate::support::Major) $body

                $crate::support::cases! { $majors }
            }
        )+
    };
}

/// The test cases of one body, called by `on_majors!`.
macro_rules! cases {
    ([$($case:ident = $number:literal),+ $(,)?]) => {
        $(
            #[tokio::test]
            async fn $case() {
                body($crate::support::Major($number)).await;
            }
        )+
    };
}

pub(crate) use {cases, on_every_major, on_majors};

/// Polls `condition` until it holds; fails with `what` when it does not within `patience`.
pub async fn wait_until(what: &str, patience: Duration, mut condition: impl AsyncFnMut() -> bool) {
    wait_for(what, patience, async || condition().await.then_some(())).await;
}

/// Polls `probe` until it finds something; fails with `what` when it does not within `patience`.
pub async fn wait_for<T>(what: &str, patience: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(start.elapsed() < patience, "waited {patience:?} in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A free TCP port below those that the kernel gives to outgoing connections, so that none of them takes it meanwhile.
pub fn free_port() -> u16 {
    std::iter::repeat_with(|| fastrand::u16(15_000..32_000))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap()
}
