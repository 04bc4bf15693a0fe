//! Reads along a plain answer: is its JSON complete, what does it say of usage and of why it ended.

use serde::Deserialize;

use super::{FinishReason, Usage};
use crate::json::Skimmer;

/// What a plain answer said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub usage: Usage,
    pub finish_reason: Option<FinishReason>,
}

/// Fed with the answer's bytes as they pass; keeps nothing of them but the few values it looks for.
#[derive(Debug, Default)]
pub struct PlainReader {
    skimmer: Skimmer,
}

/// The `usage` objects of all APIs in one: no name means two things.
#[derive(Deserialize, Default)]
#[serde(default)]
struct AnyUsage {
    prompt_tokens: Option<u64>,
    input_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    output_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    input_tokens_details: Option<Details>,
    cache_read_input_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
}

impl PlainReader {
    pub fn feed(&mut self, piece: &[u8]) {
        self.skimmer.feed(piece);
    }

    /// The top-level JSON value is closed. Where only the connection's end ends a body, this tells an end from a cut.
    pub fn is_complete(&self) -> bool {
        self.skimmer.is_complete()
    }

    pub fn finish(self) -> Said {
        let skimmed = self.skimmer.finish();
        let usage = skimmed
            .usage
            .and_then(|json| serde_json::from_slice::<AnyUsage>(&json).ok());
        Said {
            usage: usage.map(Usage::from).unwrap_or_default(),
            finish_reason: skimmed
                .finish_reason
                .as_deref()
                .and_then(FinishReason::try_new),
        }
    }
}

impl From<AnyUsage> for Usage {
    fn from(usage: AnyUsage) -> Usage {
        let details = usage.prompt_tokens_details.or(usage.input_tokens_details);
        Usage {
            prompt: usage.prompt_tokens.or(usage.input_tokens),
            completion: usage.completion_tokens.or(usage.output_tokens),
            cached: details
                .and_then(|d| d.cached_tokens)
                .or(usage.cache_read_input_tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Said {
        let mut reader = PlainReader::default();
        for byte in json.as_bytes() {
            reader.feed(std::slice::from_ref(byte));
        }
        assert!(reader.is_complete());
        reader.finish()
    }

    #[test]
    fn usage_is_read_whatever_the_api_calls_it() {
        let chat = said(
            r#"{"choices":[{"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":1}}}"#,
        );
        let expected = Usage {
            prompt: Some(3),
            completion: Some(4),
            cached: Some(1),
        };
        assert_eq!(chat.usage, expected);
        assert_eq!(chat.finish_reason.map(FinishReason::as_str), Some("length"));
        let message = said(
            r#"{"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":1}}"#,
        );
        assert_eq!(message.usage, expected);
        assert_eq!(
            message.finish_reason.map(FinishReason::as_str),
            Some("end_turn")
        );
    }

    #[test]
    fn an_answer_without_usage_says_nothing() {
        assert_eq!(said(r#"{"data":[]}"#), Said::default());
    }
}
