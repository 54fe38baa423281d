//! HTTP: what Prometheus scrapes, what a person reads, what an orchestrator asks.
//!
//! Nothing here waits for PostgreSQL: a response is made of what is already published.

mod body;
mod instruments;
mod negotiation;
mod page;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;

pub use instruments::METRICS;

use crate::metric::Family;
use crate::runner::Published;
use instruments::Instruments;

/// How long responses that are on their way have when the exporter is told to stop.
const FAREWELL: Duration = Duration::from_millis(500);

/// Families that are made at each scrape: how the rounds went.
pub type Families = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

/// Takes a new configuration over, or says why not.
pub type Reload = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What the handlers share.
pub struct State {
    published: Arc<Published>,
    families: Families,
    reload: Reload,
    instruments: Instruments,
    ready: AtomicBool,
}

impl State {
    /// What is served: published samples, and families made at each scrape.
    pub fn new(published: Arc<Published>, families: Families, reload: Reload) -> Self {
        Self { published, families, reload, instruments: Instruments::new(), ready: AtomicBool::new(false) }
    }

    /// Loads the configuration anew; counts how that went.
    pub async fn reload(&self) -> Result<(), String> {
        let outcome = (self.reload)().await;
        self.instruments.reloaded(outcome.is_ok());
        outcome
    }

    /// Why the exporter is not ready, or nothing once the first round of everything has ended; once ready, it stays so.
    fn pending(&self) -> Option<String> {
        if self.ready.load(Ordering::Relaxed) {
            return None;
        }
        let overview = self.published.overview();
        let pending = overview.rounds.iter().filter(|(_, rounds)| rounds.succeeded.is_none()).count();
        if overview.rounds.is_empty() || pending > 0 {
            return Some(format!("the first round of {pending} collectors has not ended\n"));
        }
        self.ready.store(true, Ordering::Relaxed);
        None
    }
}

/// Serves until `stop` ends.
pub async fn serve(
    listener: TcpListener,
    state: Arc<State>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(async move {
        stop.await;
        let _ = stopping.send(true);
    });
    let overdue = async move {
        if stopped.wait_for(|stopping| *stopping).await.is_ok() {
            tokio::time::sleep(FAREWELL).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = server => served,
        () = overdue => Ok(()),
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/metrics", get(metrics))
        .route("/-/healthy", get(async || "healthy\n"))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .with_state(state)
}

async fn metrics(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let started = Instant::now();
    let wanted = negotiation::Wanted::of(&headers);
    let mut families = (state.families)();
    families.extend(state.instruments.families());
    let (length, body) = body::assemble(&state.published.pieces(wanted.format), &families, wanted);
    state.instruments.scraped(started.elapsed(), length);
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(wanted.format.content_type()));
    headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from(length));
    headers.insert(header::VARY, header::HeaderValue::from_static("accept, accept-encoding"));
    if wanted.gzip {
        headers.insert(header::CONTENT_ENCODING, header::HeaderValue::from_static("gzip"));
    }
    response
}

async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    match state.pending() {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    }
}

async fn reload(Shared(state): Shared<Arc<State>>) -> Response {
    match state.reload().await {
        Ok(()) => "reloaded\n".into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")).into_response(),
    }
}

async fn overview(Shared(state): Shared<Arc<State>>) -> Response {
    let policy = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; img-src data:"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    match page::render(&state.published.overview()) {
        Ok(html) => (policy, Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
