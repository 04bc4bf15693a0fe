//! The scripted upstream: a raw TCP server that sends any bytes at any time and records what it saw.
//!
//! What it records is one of the three ledgers that the laws compare, so it is recorded as it happens: a
//! request with its head, then its body, then each piece of the answer that was written.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::script::Script;
use super::tls::Authority;
use super::transport::Stream;
use super::wait::{Board, DEADLINE};

mod connection;
mod seen;
pub use seen::{Closed, Seen, SeenConnection, SeenRequest};

pub struct Upstream {
    addr: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    listening: Mutex<Listening>,
}

/// What the accept loop, its connections and the test share.
struct Shared {
    script: Mutex<Arc<Script>>,
    seen: Board<Seen>,
    tls: Option<TlsAcceptor>,
}

enum Listening {
    Yes(JoinHandle<()>),
    /// The port is held, so that it is still ours when the upstream comes back.
    No(#[allow(dead_code)] TcpSocket),
}

impl Upstream {
    pub async fn start(script: impl Into<Script>) -> Self {
        Upstream::launch(script.into(), None)
    }

    /// Over TLS, for 127.0.0.1, offering h2 and http/1.1. With `mutual`, clients must show a certificate.
    pub async fn start_tls(script: impl Into<Script>, authority: &Authority, mutual: bool) -> Self {
        let config = authority.server_config(&authority.server(), &["h2", "http/1.1"], mutual);
        Upstream::start_tls_with(script, config).await
    }

    /// Over TLS with any configuration: a wrong name, another authority, no ALPN.
    pub async fn start_tls_with(script: impl Into<Script>, config: Arc<ServerConfig>) -> Self {
        Upstream::launch(script.into(), Some(config.into()))
    }

    fn launch(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let script = Mutex::new(Arc::new(script));
        let shared = Arc::new(Shared {
            script,
            seen: Board::default(),
            tls,
        });
        let listener = bound(([127, 0, 0, 1], 0).into())
            .listen(1024)
            .expect("a listener");
        let addr = listener.local_addr().expect("its address");
        let listening = Mutex::new(Listening::Yes(tokio::spawn(accept(
            listener,
            shared.clone(),
        ))));
        Upstream {
            addr,
            scheme,
            shared,
            listening,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL, for the gateway's configuration.
    pub fn url(&self) -> String {
        format!("{}://{}/v1", self.scheme, self.addr)
    }

    /// From the next request on, this script. Requests that run keep the one they have.
    pub fn play(&self, script: impl Into<Script>) {
        *self.shared.script.lock().expect("no panic held it") = Arc::new(script.into());
    }

    /// Closes the port and every connection; connects are refused until [`Upstream::come_back`].
    pub async fn go_down(&self) {
        let was = self.swap(Listening::No(bound(self.addr)));
        if let Listening::Yes(accepting) = was {
            accepting.abort();
            let _ = accepting.await;
        }
        self.shared.seen.change(Seen::all_closed);
    }

    pub fn come_back(&self) {
        let listener = bound(self.addr).listen(1024).expect("our own port");
        self.swap(Listening::Yes(tokio::spawn(accept(
            listener,
            self.shared.clone(),
        ))));
    }

    fn swap(&self, new: Listening) -> Listening {
        std::mem::replace(&mut self.listening.lock().expect("no panic held it"), new)
    }

    /// Every request whose head was seen, in order.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.seen.look(|seen| seen.requests.clone())
    }

    /// Every connection that was accepted, in order.
    pub fn connections(&self) -> Vec<SeenConnection> {
        self.shared.seen.look(|seen| seen.connections.clone())
    }

    /// When the other side closed that connection, if it has; looked for while a script plays, too.
    pub fn closed_at(&self, connection: usize) -> Option<Instant> {
        self.shared
            .seen
            .look(|seen| seen.connections.get(connection)?.closed_by_peer())
    }

    /// Waits for the other side to close that connection.
    pub async fn wait_closed(&self, connection: usize, deadline: Duration) -> Instant {
        let what = format!(
            "the gateway's close of connection {connection} to {}",
            self.addr
        );
        let closed = |seen: &Seen| seen.connections.get(connection)?.closed_by_peer();
        self.shared.seen.until(deadline, what, closed).await
    }

    /// Waits for `n` requests that have been read (their bodies too, where the script reads bodies).
    pub async fn wait_requests(&self, n: usize) -> Vec<SeenRequest> {
        let what = format!("request {n} at upstream {}", self.addr);
        let read = |seen: &Seen| {
            let read = seen.requests.iter().filter(|request| request.read);
            (read.count() >= n).then(|| seen.requests.clone())
        };
        self.shared.seen.until(DEADLINE, what, read).await
    }

    /// Waits for `n` heads, whatever became of their bodies.
    pub async fn wait_heads(&self, n: usize) -> Vec<SeenRequest> {
        let what = format!("the head of request {n} at upstream {}", self.addr);
        let here = |seen: &Seen| (seen.requests.len() >= n).then(|| seen.requests.clone());
        self.shared.seen.until(DEADLINE, what, here).await
    }

    /// Waits for `n` connections.
    pub async fn wait_connections(&self, n: usize) -> Vec<SeenConnection> {
        let what = format!("connection {n} to upstream {}", self.addr);
        let here = |seen: &Seen| (seen.connections.len() >= n).then(|| seen.connections.clone());
        self.shared.seen.until(DEADLINE, what, here).await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Listening::Yes(accepting) = &*self
            .listening
            .lock()
            .unwrap_or_else(|held| held.into_inner())
        {
            accepting.abort();
        }
    }
}

/// Two sockets may be bound to the port for a moment, so that it is never anybody else's.
fn bound(addr: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("reuse");
    socket.set_reuseport(true).expect("reuse");
    socket.bind(addr).expect("a port");
    socket
}

/// Its connections are its own: they end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => { connections.spawn(welcome(tcp, shared.clone())); }
                // The peer was gone before it was accepted.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn welcome(tcp: TcpStream, shared: Arc<Shared>) {
    let number = shared.seen.change(Seen::new_connection);
    tcp.set_nodelay(true).expect("no delay");
    let Some(acceptor) = &shared.tls else {
        return connection::serve(Box::new(tcp), number, shared).await;
    };
    let stream: Stream = match acceptor.accept(tcp).await {
        Ok(stream) => {
            let session = stream.get_ref().1;
            shared
                .seen
                .change(|seen| seen.connections[number].handshake(session));
            Box::new(stream)
        }
        Err(error) => {
            let text = error.to_string();
            return shared
                .seen
                .change(|seen| seen.connections[number].handshake_error = Some(text));
        }
    };
    connection::serve(stream, number, shared).await;
}
