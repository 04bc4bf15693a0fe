//! What a streamed answer says: where its events end, what each means, when it may be committed, whether it is whole.
//!
//! Everything here is pure: bytes in, judgement out. The rule a reader would break: **an answer that merely stops is
//! not complete.** It is whole when its own dialect says so, never because the connection closed politely.

mod dialect;
mod event;
mod judge;
mod plain;
mod split;

pub use dialect::Dialect;
pub use event::data_of;
pub use judge::{Judge, Ruling, Wishes};
pub use plain::{PlainReader, Said};
pub use split::Splitter;

/// Tokens as the upstream counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub prompt: Option<u64>,
    pub completion: Option<u64>,
    /// The part of `prompt` that came out of the upstream's cache.
    pub cached: Option<u64>,
}

impl Usage {
    /// Takes over what `later` knows; a number once reported stays until a newer one replaces it.
    pub fn update(&mut self, later: Usage) {
        self.prompt = later.prompt.or(self.prompt);
        self.completion = later.completion.or(self.completion);
        self.cached = later.cached.or(self.cached);
    }

    /// Adds another choice's tokens; the prompt is the same for all of them.
    pub fn add(&mut self, other: Usage) {
        self.prompt = self.prompt.max(other.prompt);
        self.cached = self.cached.max(other.cached);
        self.completion = match (self.completion, other.completion) {
            (Some(one), Some(more)) => Some(one.saturating_add(more)),
            (one, more) => one.or(more),
        };
    }

    pub fn is_known(&self) -> bool {
        self.prompt.is_some() || self.completion.is_some()
    }
}

/// Why the model stopped: a word of our own table, safe in a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishReason(&'static str);

/// The words that OpenAI's and Anthropic's APIs define, and what common servers add.
const FINISH_REASONS: [&str; 16] = [
    "stop",
    "length",
    "tool_calls",
    "function_call",
    "content_filter",
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "completed",
    "incomplete",
    "failed",
    "cancelled",
    "abort",
];

impl FinishReason {
    /// None for an empty word, which some servers send instead of `null`; a word that isn't in the table is `other`.
    pub fn try_new(word: &str) -> Option<FinishReason> {
        if word.is_empty() {
            return None;
        }
        let known = FINISH_REASONS.iter().find(|known| **known == word);
        Some(FinishReason(known.copied().unwrap_or("other")))
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}
