//! A network that can fail: a TCP proxy in front of a server.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the network does to each connection, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Bytes pass.
    Fine,
    /// Connections are reset, new ones at once.
    Cut,
    /// Connections stand and are accepted, and nothing passes; what was swallowed is lost, so they do not recover.
    BlackHole,
    /// Every chunk is late.
    Slow(Duration),
}

/// A proxy on a port of its own; gone, with its connections, when dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Its port on 127.0.0.1.
    pub port: u16,
    weather: watch::Sender<Weather>,
    listener: JoinHandle<()>,
}

impl Proxy {
    /// In front of a port of 127.0.0.1.
    pub async fn to(server: u16) -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let port = socket.local_addr().expect("it is bound").port();
        let (weather, forecast) = watch::channel(Weather::Fine);
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = socket.accept().await {
                tokio::spawn(carry(client, server, forecast.clone()));
            }
        });
        Self { port, weather, listener }
    }

    /// Changes what the network does.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Weather::Cut);
        self.listener.abort();
    }
}

/// Carries one connection until an end closes it or the network is cut.
async fn carry(client: TcpStream, server: u16, mut forecast: watch::Receiver<Weather>) -> io::Result<()> {
    // Closing with bytes unsent resets the connection, as a cut cable and a reboot do.
    client.set_zero_linger()?;
    if *forecast.borrow_and_update() == Weather::Cut {
        return Ok(());
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    server.set_zero_linger()?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        end = pump(from_client, to_server, forecast.clone()) => end,
        end = pump(from_server, to_client, forecast.clone()) => end,
        _ = forecast.wait_for(|weather| *weather == Weather::Cut) => Ok(()),
    }
}

/// Carries one direction.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, weather: watch::Receiver<Weather>) -> io::Result<()> {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let now = *weather.borrow();
        match now {
            Weather::BlackHole => continue,
            Weather::Slow(delay) => tokio::time::sleep(delay).await,
            Weather::Fine | Weather::Cut => {}
        }
        to.write_all(&chunk[..length]).await?;
    }
}
