//! A raw HTTP/1.1 client: sends exactly the bytes that a test wants, judges strictly what comes back.
//!
//! Each request carries what the laws look for afterwards: a correlation id and a nonce of its own, and the
//! run's canaries in prompt, query and header. A test about one of those replaces it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::ClientConfig;
use serde_json::{json, Value};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::canary::{self, Canaries};
use super::ledger::Ledger;
use super::transport::Stream;
use super::wait::{within, DEADLINE};

mod events;
mod exchange;
mod reading;
mod reply;
mod request;

pub use events::{events_in, Event};
pub use exchange::{Connection, Exchange};
pub use reply::{End, Reply};
pub use request::{Request, Sent};

#[derive(Clone)]
pub struct Client {
    addr: SocketAddr,
    host: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    canaries: Option<Arc<Canaries>>,
    ledger: Option<Ledger>,
    tls: Option<Arc<ClientConfig>>,
}

impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        let host = addr.to_string();
        Client {
            addr,
            host,
            token: None,
            headers: Vec::new(),
            canaries: None,
            ledger: None,
            tls: None,
        }
    }

    /// The bearer of every request.
    pub fn token(mut self, secret: impl Into<String>) -> Self {
        self.token = Some(secret.into());
        self
    }

    pub fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    /// The Host header of every request.
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// One more header of every request.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Every exchange is entered there, for the laws.
    pub fn ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// They stand in every request, where they may stand.
    pub fn canaries(mut self, canaries: Arc<Canaries>) -> Self {
        self.canaries = Some(canaries);
        self
    }

    pub fn chat(&self, model: &str) -> Request {
        let body =
            json!({"model": model, "messages": [{"role": "user", "content": request::PROMPT}]});
        self.post("/v1/chat/completions", body)
    }

    pub fn completions(&self, model: &str) -> Request {
        self.post(
            "/v1/completions",
            json!({"model": model, "prompt": request::PROMPT}),
        )
    }

    pub fn responses(&self, model: &str) -> Request {
        self.post(
            "/v1/responses",
            json!({"model": model, "input": request::PROMPT}),
        )
    }

    pub fn messages(&self, model: &str) -> Request {
        let messages = json!([{"role": "user", "content": request::PROMPT}]);
        self.post(
            "/v1/messages",
            json!({"model": model, "max_tokens": 64, "messages": messages}),
        )
    }

    pub fn embeddings(&self, model: &str) -> Request {
        self.post(
            "/v1/embeddings",
            json!({"model": model, "input": request::PROMPT}),
        )
    }

    pub fn get(&self, path: &str) -> Request {
        Request::new(self.clone(), "GET", path, None)
    }

    pub fn method(&self, method: &str, path: &str) -> Request {
        Request::new(self.clone(), method, path, None)
    }

    /// A JSON body; where [`request::PROMPT`] stands in it, prompt canary, nonce and padding will.
    pub fn post(&self, path: &str, body: Value) -> Request {
        Request::new(self.clone(), "POST", path, Some(body))
    }

    /// Exactly these bytes, head and all.
    pub fn raw(&self, bytes: impl Into<Bytes>) -> Request {
        Request::raw(self.clone(), bytes.into())
    }

    /// A connection for more than one request, or for none.
    pub async fn connect(&self) -> Connection {
        let what = format!("a connection to {}", self.addr);
        within(DEADLINE, what, self.try_connect())
            .await
            .expect("a connection to the gateway")
    }

    /// The same where it may be refused.
    pub async fn try_connect(&self) -> std::io::Result<Connection> {
        let tcp = TcpStream::connect(self.addr).await?;
        tcp.set_nodelay(true)?;
        let stream: Stream = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = ServerName::from(self.addr.ip());
                Box::new(
                    TlsConnector::from(config.clone())
                        .connect(name, tcp)
                        .await?,
                )
            }
        };
        Ok(Connection::new(stream))
    }
}

/// The nonces in some text: each stands for the one request that brought it.
pub fn nonces(text: &[u8]) -> Vec<String> {
    const MARK: &[u8] = b"nonce";
    let nonce = |at| {
        let nonce: &[u8] = text.get(at..at + MARK.len() + 32)?;
        let digits = nonce[MARK.len()..].iter().all(u8::is_ascii_hexdigit);
        digits.then(|| String::from_utf8_lossy(nonce).into_owned())
    };
    memchr::memmem::find_iter(text, MARK)
        .filter_map(nonce)
        .collect()
}

/// All at once; the results in the order of their numbers, from 0.
pub async fn many<T, F>(count: usize, start: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    open_loop(count, Duration::ZERO, start).await
}

/// Open loop: the n-th starts n gaps after the first, whether or not the earlier ones are done.
pub async fn open_loop<T, F>(
    count: usize,
    gap: Duration,
    mut start: impl FnMut(usize) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let begin = tokio::time::Instant::now();
    let mut running = Vec::with_capacity(count);
    for number in 0..count {
        if !gap.is_zero() {
            tokio::time::sleep_until(begin + gap * number as u32).await;
        }
        running.push(tokio::spawn(start(number)));
    }
    let mut results = Vec::with_capacity(count);
    for task in running {
        match task.await {
            Ok(result) => results.push(result),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    results
}
