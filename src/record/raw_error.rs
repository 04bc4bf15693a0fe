//! What an upstream really said when it failed, for the operator alone: one line of `raw-errors.jsonl`.
//!
//! The file is 0600, and still no secret that we know goes into it: servers echo headers. Bodies are most of the file, so
//! where the volume fills up they are what is left out.

use std::time::SystemTime;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::Engine;

use super::json::Object;

/// What stands where a secret stood.
const MASK: &str = "[secret]";

/// Shorter values would mask ordinary words.
const SHORTEST_SECRET: usize = 8;

/// Why there is no body.
const NO_ROOM: &str = "volume_above_alert";

/// One error answer, or an error inside a stream.
#[derive(Debug)]
pub struct RawError<'a> {
    pub at: SystemTime,
    pub correlation_id: &'a str,
    /// The first attempt is 1.
    pub attempt: u32,
    pub upstream: &'a str,
    pub status: u16,
    pub content_type: &'a str,
    /// None where the volume has no room for bodies.
    pub body: Option<&'a [u8]>,
    /// Keys and tokens that may not be written.
    pub secrets: &'a [&'a [u8]],
}

impl RawError<'_> {
    /// The line, with its newline.
    pub fn to_line(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.map_or(0, <[u8]>::len) + 512);
        let mut line = Object::begin(&mut out);
        line.time("ts", self.at);
        line.text("correlation_id", self.correlation_id);
        line.number("attempt", u64::from(self.attempt));
        line.text("upstream", self.upstream);
        line.number("status", u64::from(self.status));
        line.text(
            "content_type",
            &masked(self.content_type.as_bytes(), self.secrets),
        );
        let body = self.body.map(|body| masked(body, self.secrets));
        line.text_or_null("body", body.as_deref());
        line.text_or_null("body_omitted", self.body.is_none().then_some(NO_ROOM));
        line.end();
        out
    }
}

/// The text with each secret replaced, plain and as JSON, a URL, base64 or a hex dump would write it.
fn masked(text: &[u8], secrets: &[&[u8]]) -> String {
    let mut text = String::from_utf8_lossy(text).into_owned();
    for secret in secrets
        .iter()
        .filter(|secret| secret.len() >= SHORTEST_SECRET)
    {
        let plain = String::from_utf8_lossy(secret).into_owned();
        let spellings = [url_encoded(secret), json_escaped(&plain), plain];
        for form in spellings.into_iter().chain(encoded(secret)) {
            if text.contains(&form) {
                text = text.replace(&form, MASK);
            }
        }
    }
    text
}

fn url_encoded(secret: &[u8]) -> String {
    let mut out = String::new();
    for &byte in secret {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Without the padding and, in base64, for a secret that stands alone: what stands around it would shift its letters.
fn encoded(secret: &[u8]) -> [String; 4] {
    let hex = |upper: bool| {
        let digits = secret.iter().map(|byte| match upper {
            true => format!("{byte:02X}"),
            false => format!("{byte:02x}"),
        });
        digits.collect()
    };
    [
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex(false),
        hex(true),
    ]
}

fn json_escaped(secret: &str) -> String {
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    quoted.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(body: Option<&[u8]>, secrets: &[&[u8]]) -> serde_json::Value {
        let error = RawError {
            at: SystemTime::UNIX_EPOCH,
            correlation_id: "c",
            attempt: 1,
            upstream: "a",
            status: 401,
            content_type: "text/plain",
            body,
            secrets,
        };
        serde_json::from_slice(&error.to_line()).unwrap()
    }

    fn body_of(body: &str, secrets: &[&[u8]]) -> String {
        let line = line(Some(body.as_bytes()), secrets);
        assert!(line["body_omitted"].is_null());
        line["body"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_body_that_was_left_out_is_null_and_the_line_says_why() {
        let line = line(None, &[]);
        assert!(line["body"].is_null());
        assert_eq!(line["body_omitted"], "volume_above_alert");
        assert_eq!(line["status"], 401);
    }

    #[test]
    fn a_secret_is_masked_in_each_of_its_spellings() {
        let secret: &[u8] = b"sk-te/st\"1234";
        assert_eq!(body_of("key sk-te/st\"1234!", &[secret]), "key [secret]!");
        assert_eq!(body_of("?k=sk-te%2Fst%221234&", &[secret]), "?k=[secret]&");
        assert_eq!(
            body_of(r#"{"k":"sk-te/st\"1234"}"#, &[secret]),
            r#"{"k":"[secret]"}"#
        );
    }

    #[test]
    fn so_it_is_where_it_was_encoded() {
        let secret: &[u8] = b"sk-test-1234?>";
        for text in [
            "c2stdGVzdC0xMjM0Pz4=",
            "c2stdGVzdC0xMjM0Pz4",
            "736b2d746573742d313233343f3e",
        ] {
            let shown = body_of(&format!("key {text}"), &[secret]);
            assert!(shown.starts_with("key [secret]"), "{shown}");
        }
    }

    #[test]
    fn ordinary_words_stay() {
        assert_eq!(body_of("model not found", &[b"model"]), "model not found");
    }
}
