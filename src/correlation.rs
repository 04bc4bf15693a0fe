//! The name of one request, in answers, logs and upstream headers.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use uuid::fmt::Hyphenated;
use uuid::Builder;

/// The client's own where it is harmless, else a new UUIDv7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrelationId(HeaderValue);

/// Longer ones, or other characters, could forge log lines or break headers.
const MAX_LENGTH: usize = 64;

impl CorrelationId {
    /// A name that no other request has, made at `now`.
    pub fn generate(now: SystemTime) -> CorrelationId {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        // The thread's own generator: asking the system for randomness at each request costs more than all the rest here.
        let mut rest: [u8; 10] = rand::random();
        // The first 12 of these bits go on with the time, so that ids grow within a millisecond too (RFC 9562, 6.2).
        let fraction = u64::from(since.subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
        let [.., high, low] = fraction.to_be_bytes();
        let [first, second, ..] = &mut rest;
        (*first, *second) = (high, low);
        let uuid = Builder::from_unix_timestamp_millis(millis, &rest).into_uuid();
        let mut text = [0; Hyphenated::LENGTH];
        let text = uuid.hyphenated().encode_lower(&mut text);
        CorrelationId(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("none")))
    }

    /// None unless it is 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub fn try_new(text: &[u8]) -> Option<CorrelationId> {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_LENGTH || !text.iter().all(allowed) {
            return None;
        }
        HeaderValue::from_bytes(text).ok().map(CorrelationId)
    }

    pub fn as_str(&self) -> &str {
        // Its alphabet was checked when it was made.
        self.0.to_str().unwrap_or_default()
    }

    /// As a header's value; copies nothing.
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_ids_are_taken_over() {
        assert!(CorrelationId::try_new(b"Run-7_a.b").is_some());
        assert!(CorrelationId::try_new(&[b'a'; 64]).is_some());
        for bad in [
            &b""[..],
            &[b'a'; 65],
            b"a b",
            b"a\nb",
            b"a/b",
            "ä".as_bytes(),
        ] {
            assert!(CorrelationId::try_new(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_generated_id_is_harmless_itself() {
        let id = CorrelationId::generate(SystemTime::UNIX_EPOCH);
        assert_eq!(&id.as_str()[14..15], "7");
        assert_eq!(CorrelationId::try_new(id.as_str().as_bytes()), Some(id));
    }
}
