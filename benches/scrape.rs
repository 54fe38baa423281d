//! How long a scrape of 330,000 series takes over loopback, from the request to the last byte of the response.
//!
//! `cargo bench --bench scrape`
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints its result")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgwarden::metric::{Definition, Kind, Samples, labels};
use pgwarden::runner::{Published, Source};
use pgwarden::web;
use tokio::net::TcpListener;

/// As many families of tables and indexes as make 330,000 series of 10,000 tables.
const FAMILIES: usize = 33;
const TABLES: usize = 10_000;
const SCRAPES: usize = 101;

fn main() {
    let published = Arc::new(Published::default());
    fill(&published);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let reload: web::Reload = Box::new(|| Box::pin(async { Ok(()) }));
    let state = Arc::new(web::State::new(published, Box::new(Vec::new), reload).unwrap());
    runtime.spawn(web::serve(listener, state, std::future::pending::<()>()));

    println!("{} series", FAMILIES * TABLES);
    for encoding in ["gzip", "identity"] {
        let mut connection = BufReader::with_capacity(1 << 20, TcpStream::connect(address).unwrap());
        let mut scrapes: Vec<(Duration, usize)> =
            (0..SCRAPES).map(|_| scrape(&mut connection, address, encoding)).collect();
        scrapes.sort();
        let (median, bytes) = scrapes[SCRAPES / 2];
        let worst = scrapes[SCRAPES - 1].0;
        let rate = bytes as f64 / median.as_secs_f64() / 1e9;
        println!("{encoding:8}  median {median:?}, worst {worst:?}, {bytes} bytes, {rate:.2} GB/s");
    }
}

/// Values that differ as those of real tables do.
fn fill(published: &Published) {
    let mut random = fastrand::Rng::with_seed(7);
    for family in 0..FAMILIES {
        let definition: &'static Definition = Box::leak(Box::new(Definition {
            name: Box::leak(format!("pgwarden_table_measure_{family}_bytes").into_boxed_str()),
            kind: Kind::Gauge,
            help: "Bytes that something about the table takes.",
            labels: &["schemaname", "relname"],
        }));
        let mut samples = Samples::default();
        for table in 0..TABLES {
            let magnitude = random.u32(1..40);
            let value = random.u64(0..1 << magnitude) as f64;
            samples.push(definition, &labels(["public", &format!("customer_orders_{table:05}")]), value);
        }
        // A collector has several families; one of each is as good for a scrape.
        let collector = Box::leak(format!("collector_{family}").into_boxed_str());
        let source = Source { target: "main".into(), datname: Some("app".into()), collector };
        published.succeed(&source, samples, Duration::ZERO, Duration::from_hours(1), 0.0);
    }
}

/// One scrape on a connection that is kept, as Prometheus does it.
fn scrape(connection: &mut BufReader<TcpStream>, address: SocketAddr, encoding: &str) -> (Duration, usize) {
    let start = Instant::now();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: {encoding}\r\n\
         Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n\r\n"
    );
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            None if line == "\r\n" => break,
            _ => {}
        }
    }
    let copied = std::io::copy(&mut connection.by_ref().take(length), &mut std::io::sink()).unwrap();
    assert_eq!(copied, length);
    (start.elapsed(), usize::try_from(length).unwrap())
}
