//! What one event means in the dialect of its API.
//!
//! Only what the gateway acts on is read. An event whose JSON is fine but whose fields have other types than expected is
//! passed on as it is: servers differ, and a gateway that is stricter than its clients breaks them.

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;

use super::{FinishReason, Usage};

/// The shape of a streamed answer, by the API that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Chat,
    Completions,
    Responses,
    Messages,
    /// No event stream is expected here; one that comes is passed on and ends with its framing.
    Opaque,
}

/// What the gateway needs to know of an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Something of the answer itself: text, reasoning, a tool call.
    pub content: bool,
    /// The upstream says that it failed.
    pub error: bool,
    /// Choices seen in this event, one bit each.
    pub choices: u64,
    /// Of these the ones that are finished.
    pub finished: u64,
    /// The event holds no choice: with `usage` it is the one that `include_usage` asks for.
    pub no_choices: bool,
    pub finish_reason: Option<FinishReason>,
    pub usage: Option<Usage>,
    /// The dialect's own last event.
    pub last: bool,
}

/// None when the data is no JSON.
pub fn meaning(dialect: Dialect, data: &[u8]) -> Option<Meaning> {
    let typed = match dialect {
        Dialect::Chat | Dialect::Completions => {
            serde_json::from_slice::<Chunk>(data).map(Chunk::meaning)
        }
        Dialect::Responses => {
            serde_json::from_slice::<ResponseEvent>(data).map(ResponseEvent::meaning)
        }
        Dialect::Messages => {
            serde_json::from_slice::<MessageEvent>(data).map(MessageEvent::meaning)
        }
        Dialect::Opaque => serde_json::from_slice::<IgnoredAny>(data).map(|_| Meaning {
            content: true,
            ..Meaning::default()
        }),
    };
    typed.ok().or_else(|| odd(data))
}

/// JSON that has other types than expected: it counts as content, so that it is passed on and never waited behind.
fn odd(data: &[u8]) -> Option<Meaning> {
    serde_json::from_slice::<IgnoredAny>(data).ok()?;
    Some(Meaning {
        content: true,
        ..Meaning::default()
    })
}

/// One event of `chat/completions` or `completions`.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<ChunkUsage>,
    #[serde(default)]
    error: Presence,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    text: Presence,
    #[serde(borrow, default)]
    finish_reason: Word<'a>,
}

#[derive(Deserialize)]
struct ChunkUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<CachedTokens>,
}

#[derive(Deserialize)]
struct CachedTokens {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl Chunk<'_> {
    fn meaning(self) -> Meaning {
        let choices = self.choices.unwrap_or_default();
        let mut meaning = Meaning {
            error: self.error.0,
            no_choices: choices.is_empty(),
            usage: self.usage.map(|usage| Usage {
                prompt: usage.prompt_tokens,
                completion: usage.completion_tokens,
                cached: usage.prompt_tokens_details.and_then(|d| d.cached_tokens),
            }),
            ..Meaning::default()
        };
        for (position, choice) in choices.into_iter().enumerate() {
            let bit = 1 << choice.index.map_or(position as u64, u64::from).min(63);
            meaning.choices |= bit;
            meaning.content |= choice.delta.0 || choice.text.0;
            if let Some(reason) = choice.finish_reason.0.and_then(FinishReason::try_new) {
                meaning.finished |= bit;
                meaning.finish_reason = Some(reason);
            }
        }
        meaning
    }
}

/// One typed event of `responses`.
#[derive(Deserialize)]
struct ResponseEvent<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Word<'a>,
    #[serde(default)]
    delta: Presence,
    #[serde(borrow, default)]
    response: Option<ResponseObject<'a>>,
    #[serde(default)]
    error: Presence,
}

#[derive(Deserialize)]
struct ResponseObject<'a> {
    #[serde(borrow, default)]
    status: Word<'a>,
    #[serde(default)]
    usage: Option<NewUsage>,
}

/// The names that `responses` and `messages` use.
#[derive(Deserialize)]
struct NewUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_details: Option<CachedTokens>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
}

impl From<NewUsage> for Usage {
    fn from(usage: NewUsage) -> Usage {
        Usage {
            prompt: usage.input_tokens,
            completion: usage.output_tokens,
            cached: usage
                .input_tokens_details
                .and_then(|d| d.cached_tokens)
                .or(usage.cache_read_input_tokens),
        }
    }
}

impl ResponseEvent<'_> {
    fn meaning(self) -> Meaning {
        let kind = self.kind.0.unwrap_or_default();
        let last = matches!(
            kind,
            "response.completed" | "response.incomplete" | "response.failed"
        );
        let response = self.response.filter(|_| last);
        let reason = response
            .as_ref()
            .and_then(|r| r.status.0)
            .and_then(FinishReason::try_new);
        Meaning {
            content: last
                || (kind.ends_with(".delta") && self.delta.0)
                || kind == "response.output_item.done",
            error: kind == "error" || (kind.is_empty() && self.error.0),
            finish_reason: reason,
            usage: response.and_then(|r| r.usage).map(Usage::from),
            last,
            ..Meaning::default()
        }
    }
}

/// One typed event of `messages`.
#[derive(Deserialize)]
struct MessageEvent<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Word<'a>,
    #[serde(borrow, default)]
    delta: Option<MessageDelta<'a>>,
    #[serde(default)]
    message: Option<MessageStart>,
    #[serde(default)]
    usage: Option<NewUsage>,
    #[serde(default)]
    error: Presence,
}

#[derive(Deserialize)]
struct MessageDelta<'a> {
    #[serde(borrow, default)]
    stop_reason: Word<'a>,
}

#[derive(Deserialize)]
struct MessageStart {
    #[serde(default)]
    usage: Option<NewUsage>,
}

impl MessageEvent<'_> {
    fn meaning(self) -> Meaning {
        let kind = self.kind.0.unwrap_or_default();
        let usage = self.usage.or_else(|| self.message.and_then(|m| m.usage));
        let reason = self
            .delta
            .and_then(|d| d.stop_reason.0)
            .and_then(FinishReason::try_new);
        Meaning {
            content: matches!(
                kind,
                "content_block_delta" | "message_delta" | "message_stop"
            ),
            error: kind == "error" || (kind.is_empty() && self.error.0),
            finish_reason: reason,
            usage: usage.map(Usage::from),
            last: kind == "message_stop",
            ..Meaning::default()
        }
    }
}

/// A string without escapes, borrowed; anything else counts as absent.
#[derive(Default)]
struct Word<'a>(Option<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word<'a>, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Option<&'de str>;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Some(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(if text.is_empty() { None } else { Some("other") })
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }
        }
        deserializer.deserialize_any(Words).map(Word)
    }
}

/// Whether a value says anything: not null, false, an empty string, list or object.
#[derive(Default)]
struct Presence(bool);

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Presence, D::Error> {
        deserializer
            .deserialize_any(PresenceVisitor { skip_role: false })
            .map(Presence)
    }
}

/// As [`Presence`], of a delta: its role alone says nothing yet.
#[derive(Default)]
struct Delta(bool);

impl<'de> Deserialize<'de> for Delta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Delta, D::Error> {
        deserializer
            .deserialize_any(PresenceVisitor { skip_role: true })
            .map(Delta)
    }
}

struct PresenceVisitor {
    /// A delta: look inside, `role` doesn't count.
    skip_role: bool,
}

impl<'de> Visitor<'de> for PresenceVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }
    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(!text.is_empty())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut any = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            any = true;
        }
        Ok(any)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut any = false;
        while let Some(key) = map.next_key::<Key>()? {
            if self.skip_role {
                let said = map.next_value::<Presence>()?.0;
                any |= said && !matches!(key, Key::Role);
            } else {
                map.next_value::<IgnoredAny>()?;
                any = true;
            }
        }
        Ok(any)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Role,
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests;
