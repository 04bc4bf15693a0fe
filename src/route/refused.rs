//! Why a body is refused before anybody upstream sees it.
//!
//! Nothing in here holds a byte of the body: a key is named only when it is one of ours, any other is `*`.

use super::keys::Key;
use crate::json::{Malformed, Why};

/// The pointer of a key that isn't ours.
const ANY_KEY: &str = "/*";

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is not JSON; where and why is for logs only.
    NotJson(Malformed),
    /// Its top-level value is no object.
    NotAnObject,
    TooDeep,
    TooManyKeys,
    /// A top-level key stands there twice, after unescaping and even with equal values; none is a key that
    /// isn't ours.
    DuplicateKey {
        key: Option<Key>,
    },
    /// `stream_options.include_usage` stands there twice.
    DuplicateUsageFlag,
    ForbiddenKey {
        key: Key,
    },
    /// A key differs from one of ours in nothing but case, and some servers would take it for that one.
    MistakableKey {
        key: Key,
    },
    WrongType {
        key: Key,
        expected: &'static str,
    },
    /// `stream_options.include_usage` is neither a boolean nor null.
    WrongUsageFlag,
}

impl Refused {
    /// The JSON pointer (RFC 6901) of the offending place; empty where that is the whole body.
    pub fn pointer(&self) -> &'static str {
        match self {
            Refused::NotJson(_)
            | Refused::NotAnObject
            | Refused::TooDeep
            | Refused::TooManyKeys => "",
            Refused::DuplicateKey { key: None } | Refused::MistakableKey { .. } => ANY_KEY,
            Refused::DuplicateKey { key: Some(key) }
            | Refused::ForbiddenKey { key }
            | Refused::WrongType { key, .. } => key.pointer(),
            Refused::DuplicateUsageFlag | Refused::WrongUsageFlag => {
                "/stream_options/include_usage"
            }
        }
    }
}

impl From<Malformed> for Refused {
    fn from(malformed: Malformed) -> Self {
        match malformed.why {
            Why::TooDeep => Refused::TooDeep,
            Why::TooManyKeys => Refused::TooManyKeys,
            Why::NotUtf8
            | Why::UnexpectedByte
            | Why::UnexpectedEnd
            | Why::TrailingBytes
            | Why::ControlCharacter
            | Why::BadEscape
            | Why::LoneSurrogate
            | Why::BadNumber
            | Why::NumberTooLarge => Refused::NotJson(malformed),
        }
    }
}
