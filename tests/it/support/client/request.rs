//! One request in the making: what it says, and how its bytes are sent.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{json, Value};

use super::{canary, Client, Connection, Exchange, Reply};
use crate::support::wait::Latch;
use crate::support::wire::{chunk, LAST_CHUNK};

/// Stands for the prompt in a body: replaced by the run's canary, the request's nonce and the padding.
pub const PROMPT: &str = "%PROMPT%";

/// What the ledgers are joined by.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub target: String,
    pub correlation_id: Option<String>,
    pub nonce: String,
}

#[derive(Clone)]
pub struct Request {
    pub(super) client: Client,
    sent: Sent,
    headers: Vec<(String, String)>,
    body: Body,
    /// The body's length at least: the prompt is padded.
    body_bytes: usize,
    query: Option<String>,
    chunks: Option<Vec<usize>>,
    pub(super) pace: Pace,
    /// Nothing of the answer is read before this opens.
    pub(super) reading_after: Option<Latch>,
}

#[derive(Clone)]
enum Body {
    None,
    Json(Value),
    Bytes(Bytes),
    /// Head and all.
    Everything(Bytes),
}

/// How the bytes are written.
#[derive(Clone, Default)]
pub(super) struct Pace {
    /// So many bytes a write and a pause between; all at once otherwise.
    pub split: Option<(usize, Duration)>,
    /// Writes so many bytes, then waits until it opens.
    pub pause: Option<(usize, Latch)>,
    /// The body waits for `100 Continue`.
    pub expect_continue: bool,
}

impl Request {
    pub(super) fn new(client: Client, method: &str, path: &str, body: Option<Value>) -> Self {
        let sent = Sent {
            method: method.into(),
            target: path.into(),
            correlation_id: Some(canary::word("t")),
            nonce: canary::word("nonce"),
        };
        let query = client
            .canaries
            .as_ref()
            .map(|canaries| format!("q={}", canaries.query));
        let mut request = Request {
            headers: Vec::new(),
            body: body.map_or(Body::None, Body::Json),
            body_bytes: 0,
            query: query.filter(|_| !path.contains('?')),
            chunks: None,
            pace: Pace::default(),
            reading_after: None,
            sent,
            client,
        };
        request.headers = request.usual_headers();
        request
    }

    pub(super) fn raw(client: Client, bytes: Bytes) -> Self {
        let first = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        let method = String::from_utf8_lossy(first).into_owned();
        let mut request = Request::new(client, &method, "?", None);
        request.sent.correlation_id = None;
        request.body = Body::Everything(bytes);
        request
    }

    fn usual_headers(&self) -> Vec<(String, String)> {
        let mut headers = vec![("host".to_string(), self.client.host.clone())];
        let mut add = |name: &str, value: &str| headers.push((name.into(), value.into()));
        if let Some(token) = &self.client.token {
            add("authorization", &format!("Bearer {token}"));
        }
        if let Some(id) = &self.sent.correlation_id {
            add("x-correlation-id", id);
        }
        if let Some(canaries) = &self.client.canaries {
            add("x-from-the-client", &canaries.header);
        }
        if let Body::Json(_) = self.body {
            add("content-type", "application/json");
        }
        headers.extend(self.client.headers.iter().cloned());
        headers
    }

    // What it says.

    pub fn stream(self) -> Self {
        self.field("stream", json!(true))
    }

    /// A top-level key of the body.
    pub fn field(mut self, key: &str, value: impl Into<Value>) -> Self {
        match &mut self.body {
            Body::Json(body) => body[key] = value.into(),
            _ => panic!("only a JSON body has fields"),
        }
        self
    }

    /// Pads the prompt until the body has exactly so many bytes (a body that is longer already stays).
    pub fn body_bytes(mut self, length: usize) -> Self {
        self.body_bytes = length;
        self
    }

    /// Exactly this body; the headers stay.
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(bytes.into());
        self
    }

    /// Sets a header, instead of any of that name.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.without(name).another_header(name, value)
    }

    /// One more header, whatever there is of that name.
    pub fn another_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        if name.eq_ignore_ascii_case("x-correlation-id") {
            self.sent.correlation_id = None;
        }
        self
    }

    pub fn correlation_id(self, id: &str) -> Self {
        let mut request = self.header("x-correlation-id", id);
        request.sent.correlation_id = Some(id.into());
        request
    }

    pub fn token(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    pub fn lane(self, lane: &str) -> Self {
        self.header("x-sidegate-lane", lane)
    }

    /// This query string instead of the canary's; none where it is empty.
    pub fn query(mut self, query: &str) -> Self {
        self.query = Some(query.to_string()).filter(|query| !query.is_empty());
        self
    }

    // How it is sent.

    /// Chunked, with chunks of these sizes over and over.
    pub fn chunked(mut self, sizes: &[usize]) -> Self {
        self.chunks = Some(sizes.to_vec());
        self
    }

    /// So many bytes a write, and a pause after each.
    pub fn slowly(mut self, every: usize, gap: Duration) -> Self {
        self.pace.split = Some((every, gap));
        self
    }

    /// Stops after so many bytes (the head counts) until the latch opens.
    pub fn pausing_after(mut self, bytes: usize, latch: &Latch) -> Self {
        self.pace.pause = Some((bytes, latch.clone()));
        self
    }

    /// `Expect: 100-continue`: the body waits for it, or for an answer.
    pub fn expecting_continue(mut self) -> Self {
        self.pace.expect_continue = true;
        self.header("expect", "100-continue")
    }

    /// Reads nothing of the answer before the latch opens.
    pub fn reading_after(mut self, latch: &Latch) -> Self {
        self.reading_after = Some(latch.clone());
        self
    }

    // Off it goes.

    /// Sends it on a connection of its own and reads the whole answer.
    pub async fn send(&self) -> Reply {
        self.start().await.finish().await
    }

    /// Sends it on a connection of its own; the answer is read meanwhile.
    pub async fn start(&self) -> Exchange {
        self.client.connect().await.start(self)
    }

    /// Sends it on a connection that is there for more.
    pub async fn send_on(&self, connection: Connection) -> (Reply, Option<Connection>) {
        connection.start(self).finish_reusing().await
    }

    /// What the ledgers are joined by.
    pub fn sent(&self) -> Sent {
        let mut sent = self.sent.clone();
        sent.target = self.target();
        sent
    }

    /// Head and body as they go out; the split matters only for `Expect`.
    pub(super) fn wire(&self) -> (Bytes, Bytes) {
        let body = match &self.body {
            Body::Everything(bytes) => return (bytes.clone(), Bytes::new()),
            Body::None => None,
            Body::Json(value) => Some(self.json_body(value)),
            Body::Bytes(bytes) => Some(bytes.clone()),
        };
        let mut head = format!("{} {} HTTP/1.1\r\n", self.sent.method, self.target());
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let says_length = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let body = match (body, &self.chunks) {
            (Some(body), Some(sizes)) => {
                head.push_str("transfer-encoding: chunked\r\n");
                chunks(&body, sizes)
            }
            (Some(body), None) if says_length => body,
            (Some(body), None) => {
                head.push_str(&format!("content-length: {}\r\n", body.len()));
                body
            }
            (None, _) => Bytes::new(),
        };
        ((head + "\r\n").into(), body)
    }

    fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.sent.target),
            None => self.sent.target.clone(),
        }
    }

    fn json_body(&self, value: &Value) -> Bytes {
        let canary = self
            .client
            .canaries
            .as_ref()
            .map_or("", |canaries| &canaries.prompt);
        let prompt = format!("{canary} {}", self.sent.nonce);
        let template = value.to_string();
        let bare = template.replacen(PROMPT, &prompt, 1);
        let padding = ".".repeat(self.body_bytes.saturating_sub(bare.len()));
        template.replacen(PROMPT, &(prompt + &padding), 1).into()
    }
}

fn chunks(body: &[u8], sizes: &[usize]) -> Bytes {
    let mut framed = Vec::with_capacity(body.len() + body.len() / 8);
    let mut rest = body;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*size).clamp(1, rest.len()));
        framed.extend_from_slice(&chunk(piece));
        rest = after;
    }
    framed.extend_from_slice(LAST_CHUNK);
    framed.into()
}
