//! A handful of changes to a body, and the copy that has them.
//!
//! They are gathered without allocating; the one allocation is the copy, and its size is known before it is
//! made.

use std::fmt::{self, Write};

use bytes::Bytes;

use crate::json::{Quoted, Span};
use crate::route::keys::Key;

/// Model, two limits and llama.cpp's own, usage, service tier, and one to spare.
const MOST_PATCHES: usize = 7;

/// The changes of one body. None of them may overlap another.
pub struct Patches<'a> {
    list: [Option<Patch<'a>>; MOST_PATCHES],
    count: usize,
    /// Where new members go, right behind the opening brace.
    front: usize,
    /// How many of the body's own members stay.
    members: usize,
}

/// Some bytes and what stands there afterwards.
#[derive(Clone, Copy)]
struct Patch<'a> {
    place: Span,
    /// The value is a new member under this key.
    key: Option<Key>,
    value: Value<'a>,
    /// A comma follows.
    comma: bool,
}

/// What is put into a body.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Nothing,
    /// As it stands.
    Json(&'static str),
    Number(u64),
    /// As a JSON string.
    Text(&'a str),
}

impl<'a> Patches<'a> {
    /// No changes, to an object that begins before `front` and has so many members.
    pub fn new(front: usize, members: usize) -> Self {
        Patches {
            list: [None; MOST_PATCHES],
            count: 0,
            front,
            members,
        }
    }

    pub fn replace(&mut self, place: Span, value: Value<'a>) {
        self.push(Patch {
            place,
            key: None,
            value,
            comma: false,
        });
    }

    pub fn insert_member(&mut self, key: Key, value: Value<'a>) {
        let place = Span::empty(self.front);
        self.push(Patch {
            place,
            key: Some(key),
            value,
            comma: true,
        });
    }

    /// Leaves out a member; the place has one of the commas beside it.
    pub fn remove_member(&mut self, place: Span) {
        self.members = self.members.saturating_sub(1);
        self.replace(place, Value::Nothing);
    }

    /// The body with all of them; the very same one where there are none.
    pub fn apply(mut self, body: &Bytes) -> Bytes {
        if self.count == 0 {
            return body.clone();
        }
        self.sort();
        self.take_last_comma();
        let mut output = Output(Vec::with_capacity(self.size(body)));
        let mut at = 0;
        for patch in self.list.iter().flatten() {
            let untouched = Span {
                start: at,
                end: patch.place.start,
            };
            output.0.extend_from_slice(untouched.of(body));
            write_to(&mut output, patch);
            at = patch.place.end;
        }
        output
            .0
            .extend_from_slice(body.get(at..).unwrap_or_default());
        Bytes::from(output.0)
    }

    fn push(&mut self, patch: Patch<'a>) {
        debug_assert!(self.count < MOST_PATCHES, "there is a new kind of edit");
        if let Some(place) = self.list.get_mut(self.count) {
            *place = Some(patch);
            self.count += 1;
        }
    }

    /// In the body's order; an insertion goes before a removal that starts at the same byte.
    fn sort(&mut self) {
        let after_all = (usize::MAX, usize::MAX);
        let order = |patch: Patch<'_>| (patch.place.start, patch.place.end);
        self.list
            .sort_by_key(|patch| patch.map_or(after_all, order));
    }

    /// The last new member has no comma where none of the body's own follows.
    fn take_last_comma(&mut self) {
        if self.members > 0 {
            return;
        }
        let new_members = self
            .list
            .iter_mut()
            .flatten()
            .filter(|patch| patch.key.is_some());
        if let Some(last) = new_members.last() {
            last.comma = false;
        }
    }

    fn size(&self, body: &[u8]) -> usize {
        let mut size = Size(0);
        let mut removed = 0;
        for patch in self.list.iter().flatten() {
            write_to(&mut size, patch);
            removed += patch.place.len();
        }
        (body.len() + size.0).saturating_sub(removed)
    }
}

impl fmt::Display for Patch<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = self.key {
            write!(out, "\"{}\":", key.as_str())?;
        }
        match self.value {
            Value::Nothing => {}
            Value::Json(json) => out.write_str(json)?,
            Value::Number(number) => write!(out, "{number}")?,
            Value::Text(text) => write!(out, "{}", Quoted(text))?,
        }
        out.write_str(if self.comma { "," } else { "" })
    }
}

/// Counts what would be written, in bytes.
struct Size(usize);

/// Keeps what is written. A `String` would have to be told that the body is UTF-8.
struct Output(Vec<u8>);

impl Write for Size {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Both writers take everything, so there is no error to report.
fn write_to(out: &mut impl Write, patch: &Patch<'_>) {
    let _always_ok = write!(out, "{patch}");
}
