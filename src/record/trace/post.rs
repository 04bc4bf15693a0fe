//! One POST to the collector: blocking, bounded in time and size, on a connection of its own.
//!
//! There is at most one a second while few spans come, so a kept connection would save nothing that anybody sees, and a
//! collector that was restarted is found without a first failure.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::clock;
use crate::config::UpstreamUrl;

use super::stream::{self, connect};
use super::wire;

/// Where OTLP/HTTP wants traces, below the base address.
const TRACES: &str = "/v1/traces";

/// For everything from the look-up of the name to the answer's last byte.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers are empty or a few bytes.
const LONGEST_ANSWER: usize = 64 * 1024;

const MOST_HEADERS: usize = 64;

/// Where spans go.
pub struct Collector {
    pub(super) host: String,
    pub(super) port: u16,
    /// The base address as people wrote it, for messages and the `Host` header.
    authority: String,
    path: String,
    tls: Option<Arc<ClientConfig>>,
}

/// Why spans didn't arrive; words of our own, never the collector's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Its name leads nowhere.
    Unresolved,
    Refused,
    TimedOut,
    /// Its certificate isn't one that the system trusts, or it speaks no TLS.
    Tls,
    /// The connection broke.
    Broken,
    /// What it answered is no HTTP.
    NoHttp,
    Status(u16),
}

/// A try that failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failed {
    pub problem: Problem,
    /// How long it wants to be left alone.
    pub asked: Option<Duration>,
}

impl Collector {
    /// `url` is the base address; one that names the traces' path already is taken as it is.
    pub fn new(url: &UpstreamUrl) -> Collector {
        let base = url.base_path.strip_suffix(TRACES).unwrap_or(&url.base_path);
        let host = match url.host.contains(':') {
            true => format!("[{}]", url.host),
            false => url.host.clone(),
        };
        Collector {
            host: url.host.clone(),
            port: url.port,
            authority: format!("{host}:{}", url.port),
            path: format!("{base}{TRACES}"),
            tls: url.https.then(stream::system_trust),
        }
    }

    /// Sends one batch. Returns how many of its spans the collector took out.
    ///
    /// # Errors
    /// The collector doesn't have them, or didn't say so in time.
    pub fn post(&self, body: &[u8]) -> Result<u64, Failed> {
        let answer = self.exchange(body).map_err(|problem| Failed {
            problem,
            asked: None,
        })?;
        match answer.status {
            200..=299 => Ok(wire::rejected(&answer.body)),
            status => Err(Failed {
                problem: Problem::Status(status),
                asked: answer.retry_after,
            }),
        }
    }

    fn exchange(&self, body: &[u8]) -> Result<Answer, Problem> {
        let deadline = clock::now() + PATIENCE;
        let mut stream = connect(&self.host, self.port, self.tls.as_ref(), deadline)?;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\nuser-agent: sidegate\r\ncontent-type: application/x-protobuf\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            self.path,
            self.authority,
            body.len()
        );
        let sent = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        // A collector that has enough may answer before it has read everything.
        let answer = sent
            .and_then(|()| stream.flush())
            .map_err(|error| problem(&error));
        let received = receive(&mut stream);
        received.map_err(|problem| answer.err().unwrap_or(problem))
    }
}

impl fmt::Display for Collector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(out, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl Failed {
    /// The same spans may be taken later (OTLP specification, "Failures", for OTLP/HTTP).
    pub fn is_worth_another_try(&self) -> bool {
        match self.problem {
            Problem::Status(status) => matches!(status, 429 | 502 | 503 | 504),
            Problem::Unresolved
            | Problem::Refused
            | Problem::TimedOut
            | Problem::Tls
            | Problem::Broken
            | Problem::NoHttp => true,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Unresolved => out.write_str("its name leads nowhere"),
            Problem::Refused => out.write_str("nothing listens there"),
            Problem::TimedOut => write!(out, "no answer within {} s", PATIENCE.as_secs()),
            Problem::Tls => out.write_str("no TLS with a certificate that the system trusts"),
            Problem::Broken => out.write_str("the connection broke"),
            Problem::NoHttp => out.write_str("its answer is no HTTP"),
            Problem::Status(status) => write!(out, "it answered {status}"),
        }
    }
}

/// What an error of a socket or of TLS means.
pub fn problem(error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::ConnectionRefused => Problem::Refused,
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Problem::TimedOut,
        // rustls reports what it doesn't like of the other side so.
        ErrorKind::InvalidData => Problem::Tls,
        _ => Problem::Broken,
    }
}

struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

/// Reads until the answer is whole; one without a length ends with the connection.
fn receive(stream: &mut impl Read) -> Result<Answer, Problem> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = match stream.read(&mut piece) {
            Ok(read) => read,
            // TLS that ends without its farewell.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(problem(&error)),
        };
        bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
        if let Some(answer) = parse(&bytes, read == 0)? {
            return Ok(answer);
        }
        if read == 0 || bytes.len() > LONGEST_ANSWER {
            return Err(match bytes.is_empty() {
                true => Problem::Broken,
                false => Problem::NoHttp,
            });
        }
    }
}

/// None while there is more to come. A body in chunks isn't looked at: what it could say is how many spans were refused.
fn parse(bytes: &[u8], is_end: bool) -> Result<Option<Answer>, Problem> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|_| Problem::NoHttp)?;
    let (httparse::Status::Complete(length), Some(status)) = (parsed, head.code) else {
        return Ok(None);
    };
    let number = |name| {
        let header = head
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value)
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    let rest = bytes.get(length..).unwrap_or_default();
    let body = match number("content-length").map(usize::try_from) {
        Some(Ok(wanted)) => rest.get(..wanted),
        _ if status == 204 || is_end || is_chunked(head.headers) => Some(&[][..]),
        _ => None,
    };
    Ok(body.map(|body| Answer {
        status,
        retry_after: number("retry-after").map(Duration::from_secs),
        body: body.to_vec(),
    }))
}

fn is_chunked(headers: &[httparse::Header<'_>]) -> bool {
    headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case("transfer-encoding"))
}

#[cfg(test)]
mod tests;
