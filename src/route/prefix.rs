//! What a request begins with, as one number: requests with equal numbers are best served by one target's cache.
//!
//! The first of: the header that the route names, `prompt_cache_key`, the beginning of the prompt itself. The last is what
//! stays the same from turn to turn of a conversation: the leading system messages and the first message of the user; of
//! a text to complete its first KiB.
//!
//! The bytes are taken as they are written, so `"\u0041"` and `"A"` begin differently, and so do parts without a text (an
//! image) whose keys stand in another order. Both cost a cache hit and nothing else. White space between tokens, the
//! order of the keys of a body or of a message, and whatever stands beside a part's `text` (a client moves its
//! `cache_control` along with the conversation) make no difference; nor does it whether a text stands alone or as the
//! one part of a list.

use std::hash::{DefaultHasher, Hasher};

use super::api::Api;
use super::peek::Peek;
use crate::json::{items, members, text, tokens};

/// So much of the system messages counts, and so much of the user's: prompts that are equal for so long are worth one
/// target's cache, whatever follows. A look at such a body takes 10 µs, a tenth of a millisecond where it is all escapes.
const MESSAGE_BYTES: usize = 32 << 10;

/// So much of a text to complete counts. It grows from call to call, so only what is always there may: every longer piece
/// would send the next call elsewhere.
const TEXT_BYTES: usize = 1 << 10;

/// So many parts of one message are looked at; no client sends as many.
const PARTS: usize = 64;

/// No role that we know is longer.
const ROLE_BYTES: usize = 16;

/// Ends a text; no byte of UTF-8.
const END: u8 = 0xff;

/// Where a key comes from: equal bytes of two kinds are no equal beginning.
#[derive(Debug, Clone, Copy)]
enum Source {
    Header = 1,
    CacheKey = 2,
    Prompt = 3,
}

/// What the request begins with; none where nothing is known of that, or no cache of prompts is used.
///
/// `affinity` is the value of the route's header. The same on every host: the hash has no random part.
pub fn prefix_key(affinity: Option<&[u8]>, peek: &Peek, body: &[u8]) -> Option<u64> {
    if !reads_prompts(peek.api) {
        return None;
    }
    let cache_key = peek.prompt_cache_key.as_deref().map(str::as_bytes);
    of_name(Source::Header, affinity)
        .or_else(|| of_name(Source::CacheKey, cache_key))
        .or_else(|| of_prompt(peek, body))
}

/// Whether the API makes an answer from a prompt that is worth caching.
fn reads_prompts(api: Api) -> bool {
    match api {
        Api::Chat | Api::Completions | Api::Responses | Api::Messages => true,
        Api::CountTokens | Api::Embeddings | Api::Rerank | Api::Score => false,
    }
}

/// What a client calls its conversation; an empty name is none.
fn of_name(source: Source, name: Option<&[u8]>) -> Option<u64> {
    let name = name?;
    let mut prefix = Prefix::new(source, name.len());
    prefix.add(name);
    prefix.key()
}

fn of_prompt(peek: &Peek, body: &[u8]) -> Option<u64> {
    let prompt = peek.prompt?.of(body);
    if peek.api == Api::Completions {
        let mut prefix = Prefix::new(Source::Prompt, TEXT_BYTES);
        prefix.text_or_tokens(first_text(prompt)?);
        return prefix.key();
    }
    let mut prefix = Prefix::new(Source::Prompt, MESSAGE_BYTES);
    if let Some(system) = peek.system {
        prefix.content(system.of(body));
    }
    prefix.conversation(prompt);
    prefix.key()
}

/// The first of several prompts; a list of token ids is one prompt.
fn first_text(prompt: &[u8]) -> Option<&[u8]> {
    if prompt.first() == Some(&b'"') {
        return Some(prompt);
    }
    let first = items(prompt).next()?;
    let is_prompt = matches!(first.first()?, b'"' | b'[');
    Some(if is_prompt { first } else { prompt })
}

/// A hash in the making.
struct Prefix {
    hasher: DefaultHasher,
    /// So many bytes more may go in.
    room: usize,
    is_empty: bool,
}

impl Prefix {
    fn new(source: Source, room: usize) -> Prefix {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(source as u8);
        Prefix {
            hasher,
            room,
            is_empty: true,
        }
    }

    /// None when no byte went in.
    fn key(self) -> Option<u64> {
        (!self.is_empty).then(|| self.hasher.finish())
    }

    /// The leading system messages and the first one of the user, or the text that stands in their place.
    fn conversation(&mut self, messages: &[u8]) {
        if messages.first() == Some(&b'"') {
            return self.user(messages);
        }
        let mut leads = true;
        for message in items(messages) {
            let (role, content) = role_and_content(message);
            match role {
                b"user" => return self.user(content),
                b"system" | b"developer" if leads => self.content(content),
                _ => leads = false,
            }
        }
    }

    fn user(&mut self, content: &[u8]) {
        self.room = MESSAGE_BYTES;
        self.content(content);
    }

    /// A message's content: a text or a list of parts; a null says nothing.
    fn content(&mut self, content: &[u8]) {
        match content.first() {
            Some(b'[') => {
                for part in items(content).take(PARTS) {
                    if self.room == 0 {
                        break;
                    }
                    self.part(part);
                }
            }
            Some(b'n') | None => {}
            Some(_) => self.text_or_tokens(content),
        }
    }

    /// Of a part its text alone; where it has none, all of it.
    fn part(&mut self, part: &[u8]) {
        let text = members(part).find(|(key, _)| *key == b"\"text\"");
        self.text_or_tokens(text.map_or(part, |(_, text)| text));
    }

    fn text_or_tokens(&mut self, value: &[u8]) {
        match text(value, self.room) {
            Some(text) => self.add(text),
            None => {
                for token in tokens(value) {
                    if self.room == 0 {
                        break;
                    }
                    self.add(token);
                }
            }
        }
        self.hasher.write_u8(END);
    }

    fn add(&mut self, bytes: &[u8]) {
        let taken = bytes.get(..self.room).unwrap_or(bytes);
        self.room -= taken.len();
        self.is_empty &= taken.is_empty();
        self.hasher.write(taken);
    }
}

/// The role as it is written and the content; empty where there is none.
///
/// Where the role stands first, as everybody writes it, the content isn't passed to see where it ends.
fn role_and_content(message: &[u8]) -> (&[u8], &[u8]) {
    let (mut role, mut content) = (None, None);
    for (key, value) in members(message) {
        match key {
            b"\"role\"" => role = text(value, ROLE_BYTES),
            b"\"content\"" => content = Some(value),
            _ => {}
        }
        if let (Some(role), Some(content)) = (role, content) {
            return (role, content);
        }
    }
    (role.unwrap_or_default(), content.unwrap_or_default())
}

#[cfg(test)]
mod tests;
