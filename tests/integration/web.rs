//! What the HTTP server answers, through a listener of its own and without a database: nothing in it knows of one.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pgwarden::metric::{Family, Histogram, Samples, labels, metrics};
use pgwarden::postgres::ErrorKind;
use pgwarden::runner::{Published, Reachability, Source};
use pgwarden::web;
use reqwest::header;
use reqwest::{Client, Method, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::support::{Exposition, PATIENCE, wait_until};

metrics! {
    /// Scans of the table.
    static SCANS: Counter = "pgwarden_table_seq_scans_total" [relname];
    /// Version of the "server".
    static VERSION: Info = "pgwarden_server_info" [version];
    /// How long transactions have been open.
    static AGES: Histogram = "pgwarden_transaction_seconds" [];
    /// Whether the target answers.
    static UP: Gauge = "pgwarden_up" [target];
}

const LIFETIME: Duration = Duration::from_mins(10);

/// A server on a port of its own.
struct Server {
    address: SocketAddr,
    published: Arc<Published>,
    reload_fails: Arc<AtomicBool>,
    reloads_done: Arc<AtomicUsize>,
    /// Reloads end when told so.
    may_reload: Arc<Notify>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    client: Client,
}

impl Server {
    async fn start() -> Self {
        let published = Arc::new(Published::default());
        let (reload_fails, reloads_done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let may_reload = Arc::new(Notify::new());
        let reload = {
            let (fails, done, may) = (Arc::clone(&reload_fails), Arc::clone(&reloads_done), Arc::clone(&may_reload));
            move || -> futures_util::future::BoxFuture<'static, Result<(), String>> {
                let (fails, done, may) = (fails.load(Ordering::SeqCst), Arc::clone(&done), Arc::clone(&may));
                Box::pin(async move {
                    may.notified().await;
                    done.fetch_add(1, Ordering::SeqCst);
                    if fails { Err("line 3: no such key".to_owned()) } else { Ok(()) }
                })
            }
        };
        let state = web::State::new(Arc::clone(&published), Box::new(up), Box::new(reload)).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(web::serve(listener, Arc::new(state), stopped));
        Self { address, published, reload_fails, reloads_done, may_reload, stop, task, client: Client::new() }
    }

    /// With samples of several sources in it, of all kinds and with labels that need escapes.
    async fn filled() -> Self {
        let server = Self::start().await;
        server.published.target(&"main".into(), Reachability::up());
        for datname in ["app", "sh\"op\\\n🦀"] {
            server.publish(&source(Some(datname)), 3);
        }
        server.publish(&source(None), 1);
        server
    }

    fn publish(&self, source: &Source, tables: usize) {
        let mut histogram = Histogram::new(&[0.5, 10.0]);
        histogram.observe(3.0);
        let mut samples = Samples::default();
        for table in 0..tables {
            samples.push(&SCANS, &labels([&format!("table_{table}")]), table as f64);
        }
        samples.push_info(&VERSION, &labels(["15.3 (\"Debian\")"]));
        samples.push_plain(&AGES, histogram);
        self.published.succeed(source, samples, Duration::from_millis(5), LIFETIME, 1e9);
    }

    async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address)).timeout(PATIENCE);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path, &[]).await
    }

    async fn status(&self, method: Method, path: &str) -> StatusCode {
        self.request(method, path, &[]).await.status()
    }

    async fn metrics(&self) -> Exposition {
        Exposition::parse(&self.get("/metrics").await.text().await.unwrap())
    }

    /// A connection that has sent this much of a request.
    async fn connect(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// How long the server takes to end.
    async fn stop(self) -> Duration {
        let start = Instant::now();
        self.stop.send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
        start.elapsed()
    }
}

fn up() -> Vec<Family> {
    let mut samples = Samples::default();
    samples.push(&UP, &labels(["main"]), 1.0);
    samples.into_families()
}

fn source(datname: Option<&str>) -> Source {
    Source { target: "main".into(), datname: datname.map(Into::into), collector: "table_activity" }
}

fn header(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// What does not change from scrape to scrape.
fn lasting(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains("pgwarden_table") || line.contains("pgwarden_server")).collect()
}

#[tokio::test]
async fn promtool_accepts_what_is_served() {
    let text = Server::filled().await.get("/metrics").await.text().await.unwrap();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (Debian's package prometheus)");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test]
async fn every_family_stands_together_under_one_header_in_both_formats() {
    let server = Server::filled().await;
    for accept in ["text/plain", "application/openmetrics-text"] {
        let text = server.request(Method::GET, "/metrics", &[("accept", accept)]).await.text().await.unwrap();
        let mut seen = BTreeSet::new();
        let mut family = "";
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(header) = line.strip_prefix("# HELP ") {
                family = header.split(' ').next().unwrap();
                assert!(seen.insert(family), "{family} comes twice");
            }
            let name = line.strip_prefix("# TYPE ").unwrap_or(line.strip_prefix("# HELP ").unwrap_or(line));
            assert!(name.starts_with(family), "{line} does not belong to {family}");
        }
        assert!(seen.len() > 10);
    }
}

#[tokio::test]
async fn prometheus_is_served_openmetrics_and_a_browser_text() {
    let server = Server::filled().await;
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    let open = server.request(Method::GET, "/metrics", &[("accept", accept)]).await;
    assert_eq!(header(&open, header::CONTENT_TYPE), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.text().await.unwrap().ends_with("\n# EOF\n"));
    let text = server.request(Method::GET, "/metrics", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(header(&text, header::CONTENT_TYPE), "text/plain; version=0.0.4; charset=utf-8");
    assert!(!text.text().await.unwrap().contains("# EOF"));
}

#[tokio::test]
async fn a_compressed_scrape_says_what_a_plain_one_does() {
    let server = Server::filled().await;
    server.publish(&source(Some("large")), 20_000);
    let plain = server.get("/metrics").await.text().await.unwrap();
    let compressed = server.request(Method::GET, "/metrics", &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(&compressed, header::CONTENT_ENCODING), "gzip");
    assert_eq!(header(&compressed, header::VARY), "Accept, Accept-Encoding");
    let length: usize = header(&compressed, header::CONTENT_LENGTH).parse().unwrap();
    let body = compressed.bytes().await.unwrap();
    assert_eq!(length, body.len());
    assert!(length < plain.len() / 5);
    let mut unpacked = String::new();
    flate2::read::MultiGzDecoder::new(&*body).read_to_string(&mut unpacked).unwrap();
    assert_eq!(lasting(&unpacked), lasting(&plain));
    let refused = server.request(Method::GET, "/metrics", &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(header(&refused, header::CONTENT_ENCODING), "");
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = Server::filled().await;
    let response = server.request(Method::HEAD, "/metrics", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, header::CONTENT_TYPE), "text/plain; version=0.0.4; charset=utf-8");
    assert!(header(&response, header::CONTENT_LENGTH).parse::<usize>().unwrap() > 1000);
    assert_eq!(response.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn the_exporter_counts_its_own_scrapes() {
    let server = Server::filled().await;
    let bytes = server.get("/metrics").await.bytes().await.unwrap().len();
    let metrics = server.metrics().await;
    assert_eq!(metrics.value("pgwarden_scrapes_total", &[]), Some(1.0));
    assert_eq!(metrics.value("pgwarden_scrape_duration_seconds_count", &[]), Some(1.0));
    assert_eq!(metrics.value("pgwarden_scrape_response_bytes_total", &[]), Some(bytes as f64));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(metrics.value("pgwarden_build_info", &[("version", version)]), Some(1.0));
    assert_eq!(metrics.value("pgwarden_up", &[("target", "main")]), Some(1.0));
}

#[tokio::test]
async fn wrong_paths_are_not_found_and_wrong_methods_not_allowed() {
    let server = Server::filled().await;
    assert_eq!(server.status(Method::GET, "/nothing").await, StatusCode::NOT_FOUND);
    assert_eq!(server.status(Method::GET, "/-/reload").await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.status(Method::HEAD, "/-/reload").await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.status(Method::POST, "/metrics").await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.reloads_done.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn ready_waits_for_the_first_round_and_stays() {
    let server = Server::start().await;
    assert_eq!(server.status(Method::GET, "/-/healthy").await, StatusCode::OK);
    assert_eq!(server.status(Method::GET, "/-/ready").await, StatusCode::SERVICE_UNAVAILABLE);

    server.published.target(&"main".into(), Reachability::up());
    server.published.expect(&source(Some("app")), Duration::from_secs(10));
    let response = server.get("/-/ready").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.text().await.unwrap().contains("collector table_activity"));

    server.published.fail(&source(Some("app")), ErrorKind::Timeout, "late".to_owned(), Duration::ZERO);
    assert_eq!(server.status(Method::GET, "/-/ready").await, StatusCode::OK);
    server.published.expect(&source(Some("new")), Duration::from_secs(10));
    assert_eq!(server.status(Method::GET, "/-/ready").await, StatusCode::OK);
}

#[tokio::test]
async fn a_reload_says_and_counts_how_it_went() {
    let server = Server::filled().await;
    server.may_reload.notify_one();
    assert_eq!(server.status(Method::POST, "/-/reload").await, StatusCode::OK);

    server.reload_fails.store(true, Ordering::SeqCst);
    server.may_reload.notify_one();
    let failed = server.request(Method::POST, "/-/reload", &[]).await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failed.text().await.unwrap().contains("line 3: no such key"));

    let metrics = server.metrics().await;
    assert_eq!(metrics.value("pgwarden_config_reloads_total", &[]), Some(2.0));
    assert_eq!(metrics.value("pgwarden_config_reload_failures_total", &[]), Some(1.0));
    assert_eq!(metrics.value("pgwarden_config_last_reload_successful", &[]), Some(0.0));
}

#[tokio::test]
async fn a_reload_is_carried_through_when_the_client_has_gone() {
    let server = Server::filled().await;
    let connection = server.connect("POST /-/reload HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The answer to a later request on another connection shows that the reload has had its turn to begin.
    server.metrics().await;
    drop(connection);
    server.metrics().await;
    server.may_reload.notify_one();
    wait_until("the reload is over", PATIENCE, async || {
        server.metrics().await.value("pgwarden_config_reloads_total", &[]) == Some(1.0)
    })
    .await;
}

#[tokio::test]
async fn the_page_says_what_is_watched_and_lets_nothing_in() {
    let server = Server::filled().await;
    server.published.fail(&source(None), ErrorKind::Timeout, "<b>late</b>".to_owned(), Duration::ZERO);
    let response = server.get("/").await;
    assert!(header(&response, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
    assert_eq!(header(&response, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert_eq!(header(&response, header::CACHE_CONTROL), "no-store");
    assert_eq!(header(&response, header::CONTENT_TYPE), "text/html; charset=utf-8");
    let page = response.text().await.unwrap();
    for text in ["main", "app", "🦀", "table_activity", "&#60;b&#62;late"] {
        assert!(page.contains(text), "{text}");
    }
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let status =
            if link.starts_with("data:") { StatusCode::OK } else { server.get(&format!("/{link}")).await.status() };
        assert!(status == StatusCode::OK || link == "-/ready", "{link}: {status}");
    }
}

#[tokio::test]
async fn clients_that_send_or_read_nothing_hold_nobody_up() {
    let server = Server::filled().await;
    server.publish(&source(Some("large")), 100_000);
    let mut hostile = Vec::new();
    for _ in 0..20 {
        hostile.push(server.connect("GET /metrics HTT").await);
        hostile.push(server.connect("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await);
    }
    let start = Instant::now();
    assert_eq!(server.request(Method::HEAD, "/metrics", &[]).await.status(), StatusCode::OK);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(server.stop().await < Duration::from_secs(3));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once() {
    let server = Server::filled().await;
    let mut idle = server.connect("GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n").await;
    idle.read_u8().await.unwrap();
    assert!(server.stop().await < Duration::from_millis(500));
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
}
