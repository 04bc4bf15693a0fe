//! What came back from an upstream, as plain values. Nothing of its text is kept but what the checks name.

use std::time::SystemTime;

use pingora::{Error, ErrorType};
use serde_json::Value;

use crate::cli::live::in_words;
use crate::http_client::Reply;

/// An answer, or why there is none.
#[derive(Debug)]
pub enum Heard {
    Answer(Answer),
    Nothing(Quiet),
}

/// As much of an answer as is judged.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The server's name for itself.
    pub server: Option<String>,
    pub date: Option<SystemTime>,
    pub heard_at: SystemTime,
    pub is_html: bool,
    pub json: Option<Value>,
}

/// Why nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quiet {
    /// The host's name leads nowhere.
    Name(String),
    Refused,
    ConnectTimeout,
    Network(String),
    Tls(String),
    /// It connected, took the request and said nothing in time.
    NoAnswer,
    /// It connected, and the other side left without a byte.
    Closed,
    NotHttp,
    Other(String),
}

impl Quiet {
    pub fn in_words(&self) -> String {
        match self {
            Quiet::Name(why) => format!("its name can't be looked up: {why}"),
            Quiet::Refused => "the connection is refused: nothing listens there".to_owned(),
            Quiet::ConnectTimeout => "no connection in time".to_owned(),
            Quiet::Network(why) => format!("no connection: {why}"),
            Quiet::Tls(why) => format!("no TLS with it: {why}"),
            Quiet::NoAnswer => "it takes the connection and doesn't answer".to_owned(),
            Quiet::Closed => "it takes the connection and closes it without an answer".to_owned(),
            Quiet::NotHttp => "what answers there speaks no HTTP".to_owned(),
            Quiet::Other(why) => format!("no answer: {why}"),
        }
    }

    /// The connection was made before: what went wrong after that.
    pub fn after_connecting(error: &Error) -> Quiet {
        match error.etype() {
            ErrorType::TLSHandshakeFailure
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::InvalidCert
            | ErrorType::HandshakeError
            | ErrorType::TLSWantX509Lookup => Quiet::Tls(in_words(error)),
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => Quiet::NoAnswer,
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => {
                Quiet::Closed
            }
            ErrorType::InvalidHTTPHeader | ErrorType::H1Error => Quiet::NotHttp,
            _ => Quiet::Other(in_words(error)),
        }
    }
}

impl Answer {
    /// `key` is what was sent there: a server that gives it back must not bring it into a report.
    pub fn of(reply: &Reply, key: Option<&str>, heard_at: SystemTime) -> Answer {
        let header = |name: &str| {
            let value = reply.headers.get(name)?.to_str().ok()?;
            Some(without(key, value))
        };
        // Printed anew, a key has the one form that it is searched in.
        let json: Option<Value> = serde_json::from_slice(&reply.body).ok();
        let json = json.map(|json| without(key, &json.to_string()));
        let kind = header("content-type").unwrap_or_default();
        Answer {
            status: reply.status,
            server: header("server"),
            date: header("date").and_then(|date| httpdate::parse_http_date(&date).ok()),
            heard_at,
            is_html: kind.starts_with("text/html") || begins_like_a_page(&reply.body),
            json: json.and_then(|json| serde_json::from_str(&json).ok()),
        }
    }
}

fn without(key: Option<&str>, text: &str) -> String {
    match key.filter(|key| !key.is_empty()) {
        Some(key) => text.replace(key, "***"),
        None => text.to_owned(),
    }
}

fn begins_like_a_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start.get(..14).unwrap_or(start).to_ascii_lowercase();
    start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
}
