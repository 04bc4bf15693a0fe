//! What came back from a server, as plain values. Nothing of its text is kept but what is judged.

use std::time::SystemTime;

use http::HeaderMap;
use serde_json::Value;

/// One answer, whatever its status.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The server's name for itself.
    pub server: Option<String>,
    pub date: Option<SystemTime>,
    pub heard_at: SystemTime,
    /// A page for people.
    pub is_html: bool,
    pub json: Option<Value>,
}

impl Answer {
    /// `key` is what was sent there: a server that gives it back must not bring it into a report.
    pub fn of(
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        key: Option<&str>,
        heard_at: SystemTime,
    ) -> Answer {
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(without(key, value))
        };
        // Printed anew, a key has the one form that it is searched in.
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let json = json.map(|json| without(key, &json.to_string()));
        let kind = header("content-type").unwrap_or_default();
        Answer {
            status,
            server: header("server"),
            date: header("date").and_then(|date| httpdate::parse_http_date(&date).ok()),
            heard_at,
            is_html: kind.starts_with("text/html") || begins_like_a_page(body),
            json: json.and_then(|json| serde_json::from_str(&json).ok()),
        }
    }

    /// Its JSON, where the answer is a good one.
    pub fn good_json(&self) -> Option<&Value> {
        self.json.as_ref().filter(|_| self.status == 200)
    }

    /// One without headers.
    #[cfg(test)]
    pub fn plain(status: u16, body: &str) -> Answer {
        let now = crate::clock::wall();
        Answer::of(status, &HeaderMap::new(), body.as_bytes(), None, now)
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
