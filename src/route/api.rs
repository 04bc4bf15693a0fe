//! The APIs that pass through, and how each differs from the others.
//!
//! | API | an answer is whole when |
//! |---|---|
//! | chat, completions | a stream had `[DONE]`, or `finish_reason` for every choice |
//! | responses | a stream had `response.completed`, `response.incomplete` or `response.failed` |
//! | messages | a stream had `message_stop` |
//! | everything else, and every plain answer | the framing ended as announced |

use super::keys::Key;
use crate::config::MaxTokensField;

/// One of the paths that pass to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    Chat,
    Completions,
    Responses,
    Messages,
    CountTokens,
    Embeddings,
    Rerank,
    Score,
}

/// How a failure is written for the clients of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `{"error": {…}}`.
    OpenAi,
    /// The same; inside a stream `{"type": "error", "code": …, "error": {…}}`.
    Responses,
    /// `{"type": "error", "error": {…}}`.
    Anthropic,
}

impl Api {
    pub const ALL: [Api; 8] = [
        Api::Chat,
        Api::Completions,
        Api::Responses,
        Api::Messages,
        Api::CountTokens,
        Api::Embeddings,
        Api::Rerank,
        Api::Score,
    ];

    /// The path below the base of an upstream's address, without a leading slash.
    pub fn suffix(self) -> &'static str {
        match self {
            Api::Chat => "chat/completions",
            Api::Completions => "completions",
            Api::Responses => "responses",
            Api::Messages => "messages",
            Api::CountTokens => "messages/count_tokens",
            Api::Embeddings => "embeddings",
            Api::Rerank => "rerank",
            Api::Score => "score",
        }
    }

    pub fn shape(self) -> Shape {
        match self {
            Api::Messages | Api::CountTokens => Shape::Anthropic,
            Api::Responses => Shape::Responses,
            Api::Chat | Api::Completions | Api::Embeddings | Api::Rerank | Api::Score => {
                Shape::OpenAi
            }
        }
    }

    /// Whether `"stream": true` means anything here.
    pub fn can_stream(self) -> bool {
        match self {
            Api::Chat | Api::Completions | Api::Responses | Api::Messages => true,
            Api::CountTokens | Api::Embeddings | Api::Rerank | Api::Score => false,
        }
    }

    /// Whether it writes text, and so has a limit for that.
    pub fn generates(self) -> bool {
        // An API that writes can also stream what it writes.
        self.can_stream()
    }

    /// Whether a stream reports its usage only when `stream_options.include_usage` asks for it.
    pub fn asks_for_usage(self) -> bool {
        matches!(self, Api::Chat | Api::Completions)
    }

    /// Whether `n` multiplies the answer.
    pub fn has_choices(self) -> bool {
        matches!(self, Api::Chat | Api::Completions)
    }

    /// The fields that limit how long an answer may get, each of which is clamped.
    pub fn limit_keys(self) -> &'static [Key] {
        match self {
            Api::Chat => &[Key::MaxCompletionTokens, Key::MaxTokens],
            Api::Completions | Api::Messages | Api::CountTokens => &[Key::MaxTokens],
            Api::Responses => &[Key::MaxOutputTokens],
            Api::Embeddings | Api::Rerank | Api::Score => &[],
        }
    }

    /// The field that a missing limit is filled into; none where it is clamped only, or there is no limit.
    pub fn fill_key(self, chat_field: MaxTokensField) -> Option<Key> {
        match self {
            Api::Chat => Some(match chat_field {
                MaxTokensField::MaxTokens => Key::MaxTokens,
                MaxTokensField::MaxCompletionTokens => Key::MaxCompletionTokens,
            }),
            Api::Completions => Some(Key::MaxTokens),
            Api::Responses => Some(Key::MaxOutputTokens),
            Api::Messages | Api::CountTokens | Api::Embeddings | Api::Rerank | Api::Score => None,
        }
    }

    /// The key whose value is what the model reads; none where that is spread over several.
    pub fn prompt_key(self) -> Option<Key> {
        match self {
            Api::Chat | Api::Messages | Api::CountTokens => Some(Key::Messages),
            Api::Completions => Some(Key::Prompt),
            Api::Responses | Api::Embeddings => Some(Key::Input),
            Api::Rerank | Api::Score => None,
        }
    }

    /// The key whose value goes before everything that [`Api::prompt_key`] holds; none where that holds all.
    pub fn system_key(self) -> Option<Key> {
        match self {
            Api::Messages | Api::CountTokens => Some(Key::System),
            Api::Responses => Some(Key::Instructions),
            Api::Chat | Api::Completions | Api::Embeddings | Api::Rerank | Api::Score => None,
        }
    }
}
