//! The one look at a request's body: is it sound, and what does it ask for?
//!
//! Whatever later stages decide by is read here, once, from the bytes that go upstream. A value of a type
//! that servers would coerce each in their own way (`"stream": "true"`, `"n": "8"`) is refused, not
//! guessed.

use super::api::Api;
use super::fields::Fields;
use super::keys::Key;
use super::limit::{whole_number, Limit};
use super::refused::Refused;
use crate::config::Lane;
use crate::json::{items, scan, unescape, Kind, Member, Scanned, Span};

/// A longer `prompt_cache_key` is ignored, in bytes with its quotes. OpenAI's own limit is 64 characters.
const MAX_CACHE_KEY: usize = 256;

/// What a sound body asks for, and where the values stand that may have to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Peek {
    pub api: Api,
    /// The body's length, and the measure of its prompt.
    pub body_bytes: usize,
    /// The unescaped name; none when there is none or it is null.
    pub model: Option<String>,
    /// The answer is to be a stream. Always false where the API has no streams.
    pub stream: bool,
    /// The client itself wants the usage at the end of its stream.
    pub asked_for_usage: bool,
    /// The limit fields that stand there, of those that the API has.
    pub limits: [Option<Limit>; 2],
    /// llama.cpp's own name for the limit, which there overrules the others; to other servers it is nothing.
    pub n_predict: Option<Limit>,
    /// How many answers are wanted (`n`); 1 where nothing is said.
    pub choices: u64,
    /// How many prompts are answered: the items of an array of texts or of token lists; else 1.
    pub prompts: u64,
    /// `store`, where it says something; anything but false counts as true.
    pub store: Option<bool>,
    /// `background`; anything but false and null counts as true.
    pub background: bool,
    pub prompt_cache_key: Option<String>,
    pub temperature: Option<f64>,
    pub seed: Option<i64>,
    /// There is at least one tool.
    pub has_tools: bool,
    pub has_response_format: bool,
    /// The lane that `service_tier` wishes for.
    pub wished_lane: Option<Lane>,
    /// The value of `messages`, `prompt` or `input`, whichever the API has.
    pub prompt: Option<Span>,
    /// The value of `system` or `instructions`, where the API has one beside its prompt.
    pub system: Option<Span>,
    pub(super) places: Places,
}

/// Where the splices go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// Right behind the opening brace.
    pub front: usize,
    /// How many members there are.
    pub members: usize,
    /// The value of `model`, a null included.
    pub model: Option<Span>,
    /// What to leave out so that `service_tier` is gone: the member and one comma.
    pub service_tier: Option<Span>,
    pub usage: Usage,
}

/// What `stream_options` says about usage, and so what asking for it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Asked,
    /// There are no options.
    NoOptions,
    /// The options are null, here.
    NullOptions(Span),
    /// The flag is there and not true.
    Declined(Span),
    /// The options, whose opening brace ends here, have no flag; perhaps they are empty.
    NoFlag {
        front: usize,
        empty: bool,
    },
}

impl Peek {
    /// The largest limit that the client asks for: with several, a server may go by any of them.
    pub fn asked_limit(&self) -> Option<u64> {
        let tokens = |limit: &Limit| limit.tokens();
        self.limits.iter().flatten().filter_map(tokens).max()
    }

    /// The same with what only some servers go by.
    pub fn most_asked(&self) -> Option<u64> {
        let own = self.n_predict.and_then(Limit::tokens);
        self.asked_limit().max(own)
    }
}

/// Looks at a whole body.
pub fn peek(api: Api, body: &[u8]) -> Result<Peek, Refused> {
    let scanned = scan(body)?;
    if scanned.kind != Kind::Object {
        return Err(Refused::NotAnObject);
    }
    let fields = Fields::gather(body, &scanned.members)?;
    let usage = usage(api, &fields)?;
    Ok(Peek {
        api,
        body_bytes: body.len(),
        model: model(&fields)?,
        stream: fields.flag(Key::Stream)?.unwrap_or(false) && api.can_stream(),
        asked_for_usage: usage == Usage::Asked,
        limits: limits(api, &fields),
        n_predict: n_predict(api, &fields),
        choices: choices(api, &fields)?,
        prompts: prompts(api, &fields),
        store: fields
            .said(Key::Store)
            .map(|member| member.kind != Kind::False),
        background: fields
            .said(Key::Background)
            .is_some_and(|member| member.kind != Kind::False),
        prompt_cache_key: cache_key(&fields),
        temperature: fields.number(Key::Temperature),
        seed: fields.number(Key::Seed),
        has_tools: fields
            .get(Key::Tools)
            .is_some_and(|member| has_items(member, fields.bytes(member))),
        has_response_format: fields.said(Key::ResponseFormat).is_some(),
        wished_lane: wished_lane(&fields),
        prompt: api
            .prompt_key()
            .and_then(|key| fields.get(key))
            .map(|member| member.value),
        system: api
            .system_key()
            .and_then(|key| fields.said(key))
            .map(|member| member.value),
        places: Places {
            front: scanned.value.start + 1,
            members: scanned.members.len(),
            model: fields.get(Key::Model).map(|member| member.value),
            service_tier: fields
                .get(Key::ServiceTier)
                .map(|member| with_comma(&scanned, member)),
            usage,
        },
    })
}

fn model(fields: &Fields) -> Result<Option<String>, Refused> {
    let Some(member) = fields.said(Key::Model) else {
        return Ok(None);
    };
    match fields.text(member) {
        Some(name) => Ok(Some(name.into_owned())),
        None => Err(Refused::WrongType {
            key: Key::Model,
            expected: "a string",
        }),
    }
}

fn limits(api: Api, fields: &Fields) -> [Option<Limit>; 2] {
    let mut limits = [None; 2];
    for (place, &key) in limits.iter_mut().zip(api.limit_keys()) {
        *place = fields
            .get(key)
            .map(|member| Limit::read(key, member, fields.bytes(member)));
    }
    limits
}

fn n_predict(api: Api, fields: &Fields) -> Option<Limit> {
    let member = fields.get(Key::NPredict).filter(|_| api.has_choices())?;
    Some(Limit::read(Key::NPredict, member, fields.bytes(member)))
}

fn choices(api: Api, fields: &Fields) -> Result<u64, Refused> {
    let Some(member) = fields.said(Key::N).filter(|_| api.has_choices()) else {
        return Ok(1);
    };
    let expected = "a whole number of at least 1";
    let choices = whole_number(fields.bytes(member)).filter(|&choices| choices > 0);
    choices.ok_or(Refused::WrongType {
        key: Key::N,
        expected,
    })
}

fn prompts(api: Api, fields: &Fields) -> u64 {
    if api != Api::Completions {
        return 1;
    }
    let prompt = fields.get(Key::Prompt).filter(|it| it.kind == Kind::Array);
    let items = prompt.map(|member| items(fields.bytes(member)));
    // An array of numbers is one prompt's tokens.
    let is_prompt = |item: &&[u8]| matches!(item.first(), Some(b'"' | b'['));
    let count = items.map_or(1, |items| items.filter(is_prompt).count());
    (count as u64).max(1)
}

fn cache_key(fields: &Fields) -> Option<String> {
    let member = fields
        .said(Key::PromptCacheKey)
        .filter(|member| member.value.len() <= MAX_CACHE_KEY)?;
    fields.text(member).map(|key| key.into_owned())
}

/// OpenAI's tiers by what they promise: a cheap answer some time, or one now. `auto` leaves it open.
fn wished_lane(fields: &Fields) -> Option<Lane> {
    let member = fields.said(Key::ServiceTier)?;
    match fields.text(member)?.as_ref() {
        "flex" | "batch" => Some(Lane::Batch),
        "priority" | "default" => Some(Lane::Interactive),
        _ => None,
    }
}

fn usage(api: Api, fields: &Fields) -> Result<Usage, Refused> {
    let Some(options) = fields
        .get(Key::StreamOptions)
        .filter(|_| api.asks_for_usage())
    else {
        return Ok(Usage::NoOptions);
    };
    match options.kind {
        Kind::Null => Ok(Usage::NullOptions(options.value)),
        Kind::Object => usage_flag(options.value, fields.bytes(options)),
        Kind::Array | Kind::String | Kind::Number | Kind::True | Kind::False => {
            Err(Refused::WrongType {
                key: Key::StreamOptions,
                expected: "an object or null",
            })
        }
    }
}

/// The flag inside `stream_options`.
fn usage_flag(place: Span, options: &[u8]) -> Result<Usage, Refused> {
    let scanned = scan(options)?;
    let mut flags = scanned.members.iter().filter(|member| {
        unescape(member.key.of(options)).is_some_and(|name| name == "include_usage")
    });
    let flag = flags.next();
    if flags.next().is_some() {
        return Err(Refused::DuplicateUsageFlag);
    }
    match flag.map(|flag| (flag.kind, flag.value)) {
        None => Ok(Usage::NoFlag {
            front: place.start + 1,
            empty: scanned.members.is_empty(),
        }),
        Some((Kind::True, _)) => Ok(Usage::Asked),
        Some((Kind::False | Kind::Null, value)) => Ok(Usage::Declined(Span {
            start: place.start + value.start,
            end: place.start + value.end,
        })),
        Some(_) => Err(Refused::WrongUsageFlag),
    }
}

/// Whether an array has an item.
fn has_items(member: Member, value: &[u8]) -> bool {
    let inside = value.get(1..).unwrap_or_default().trim_ascii_start();
    member.kind == Kind::Array && inside.first() != Some(&b']')
}

/// A member with the comma before it, or, for the first of several, with the one behind it.
fn with_comma(scanned: &Scanned, member: Member) -> Span {
    let members = &scanned.members;
    let at = members
        .iter()
        .position(|other| other.key == member.key)
        .unwrap_or_default();
    let before = at.checked_sub(1).and_then(|before| members.get(before));
    match (before, members.get(at + 1)) {
        (Some(before), _) => Span {
            start: before.value.end,
            end: member.value.end,
        },
        (None, Some(after)) => Span {
            start: member.key.start,
            end: after.key.start,
        },
        (None, None) => Span {
            start: member.key.start,
            end: member.value.end,
        },
    }
}

#[cfg(test)]
mod tests;
