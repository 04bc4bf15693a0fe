//! What is known of a request and its attempts at its end, as plain values.
//!
//! Making one costs a few small copies; what it looks like on the wire is the exporter's thread's business. Every text in
//! here comes from the configuration or a closed set, but for the correlation id, whose alphabet was checked.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::{Family, Lane, UpstreamUrl};

use super::super::labels::Outcome;
use super::ids::SpanId;
use super::tracing::Trace;

/// One request, from its first byte to its last.
#[derive(Debug, Clone)]
pub struct RequestSpan {
    pub trace: Trace,
    pub started: SystemTime,
    pub took: Duration,
    /// None for a method that we don't know.
    pub method: Option<&'static str>,
    /// The API's name such as `chat/completions`; none for a path that we don't know.
    pub path: Option<&'static str>,
    /// The data listener speaks TLS.
    pub https: bool,
    /// None where nothing is asked of a model.
    pub operation: Option<Operation>,
    /// What the client named, where that is an alias of ours; never any other word of a client.
    pub alias: Option<Box<str>>,
    /// The client asked for a stream.
    pub stream: bool,
    /// What the client was sent, or 499 when it had left.
    pub status: u16,
    /// `ok`, or the code of the failure.
    pub code: &'static str,
    pub correlation_id: Box<str>,
    pub caller: Option<Arc<str>>,
    pub route: Option<Box<str>>,
    /// The skill that it belongs to.
    pub skill: Option<Arc<str>>,
    pub lane: Option<Lane>,
    /// Time in the lane's queue.
    pub queued: Option<Duration>,
    /// From the first byte read to the first event with content.
    pub first_token: Option<Duration>,
    pub config_generation: u64,
    pub attempts: Vec<AttemptSpan>,
}

/// One attempt at an upstream.
#[derive(Debug, Clone)]
pub struct AttemptSpan {
    /// What the upstream was told in `traceparent`.
    pub id: SpanId,
    /// From the request's first byte to the attempt's start.
    pub began: Duration,
    pub took: Duration,
    pub server: Arc<Server>,
    /// The target's own name for the model; none where the client's passes through.
    pub model: Option<Box<str>>,
    pub tier: u32,
    pub outcome: Outcome,
    /// The upstream's; none when there was no head.
    pub status: Option<u16>,
    pub reused: bool,
    /// What the answer said of itself; only of the one that the client got.
    pub answer: Option<Answer>,
}

/// What an answer said of itself.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// A name of our own table.
    pub finish_reason: Option<&'static str>,
    /// From the attempt's start to the first event with content of a stream.
    pub first_chunk: Option<Duration>,
    /// As the upstream reported them; estimates don't belong here.
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
}

/// An upstream as spans name it; one is made with each configuration and shared by all requests.
#[derive(Debug, Clone)]
pub struct Server {
    pub upstream: String,
    pub family: Family,
    pub host: String,
    pub port: u16,
}

impl Server {
    pub fn new(upstream: &str, family: Family, url: &UpstreamUrl) -> Server {
        Server {
            upstream: upstream.to_owned(),
            family,
            host: url.host.clone(),
            port: url.port,
        }
    }
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Chat,
    TextCompletion,
    Embeddings,
    /// The conventions have no word for this and the two below.
    Rerank,
    Score,
    CountTokens,
}

impl Operation {
    /// The value of `gen_ai.operation.name`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Operation::Chat => "chat",
            Operation::TextCompletion => "text_completion",
            Operation::Embeddings => "embeddings",
            Operation::Rerank => "rerank",
            Operation::Score => "score",
            Operation::CountTokens => "count_tokens",
        }
    }
}

impl RequestSpan {
    /// How many spans it is.
    pub fn count(&self) -> usize {
        1 + self.attempts.len()
    }

    /// The code, where the failure is ours or an upstream's: a status from 500 on, or an answer that began well and broke.
    /// A 4xx is the client's own, and so is leaving (the HTTP conventions, "Status" of server spans).
    pub(super) fn error(&self) -> Option<&'static str> {
        let is_clients_own = (400..500).contains(&self.status);
        (self.code != "ok" && !is_clients_own).then_some(self.code)
    }

    /// What went out; none when the client had left before.
    pub(super) fn sent_status(&self) -> Option<u16> {
        Some(self.status).filter(|status| *status != 499 && *status != 0)
    }
}

impl AttemptSpan {
    /// The outcome, where it is the upstream's failure: an attempt that we gave up isn't one.
    pub(super) fn error(&self) -> Option<&'static str> {
        match self.outcome {
            Outcome::Ok | Outcome::Cancelled => None,
            Outcome::Rejected
            | Outcome::RateLimited
            | Outcome::ServerError
            | Outcome::ConnectError
            | Outcome::Timeout
            | Outcome::Truncated
            | Outcome::ProtocolError
            | Outcome::Schema => Some(self.outcome.as_str()),
        }
    }
}
