//! Where a team would be called: a receiver of Alertmanager's webhooks that keeps what it is told.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A receiver on a port of its own; gone when it is dropped.
#[derive(Debug)]
pub struct Webhook {
    /// Where it is told: `http://127.0.0.1:PORT/`.
    pub url: String,
    received: Arc<Mutex<Vec<Alert>>>,
    listener: JoinHandle<()>,
}

/// One alert of a notification.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Alert {
    /// `firing` or `resolved`.
    pub status: String,
    /// Its labels, `alertname` among them.
    pub labels: BTreeMap<String, String>,
    /// Its texts.
    pub annotations: BTreeMap<String, String>,
}

impl Alert {
    /// Its name.
    pub fn name(&self) -> &str {
        self.label("alertname")
    }

    /// The value of a label, empty where it has none, as Prometheus sees it.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Whether it has this name and all of these labels.
    pub fn is(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.name() == name && labels.iter().all(|(name, value)| self.label(name) == *value)
    }
}

/// What Alertmanager sends, as far as we look at it.
#[derive(Deserialize)]
struct Notification {
    alerts: Vec<Alert>,
}

impl Webhook {
    /// Starts listening.
    pub async fn listen() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = socket.local_addr().expect("it is bound").port();
        let received = Arc::<Mutex<Vec<Alert>>>::default();
        let router = axum::Router::new().route("/", post(keep)).with_state(Arc::clone(&received));
        let listener = tokio::spawn(async move { axum::serve(socket, router).await.expect("it can be served") });
        Self { url: format!("http://127.0.0.1:{port}/"), received, listener }
    }

    /// Everything that was received, each alert as often as it was sent, in order.
    pub fn received(&self) -> Vec<Alert> {
        self.received.lock().expect("nobody panics with the lock").clone()
    }

    /// What was said last about alerts with this name and these labels, and a status where one is given.
    pub fn last(&self, name: &str, labels: &[(&str, &str)], status: Option<&str>) -> Option<Alert> {
        let received = self.received.lock().expect("nobody panics with the lock");
        let mut latest = received.iter().rev().filter(|alert| status.is_none_or(|status| alert.status == status));
        latest.find(|alert| alert.is(name, labels)).cloned()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn keep(State(received): State<Arc<Mutex<Vec<Alert>>>>, Json(notification): Json<Notification>) {
    received.lock().expect("nobody panics with the lock").extend(notification.alerts);
}
