//! The server itself: connections are few, bounded in time, and end when they are told to.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use super::{State, router};

/// Connections served at the same time; others wait to be accepted.
const MAX_CONNECTIONS: usize = 256;

/// How long a connection may take to send a request, or stay without one: longer than the minute between two
/// scrapes, so that Prometheus keeps its connection.
const READ_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a client may take nothing of its response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);

/// Memory for the headers of a request, at most.
const MAX_BUFFER: usize = 32 * 1024;

/// How long responses may go on after the stop.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long to wait when no connection can be accepted, for want of file descriptors mostly.
const SHORTAGE: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready. Then idle connections end at once and responses within a second.
///
/// Fails only when the listener can accept no connection for good.
pub async fn serve(listener: TcpListener, state: Arc<State>, stop: impl Future) -> io::Result<()> {
    let service = TowerToHyperService::new(router(state));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener), if connections.len() < MAX_CONNECTIONS => {
                let mut stream = TimeoutStream::new(stream?);
                stream.set_write_timeout(Some(WRITE_TIMEOUT));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(READ_TIMEOUT)
                    .max_buf_size(MAX_BUFFER)
                    .serve_connection(TokioIo::new(Box::pin(stream)), service.clone());
                let connection = graceful.watch(connection);
                connections.spawn(async {
                    if let Err(error) = connection.await {
                        debug!("an HTTP connection ended: {error}");
                    }
                });
            }
        }
    }
    drop(listener);
    // What has not ended by then is dropped with `connections`.
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    Ok(())
}

/// The next connection. A connection that failed before it was accepted is not the listener's fault, and a shortage
/// of resources passes; what remains makes the listener useless.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it the last packet of a response would wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
                return Err(error);
            }
            Err(error) => {
                warn!("cannot accept an HTTP connection: {error}");
                tokio::time::sleep(SHORTAGE).await;
            }
        }
    }
}
