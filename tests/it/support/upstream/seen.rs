//! What a scripted upstream saw and sent.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rustls::ServerConnection;
use serde_json::Value;

use crate::support::wire::{take_head, Decoder, Framing, Head};

#[derive(Debug, Default)]
pub struct Seen {
    pub connections: Vec<SeenConnection>,
    pub requests: Vec<SeenRequest>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// By the other side; `reset` where it was no polite end.
    ByPeer {
        at: Instant,
        reset: bool,
    },
    ByScript {
        at: Instant,
    },
}

#[derive(Debug, Clone)]
pub struct SeenConnection {
    pub at: Instant,
    pub closed: Option<Closed>,
    /// The protocol that TLS agreed on.
    pub alpn: Option<String>,
    /// The server name that the client asked for; none for an address.
    pub server_name: Option<String>,
    /// Whether the client showed a certificate.
    pub client_certificate: bool,
    pub handshake_error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// When its head was whole.
    pub at: Instant,
    /// Index of its connection, from 0.
    pub connection: usize,
    /// 1 for the first request on its connection.
    pub nth_on_connection: usize,
    /// Every byte of the head.
    pub head: String,
    pub method: String,
    /// Path and query as they stood there.
    pub target: String,
    /// Names in lower case; values of one name joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// What was read of it, decoded.
    pub body: Bytes,
    /// Whether its body was read to the end.
    pub complete: bool,
    /// Whether the script has read all it wants and begun its answer.
    pub read: bool,
    /// Each piece of the answer as it was written.
    pub sent: Vec<(Instant, Bytes)>,
    /// Whether the script was played to its end (a hang never is).
    pub played: bool,
}

impl Seen {
    pub(super) fn new_connection(&mut self) -> usize {
        self.connections.push(SeenConnection {
            at: Instant::now(),
            closed: None,
            alpn: None,
            server_name: None,
            client_certificate: false,
            handshake_error: None,
        });
        self.connections.len() - 1
    }

    pub(super) fn all_closed(&mut self) {
        let closed = Closed::ByScript { at: Instant::now() };
        for connection in self
            .connections
            .iter_mut()
            .filter(|connection| connection.is_open())
        {
            connection.closed = Some(closed);
        }
    }

    /// Its index.
    pub(super) fn new_request(
        &mut self,
        connection: usize,
        nth_on_connection: usize,
        head: &Head,
    ) -> usize {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in &head.headers {
            let joined = headers.entry(name.to_ascii_lowercase()).or_default();
            let comma = if joined.is_empty() { "" } else { ", " };
            joined.push_str(&format!("{comma}{value}"));
        }
        let mut words = head.first_line.split(' ').map(str::to_string);
        self.requests.push(SeenRequest {
            at: Instant::now(),
            connection,
            nth_on_connection,
            head: String::from_utf8_lossy(&head.raw).into_owned(),
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            headers,
            body: Bytes::new(),
            complete: false,
            read: false,
            sent: Vec::new(),
            played: false,
        });
        self.requests.len() - 1
    }
}

impl SeenConnection {
    pub(super) fn handshake(&mut self, session: &ServerConnection) {
        self.alpn = session
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned());
        self.server_name = session.server_name().map(str::to_string);
        self.client_certificate = session.peer_certificates().is_some();
    }

    pub fn is_open(&self) -> bool {
        self.closed.is_none() && self.handshake_error.is_none()
    }

    pub fn closed_by_peer(&self) -> Option<Instant> {
        match self.closed? {
            Closed::ByPeer { at, .. } => Some(at),
            Closed::ByScript { .. } => None,
        }
    }
}

impl SeenRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn correlation_id(&self) -> Option<&str> {
        self.header("x-correlation-id")
    }

    /// The body of the answer as far as it was written: unframed, without heads. `None` where what was written
    /// is no HTTP.
    pub fn answered(&self) -> Option<Bytes> {
        let mut wire = BytesMut::new();
        self.sent
            .iter()
            .for_each(|(_, piece)| wire.extend_from_slice(piece));
        let head = loop {
            let head = take_head(&mut wire).ok()??;
            if !head.first_line.starts_with("HTTP/1.1 1") {
                break head;
            }
        };
        let mut decoder = Decoder::new(head.framing(Framing::UntilClose).ok()?);
        let pieces = decoder.take(&mut wire).ok()?;
        Some(pieces.concat().into())
    }
}
