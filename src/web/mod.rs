//! HTTP: `/metrics`, health, readiness, reload and a page for people.
//!
//! Everything answers from what the runner has published; nothing here waits for a server that is watched.

mod instruments;
mod negotiation;
mod page;
mod process;
mod ready;
mod scrape;
mod server;

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Extract;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

pub use instruments::METRICS;
pub use server::serve;

use crate::collectors::alembic::Applications;
use crate::metric::Family;
use crate::runner::Published;
use instruments::Instruments;
use ready::Readiness;

/// Yields the families that are written anew for each scrape.
pub type Families = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

/// Loads the configuration anew, whole, or says why the old one stays.
pub type Reload = Box<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What the HTTP server answers from.
pub struct State {
    published: Arc<Published>,
    applications: Arc<Applications>,
    families: Families,
    reload: Reload,
    one_reload_at_a_time: Mutex<()>,
    instruments: Instruments,
    readiness: Readiness,
}

impl State {
    /// Answers from `published` and, at each scrape, from `families`.
    pub fn new(published: Arc<Published>, families: Families, reload: Reload) -> Result<Self, prometheus::Error> {
        Ok(Self {
            published,
            applications: Arc::default(),
            families,
            reload,
            one_reload_at_a_time: Mutex::default(),
            instruments: Instruments::new()?,
            readiness: Readiness::default(),
        })
    }

    /// Shows these applications on the page as well.
    #[must_use]
    pub fn with_applications(self, applications: Arc<Applications>) -> Self {
        Self { applications, ..self }
    }

    /// Loads the configuration anew and counts how that went. A reload that has begun is carried through, even when
    /// the one who asked for it has gone; a second one waits for the first.
    pub async fn reload(self: &Arc<Self>) -> Result<(), String> {
        let state = Arc::clone(self);
        let reload = tokio::spawn(async move {
            let _turn = state.one_reload_at_a_time.lock().await;
            let result = (state.reload)().await;
            state.instruments.count_reload(result.is_ok());
            result
        });
        reload.await.unwrap_or_else(|error| Err(format!("the reload broke off: {error}")))
    }
}

/// The paths that are served.
fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(page::show))
        .route("/metrics", get(scrape::metrics))
        .route("/docs/metrics", get(reference))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .fallback(not_found)
        .layer(axum::middleware::map_response(harden))
        .with_state(state)
}

async fn healthy() -> &'static str {
    "healthy\n"
}

async fn ready(Extract(state): Extract<Arc<State>>) -> (StatusCode, String) {
    match state.readiness.check(|| state.published.overview()) {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}

async fn reload(Extract(state): Extract<Arc<State>>) -> (StatusCode, String) {
    match state.reload().await {
        Ok(()) => (StatusCode::OK, "configuration loaded\n".to_owned()),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, format!("the old configuration stays: {reason}\n")),
    }
}

async fn reference() -> &'static str {
    include_str!("../../docs/METRICS.md")
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here; / says what is\n")
}

/// Headers of every response: what is said is true now only, and is what its type says.
async fn harden(response: Response) -> Response {
    let mut response = response.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
