//! An answer as a client got it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::events::{self, Event};
use super::reading::Progress;
use super::request::Sent;
use crate::support::wire::Head;

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// As its framing says.
    Whole,
    /// With the connection, as it has no other framing.
    CloseDelimited,
    /// FIN before the last chunk.
    CutChunked,
    /// FIN before the length was reached.
    ShortLength,
    /// FIN before a whole head.
    NoHead,
    Reset,
    /// What came is no strict HTTP/1.1; the text says why.
    NotHttp(String),
    /// The client left first.
    Left,
    /// It goes on.
    NotYet,
}

#[derive(Clone)]
pub struct Reply {
    pub sent: Sent,
    /// 0 without a whole head.
    pub status: u16,
    pub head: Head,
    /// 1xx heads that came before.
    pub interim: Vec<Head>,
    pub body: Bytes,
    pub end: End,
    pub sent_at: Instant,
    pub first_byte_at: Option<Instant>,
    pub head_at: Option<Instant>,
    pub ended_at: Instant,
    /// For each chunk, or each read where there are no chunks: when it came and where it ends in the body.
    pub pieces: Vec<(Instant, usize)>,
    /// Whether the whole request went out.
    pub uploaded: bool,
    /// Bytes behind the end of the answer.
    pub surplus: Bytes,
}

impl Reply {
    pub(super) fn of(progress: &Progress, sent: &Sent, sent_at: Instant) -> Self {
        let head = progress.head.clone().unwrap_or_default();
        let status = head
            .first_line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let mut length = 0;
        let place = |(at, piece): &(Instant, Bytes)| {
            length += piece.len();
            (*at, length)
        };
        let pieces = progress.pieces.iter().map(place).collect();
        let (ended_at, end) = progress
            .ended
            .clone()
            .unwrap_or((Instant::now(), End::NotYet));
        Reply {
            sent: sent.clone(),
            status: status.unwrap_or(0),
            head,
            interim: progress.interim.clone(),
            body: progress
                .pieces
                .iter()
                .map(|(_, piece)| &piece[..])
                .collect::<Vec<_>>()
                .concat()
                .into(),
            end,
            sent_at,
            first_byte_at: progress.first_byte_at,
            head_at: progress.head_at,
            ended_at,
            pieces,
            uploaded: progress.uploaded == Some(true),
            surplus: progress.surplus.clone(),
        }
    }

    pub(super) fn leave(&mut self) {
        if self.end == End::NotYet {
            self.end = End::Left;
        }
    }

    pub fn is_over(&self) -> bool {
        self.end != End::NotYet
    }

    pub fn is_whole(&self) -> bool {
        self.end == End::Whole
    }

    /// Whether the connection can be used again.
    pub fn keeps_connection(&self) -> bool {
        self.is_whole() && !self.head.has_token("connection", "close")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    pub fn correlation_id(&self) -> Option<&str> {
        self.header("x-correlation-id")
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn is_stream(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
    }

    /// The failure summary, whether it is the whole answer or an event of the stream.
    pub fn failure(&self) -> Option<Value> {
        let summary = match self.is_stream() {
            true => self.events().into_iter().rfind(Event::is_error)?.json()?,
            false => self.json(),
        };
        summary.get("error").is_some().then_some(summary)
    }

    /// `error.code` of the failure summary.
    pub fn code(&self) -> Option<String> {
        Some(
            self.failure()?
                .pointer("/error/code")?
                .as_str()?
                .to_string(),
        )
    }

    /// Whole events, without those that are nothing but a comment.
    pub fn events(&self) -> Vec<Event> {
        let is_event = |event: &Event| !event.is_comment();
        self.all_events().into_iter().filter(is_event).collect()
    }

    pub fn comments(&self) -> Vec<Event> {
        self.all_events()
            .into_iter()
            .filter(Event::is_comment)
            .collect()
    }

    /// Events and comments, in order.
    pub fn all_events(&self) -> Vec<Event> {
        events::parse(&self.body, &self.pieces).0
    }

    /// What stands behind the last whole event.
    pub fn unfinished_event(&self) -> Bytes {
        events::parse(&self.body, &self.pieces).1
    }

    pub fn has_done(&self) -> bool {
        self.events().iter().any(|event| event.data == "[DONE]")
    }

    /// The text that the model said, whatever the path, streamed or not.
    pub fn text(&self) -> String {
        match self.is_stream() {
            true => self.events().iter().filter_map(Event::text).collect(),
            false => events::plain_text(&self.json()).unwrap_or_default(),
        }
    }

    /// How many events with text there are.
    pub fn tokens(&self) -> usize {
        self.events()
            .iter()
            .filter_map(Event::text)
            .filter(|text| !text.is_empty())
            .count()
    }

    /// From the sending to the first event with text.
    pub fn first_token_after(&self) -> Option<Duration> {
        let events = self.events();
        let first = events
            .iter()
            .find(|event| event.text().is_some_and(|text| !text.is_empty()))?;
        Some(first.at.duration_since(self.sent_at))
    }

    /// From the sending to the end.
    pub fn took(&self) -> Duration {
        self.ended_at.duration_since(self.sent_at)
    }
}

impl std::fmt::Debug for Reply {
    /// What a failed test needs to see, not twenty megabytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.body[..self.body.len().min(2000)];
        writeln!(
            f,
            "{} {} -> {:?} after {:?}",
            self.sent.method,
            self.sent.target,
            self.end,
            self.took()
        )?;
        write!(f, "{}", String::from_utf8_lossy(&self.head.raw))?;
        write!(
            f,
            "{} ({} bytes)",
            String::from_utf8_lossy(shown),
            self.body.len()
        )
    }
}
