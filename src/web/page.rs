//! The page at `/`: what is watched and with which success, for a person.

mod application;
mod model;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::extract::State as Extract;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use self::application::Application;
use self::model::{Problem, Target, Tile, What, problems, targets, tiles};
use self::words::{age, number};
use super::State;
use crate::runner::Overview;
use crate::state;

/// Problems that are listed at the top; the rest is counted.
const MAX_PROBLEMS: usize = 20;

/// The page holds its style and nothing else: no script, no image, no form, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Answers `/`.
pub(super) async fn show(Extract(state): Extract<Arc<State>>) -> Response {
    let now = state::now();
    let overview = state.published.overview();
    let applications = Application::all(&state.applications, now);
    match Page::new(&overview, &applications, now, state.instruments.started()).render() {
        Ok(page) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// The page; the template escapes every value.
#[derive(Template)]
#[template(path = "overview.html", config = "src/web/askama.toml")]
struct Page<'a> {
    version: &'static str,
    uptime: String,
    targets: Vec<Target<'a>>,
    applications: &'a [Application],
    tiles: [Tile; 4],
    problems: Vec<Problem<'a>>,
    more_problems: usize,
}

impl<'a> Page<'a> {
    fn new(overview: &'a Overview, applications: &'a [Application], now: f64, started: f64) -> Self {
        let targets = targets(overview, now);
        let unclear = applications.iter().filter_map(Application::problem);
        let mut problems = problems(targets.iter().flat_map(Target::problems).chain(unclear));
        let more_problems = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        let tiles = tiles(overview, &targets);
        let (version, uptime) = (env!("CARGO_PKG_VERSION"), age(now - started));
        Self { version, uptime, targets, applications, tiles, problems, more_problems }
    }
}
