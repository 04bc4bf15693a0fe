//! What a skim keeps, each with the limit that bounds its memory.

use super::place::Place;

/// The largest `usage` that is kept, in bytes. Real ones have a few hundred.
pub(super) const MAX_USAGE: usize = 16 * 1024;
/// The longest text that is kept, in bytes.
pub(super) const MAX_TEXT: usize = 128;
/// The longest reason that is believed to be one, in bytes.
const MAX_REASON: usize = 64;

/// A short string, or the knowledge that it is none.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    wanted: bool,
}

/// The bytes of one value, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Capture {
    bytes: Vec<u8>,
    /// The depth around the value while it is being read.
    around: Option<usize>,
    whole: bool,
}

#[derive(Debug, Default)]
pub(super) struct Found {
    choice_reason: Option<String>,
    stop_reason: Option<String>,
    incomplete_reason: Option<String>,
    status: Option<String>,
    pub model: Option<String>,
    pub has_error: bool,
}

impl Text {
    pub fn start(&mut self, wanted: bool) {
        self.bytes.clear();
        self.wanted = wanted;
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.wanted &= self.bytes.len() + bytes.len() <= MAX_TEXT;
        if self.wanted {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Something in it can't be kept as it stands.
    pub fn spoil(&mut self) {
        self.wanted = false;
    }

    /// The whole string, if it was wanted, short, and free of escapes.
    pub fn take(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        self.wanted.then_some(text)
    }
}

impl Capture {
    pub fn start(&mut self, around: usize) {
        *self = Capture {
            around: Some(around),
            ..Capture::default()
        };
    }

    /// Whether the value is being read.
    pub fn is_open(&self) -> bool {
        self.around.is_some()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > MAX_USAGE {
            *self = Capture::default();
            return;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// A container was closed, and this many are still open.
    pub fn end(&mut self, depth: usize) {
        if self.around == Some(depth) {
            self.around = None;
            self.whole = true;
        }
    }

    /// The value, if it was small enough and came to its end.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        self.whole.then_some(self.bytes)
    }
}

impl Found {
    pub fn note(&mut self, place: Place, text: &str) {
        let slot = match place {
            Place::FinishReason => &mut self.choice_reason,
            Place::StopReason => &mut self.stop_reason,
            Place::IncompleteReason => &mut self.incomplete_reason,
            Place::Status => &mut self.status,
            Place::Model => {
                self.model = is_name(text).then(|| text.to_owned());
                return;
            }
            Place::Root
            | Place::Choices
            | Place::Choice
            | Place::IncompleteDetails
            | Place::Usage
            | Place::Error
            | Place::Elsewhere => return,
        };
        if slot.is_none() && is_reason(text) {
            *slot = Some(text.to_owned());
        }
    }

    /// The reason that says most.
    pub fn reason(self) -> Option<String> {
        let answer = self.stop_reason.or(self.incomplete_reason).or(self.status);
        self.choice_reason.or(answer)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_reason(text: &str) -> bool {
    (1..=MAX_REASON).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))
}
