//! Reads a plain answer as it passes by, in whatever pieces it comes, and keeps the few values worth knowing.
//!
//! Memory is bounded whatever the upstream sends, and nothing is ever held back for it. It checks the
//! grammar's shape (brackets, commas, keys, strings), which is what tells a whole answer from a cut one;
//! how a number is spelled it leaves to the client. Keys spelled with escapes are not recognised: no server
//! writes them so.

use super::text::special;

mod keep;
mod place;

use keep::{Capture, Found, Text};
use place::Place;

/// Deepest nesting that is followed; an answer beyond it counts as broken.
const MAX_DEPTH: usize = u128::BITS as usize;

/// What was learned from an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skimmed {
    /// The top-level value was closed and nothing but white space came after it.
    pub complete: bool,
    /// The bytes of the top-level `usage` object, where it is no larger than 16 KiB.
    pub usage: Option<Vec<u8>>,
    /// The first of: a choice's `finish_reason`, `stop_reason`, `incomplete_details.reason`, `status`. At
    /// most 64 bytes of `a-z` and `_`; anything else is no reason.
    pub finish_reason: Option<String>,
    /// The top-level `model`, where it is short printable ASCII. The upstream's own word: never for logs or
    /// clients.
    pub model: Option<String>,
    /// There is a top-level `error` that isn't null.
    pub has_error: bool,
}

/// Fed with an answer's bytes; any split of them gives the same result.
#[derive(Debug)]
pub struct Skimmer {
    state: State,
    depth: usize,
    /// A bit for each open container, the innermost lowest: 1 is an object.
    objects: u128,
    /// What the outermost open containers are, by depth.
    containers: [Place; place::DEPTH],
    /// What the value is that is being read, or comes next.
    place: Place,
    /// The string being read is a key.
    in_key: bool,
    /// The string being read, as far as somebody may ask for it.
    text: Text,
    usage: Capture,
    found: Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    FirstItem,
    FirstKey,
    Key,
    Colon,
    AfterValue,
    String,
    Escape,
    /// So many hex digits are missing.
    Hex(u8),
    /// These bytes are missing.
    Literal(&'static [u8]),
    Number,
    Broken,
}

impl Default for Skimmer {
    fn default() -> Self {
        Skimmer::new()
    }
}

impl Skimmer {
    pub fn new() -> Self {
        Skimmer {
            state: State::Value,
            depth: 0,
            objects: 0,
            containers: [Place::Elsewhere; place::DEPTH],
            place: Place::Root,
            in_key: false,
            text: Text::default(),
            usage: Capture::default(),
            found: Found::default(),
        }
    }

    /// Reads the next piece. An answer that is broken stays so.
    pub fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let (Some(&byte), true) = (rest.first(), self.state != State::Broken) {
            let was_open = self.usage.is_open();
            let used = self.step(byte, rest);
            let (read, tail) = rest.split_at_checked(used).unwrap_or((rest, &[]));
            if was_open || self.usage.is_open() {
                self.usage.push(read);
            }
            rest = tail;
        }
    }

    /// Whether the top-level value is closed, with nothing but white space after it so far.
    pub fn is_complete(&self) -> bool {
        // Only its end shows the end of a number, so one alone at the top is complete as it stands.
        self.depth == 0 && matches!(self.state, State::AfterValue | State::Number)
    }

    /// Whether no further bytes can make JSON of it.
    pub fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// What was learned.
    pub fn finish(mut self) -> Skimmed {
        Skimmed {
            complete: self.is_complete(),
            usage: self.usage.into_bytes(),
            has_error: self.found.has_error,
            model: self.found.model.take(),
            finish_reason: self.found.reason(),
        }
    }

    /// Reads what begins with `byte`, the first of `rest`; returns how many bytes of it.
    fn step(&mut self, byte: u8, rest: &[u8]) -> usize {
        match self.state {
            State::String => return self.string(rest),
            State::Number => return self.number(rest),
            State::Escape => self.escape(byte),
            State::Hex(missing) => self.hex(byte, missing),
            State::Literal(missing) => self.literal(byte, missing),
            State::Value
            | State::FirstItem
            | State::FirstKey
            | State::Key
            | State::Colon
            | State::AfterValue => {
                if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                    self.structure(byte);
                }
            }
            State::Broken => {}
        }
        1
    }

    fn structure(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::FirstItem, b']') => self.close(),
            (State::FirstItem, _) => {
                self.place = self.container().item();
                self.begin(byte);
            }
            (State::Value, _) => self.begin(byte),
            (State::FirstKey, b'}') => self.close(),
            (State::FirstKey | State::Key, b'"') => {
                self.in_key = true;
                self.text.start(self.container().has_known_keys());
                self.state = State::String;
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, _) if self.depth > 0 => self.after_value(byte),
            _ => self.state = State::Broken,
        }
    }

    fn after_value(&mut self, byte: u8) {
        match (byte, self.in_object()) {
            (b',', true) => self.state = State::Key,
            (b',', false) => {
                self.place = self.container().item();
                self.state = State::Value;
            }
            (b'}', true) | (b']', false) => self.close(),
            _ => self.state = State::Broken,
        }
    }

    /// The first byte of a value.
    fn begin(&mut self, byte: u8) {
        if self.place == Place::Error {
            self.found.has_error |= byte != b'n';
        }
        match byte {
            b'{' | b'[' => self.open(byte == b'{'),
            b'"' => {
                self.in_key = false;
                self.text.start(self.place.is_text());
                self.state = State::String;
            }
            b'-' | b'0'..=b'9' => self.state = State::Number,
            b't' => self.state = State::Literal(b"rue"),
            b'f' => self.state = State::Literal(b"alse"),
            b'n' => self.state = State::Literal(b"ull"),
            _ => self.state = State::Broken,
        }
    }

    fn open(&mut self, object: bool) {
        if self.depth == MAX_DEPTH {
            self.state = State::Broken;
            return;
        }
        if object && self.place == Place::Usage {
            self.usage.start(self.depth);
        }
        if let Some(container) = self.containers.get_mut(self.depth) {
            *container = self.place;
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.state = if object {
            State::FirstKey
        } else {
            State::FirstItem
        };
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.state = State::AfterValue;
        self.usage.end(self.depth);
    }

    fn string(&mut self, rest: &[u8]) -> usize {
        let plain = special(rest).unwrap_or(rest.len());
        self.text.push(rest.get(..plain).unwrap_or_default());
        match rest.get(plain) {
            None => return plain,
            Some(b'"') => self.string_ended(),
            Some(b'\\') => {
                self.text.spoil();
                self.state = State::Escape;
            }
            Some(_) => self.state = State::Broken,
        }
        plain + 1
    }

    fn string_ended(&mut self) {
        let text = self.text.take();
        if self.in_key {
            self.place = text.map_or(Place::Elsewhere, |text| self.container().member(text));
            self.state = State::Colon;
            return;
        }
        if let Some(text) = text {
            self.found.note(self.place, text);
        }
        self.state = State::AfterValue;
    }

    fn escape(&mut self, byte: u8) {
        self.state = match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::String,
            b'u' => State::Hex(4),
            _ => State::Broken,
        };
    }

    fn hex(&mut self, byte: u8, missing: u8) {
        self.state = match (byte.is_ascii_hexdigit(), missing) {
            (false, _) => State::Broken,
            (true, 0 | 1) => State::String,
            (true, _) => State::Hex(missing - 1),
        };
    }

    fn literal(&mut self, byte: u8, missing: &'static [u8]) {
        self.state = match missing.split_first() {
            Some((&next, [])) if next == byte => State::AfterValue,
            Some((&next, tail)) if next == byte => State::Literal(tail),
            _ => State::Broken,
        };
    }

    fn number(&mut self, rest: &[u8]) -> usize {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        match rest.iter().position(|byte| !is_part(byte)) {
            None => rest.len(),
            Some(length) => {
                self.state = State::AfterValue;
                length
            }
        }
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    /// What the innermost open container is.
    fn container(&self) -> Place {
        let place = self
            .depth
            .checked_sub(1)
            .and_then(|level| self.containers.get(level));
        place.copied().unwrap_or(Place::Elsewhere)
    }
}

#[cfg(test)]
mod tests;
