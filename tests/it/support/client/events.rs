//! Server-sent events as a browser would read them, each with the time at which it was whole.

use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Event {
    /// When its last byte came.
    pub at: Instant,
    /// The `event` field.
    pub name: Option<String>,
    /// The `data` lines, joined.
    pub data: String,
    /// The comment lines, joined.
    pub comment: Option<String>,
    has_data: bool,
}

impl Event {
    pub fn is_comment(&self) -> bool {
        self.comment.is_some() && !self.has_data && self.name.is_none()
    }

    pub fn is_error(&self) -> bool {
        self.name.as_deref() == Some("error")
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.data).ok()
    }

    /// The text that this event adds to the answer, on any path.
    pub fn text(&self) -> Option<String> {
        let value = self.json()?;
        let found = match value.get("type").and_then(Value::as_str) {
            Some("response.output_text.delta") => value.get("delta"),
            Some("content_block_delta") => value.pointer("/delta/text"),
            _ => value
                .pointer("/choices/0/delta/content")
                .or_else(|| value.pointer("/choices/0/text")),
        };
        Some(found?.as_str()?.to_string())
    }
}

/// The text of an answer in one piece.
pub(super) fn plain_text(value: &Value) -> Option<String> {
    let places = [
        "/choices/0/message/content",
        "/choices/0/text",
        "/output/0/content/0/text",
        "/content/0/text",
    ];
    let found = places.iter().find_map(|place| value.pointer(place))?;
    Some(found.as_str()?.to_string())
}

/// The whole events in bytes whose times don't matter.
pub fn events_in(body: &Bytes) -> Vec<Event> {
    parse(body, &[]).0
}

/// Whole events and what stands behind the last one. `pieces` says when each part of the body came.
pub(super) fn parse(body: &Bytes, pieces: &[(Instant, usize)]) -> (Vec<Event>, Bytes) {
    let (mut events, mut lines) = (Vec::new(), Vec::new());
    let (mut at, mut whole) = (0, 0);
    while let Some((line, after)) = next_line(body, at) {
        at = after;
        if !line.is_empty() {
            lines.push(String::from_utf8_lossy(line).into_owned());
            continue;
        }
        whole = at;
        if !lines.is_empty() {
            let piece = pieces.iter().find(|(_, end)| *end >= at);
            events.push(event(
                &lines,
                piece.map_or_else(Instant::now, |(at, _)| *at),
            ));
            lines.clear();
        }
    }
    (events, body.slice(whole..))
}

/// One line without its end (LF, CRLF or CR), and where the next one begins.
fn next_line(body: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = &body[at..];
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n' || *byte == b'\r')?;
    let both = rest[end..].starts_with(b"\r\n");
    Some((&rest[..end], at + end + if both { 2 } else { 1 }))
}

fn event(lines: &[String], at: Instant) -> Event {
    let (mut name, mut data, mut comments) = (None, Vec::new(), Vec::new());
    for line in lines {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => comments.push(value),
            "event" => name = Some(value.to_string()),
            "data" => data.push(value),
            _ => {}
        }
    }
    Event {
        at,
        name,
        has_data: !data.is_empty(),
        data: data.join("\n"),
        comment: (!comments.is_empty()).then(|| comments.join("\n")),
    }
}
