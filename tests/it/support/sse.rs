//! Streamed answers of the four streaming paths, and every way to spoil one.
//!
//! `sse::chat(60)` is a good stream of sixty tokens; each method changes one thing about it. An event index is
//! never needed: places are named by tokens, from 1, as a story would.

use std::time::Duration;

use super::script::{Answer, Step};
use super::wait::Latch;
use super::{canary, plain};

mod sending;
mod shapes;
pub use shapes::{error_event, BROKEN_JSON};

/// How the stream's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framed {
    Chunked,
    CloseDelimited,
    Length,
}

/// What comes after the last event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    /// The framing ends as it should.
    Polite,
    Fin,
    Reset,
    Hang,
}

/// What an event is in the story; decides what the methods below find and remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Opening,
    Token(usize),
    Finish,
    Usage,
    Done,
    Other,
}

#[derive(Debug, Clone)]
struct Item {
    part: Part,
    /// Without its line ends' last one: one whole event or comment.
    text: String,
    /// What happens before it is sent.
    before: Vec<Step>,
}

/// A stream in the making.
#[derive(Debug, Clone)]
pub struct Stream {
    items: Vec<Item>,
    framed: Framed,
    ending: Ending,
    /// Before the head goes out.
    before_head: Vec<Step>,
    gap: Duration,
    split_head: Option<(usize, Duration)>,
    /// Into how many writes each event is split, and the pause between them.
    split_events: Option<(usize, Duration)>,
    crlf: bool,
}

/// `chat/completions`: role, tokens, finish, usage (asked for or not), `[DONE]`.
pub fn chat(tokens: usize) -> Stream {
    Stream::of(shapes::chat(tokens, "t"))
}

/// The same, each token made of `name`, so that a test sees who answered: "A1 A2 …".
pub fn chat_saying(name: &str, tokens: usize) -> Stream {
    Stream::of(shapes::chat(tokens, name))
}

pub fn completions(tokens: usize) -> Stream {
    Stream::of(shapes::completions(tokens, "t"))
}

pub fn responses(tokens: usize) -> Stream {
    Stream::of(shapes::responses(tokens, "t"))
}

pub fn messages(tokens: usize) -> Stream {
    Stream::of(shapes::messages(tokens, "t"))
}

/// No event at all: to be filled with [`Stream::and`].
pub fn empty() -> Stream {
    Stream::of(Vec::new())
}

impl Stream {
    fn of(parts: Vec<(Part, String)>) -> Self {
        let item = |(part, text)| Item {
            part,
            text,
            before: Vec::new(),
        };
        Stream {
            items: parts.into_iter().map(item).collect(),
            framed: Framed::Chunked,
            ending: Ending::Polite,
            before_head: Vec::new(),
            gap: Duration::ZERO,
            split_head: None,
            split_events: None,
            crlf: false,
        }
    }

    // What is in it.

    pub fn without_opening(self) -> Self {
        self.without(Part::Opening)
    }

    pub fn without_usage(self) -> Self {
        self.without(Part::Usage)
    }

    pub fn without_done(self) -> Self {
        self.without(Part::Done)
    }

    pub fn without_finish(self) -> Self {
        self.without(Part::Finish)
    }

    /// The opening (role) event so many times instead of once.
    pub fn openings(mut self, times: usize) -> Self {
        let first = self
            .items
            .iter()
            .find(|item| item.part == Part::Opening)
            .cloned();
        let first = first.expect("a stream with an opening event");
        self.items.splice(0..0, vec![first; times - 1]);
        self
    }

    /// One more event or comment after the n-th token (0: before the first), as it stands on the wire.
    pub fn insert_after_token(mut self, n: usize, text: impl Into<String>) -> Self {
        let at = match n {
            0 => self.position(Part::Token(1)),
            n => self.position(Part::Token(n)) + 1,
        };
        self.items.insert(
            at,
            Item {
                part: Part::Other,
                text: text.into(),
                before: Vec::new(),
            },
        );
        self
    }

    pub fn comment_after_token(self, n: usize, text: &str) -> Self {
        self.insert_after_token(n, format!(": {text}\n\n"))
    }

    /// An event whose data is no JSON.
    pub fn broken_json_after_token(self, n: usize) -> Self {
        self.insert_after_token(n, BROKEN_JSON)
    }

    /// One more event at the end, as it stands on the wire.
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.items.push(Item {
            part: Part::Other,
            text: text.into(),
            before: Vec::new(),
        });
        self
    }

    // When it comes.

    /// A pause before each event but the first.
    pub fn every(mut self, gap: Duration) -> Self {
        self.gap = gap;
        self
    }

    pub fn wait_before_head(mut self, duration: Duration) -> Self {
        self.before_head.push(Step::Wait(duration));
        self
    }

    pub fn hold_before_head(mut self, latch: &Latch) -> Self {
        self.before_head.push(Step::WaitFor(latch.clone()));
        self
    }

    pub fn wait_before_token(self, n: usize, duration: Duration) -> Self {
        self.before_token(n, Step::Wait(duration))
    }

    pub fn hold_before_token(self, n: usize, latch: &Latch) -> Self {
        self.before_token(n, Step::WaitFor(latch.clone()))
    }

    /// Opens the latch when everything before this token has been written.
    pub fn tell_before_token(self, n: usize, latch: &Latch) -> Self {
        self.before_token(n, Step::Open(latch.clone()))
    }

    // How it ends.

    /// Nothing after the n-th token; then a polite end of the framing.
    pub fn end_after_token(mut self, n: usize) -> Self {
        let keep = match n {
            0 => self.position(Part::Token(1)),
            n => self.position(Part::Token(n)) + 1,
        };
        self.items.truncate(keep);
        self
    }

    pub fn cut_after_token(self, n: usize) -> Self {
        self.end_after_token(n).ending(Ending::Fin)
    }

    pub fn reset_after_token(self, n: usize) -> Self {
        self.end_after_token(n).ending(Ending::Reset)
    }

    pub fn hang_after_token(self, n: usize) -> Self {
        self.end_after_token(n).ending(Ending::Hang)
    }

    /// Everything is sent, but the framing's end never comes.
    pub fn hang_at_the_end(self) -> Self {
        self.ending(Ending::Hang)
    }

    // How it is framed.

    pub fn close_delimited(mut self) -> Self {
        self.framed = Framed::CloseDelimited;
        self
    }

    pub fn content_length(mut self) -> Self {
        self.framed = Framed::Length;
        self
    }

    /// CRLF line ends in the events.
    pub fn crlf(mut self) -> Self {
        self.crlf = true;
        self
    }

    /// The head in pieces of so many bytes.
    pub fn split_head(mut self, every: usize, gap: Duration) -> Self {
        self.split_head = Some((every, gap));
        self
    }

    /// Each event, its chunk framing included, in so many writes.
    pub fn split_events(mut self, pieces: usize, gap: Duration) -> Self {
        self.split_events = Some((pieces, gap));
        self
    }

    /// The events as the client should get them, unframed.
    pub fn text(&self) -> String {
        self.items
            .iter()
            .map(|item| self.on_the_wire(item))
            .collect()
    }

    fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    fn without(mut self, part: Part) -> Self {
        self.items.retain(|item| item.part != part);
        self
    }

    fn position(&self, part: Part) -> usize {
        let position = self.items.iter().position(|item| item.part == part);
        position.unwrap_or_else(|| panic!("the stream has no {part:?}"))
    }

    fn before_token(mut self, n: usize, step: Step) -> Self {
        let at = self.position(Part::Token(n));
        self.items[at].before.push(step);
        self
    }

    fn on_the_wire(&self, item: &Item) -> String {
        match self.crlf {
            true => item.text.replace('\n', "\r\n"),
            false => item.text.clone(),
        }
    }
}

impl From<Stream> for Answer {
    fn from(stream: Stream) -> Self {
        stream.answer()
    }
}

impl From<Stream> for super::script::Script {
    fn from(stream: Stream) -> Self {
        stream.answer().into()
    }
}

/// The head of a stream with this further header, for answers built by hand.
pub fn head(header: (&str, &str)) -> String {
    plain::head(200, &[("content-type", "text/event-stream"), header])
}
