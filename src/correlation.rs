//! The name of one request, in answers, logs and upstream headers.

use std::fmt;

use uuid::Uuid;

/// The client's own where it is harmless, else a new UUIDv7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrelationId(String);

/// Longer ones, or other characters, could forge log lines or break headers.
const MAX_LENGTH: usize = 64;

impl CorrelationId {
    pub fn generate() -> CorrelationId {
        CorrelationId(Uuid::now_v7().to_string())
    }

    /// None unless it is 1 to 64 of `A-Z a-z 0-9 . _ -`.
    pub fn try_new(text: &[u8]) -> Option<CorrelationId> {
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_LENGTH || !text.iter().all(allowed) {
            return None;
        }
        String::from_utf8(text.to_vec()).ok().map(CorrelationId)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
        let id = CorrelationId::generate();
        assert_eq!(CorrelationId::try_new(id.as_str().as_bytes()), Some(id));
    }
}
