//! Checks a whole JSON document and notes where its top-level members stand.
//!
//! The body goes upstream byte for byte, so what passes here must mean the same to every server: the scan
//! never repairs and never skips. It allocates nothing but the list of members and keeps its depth in one
//! word, so that no nesting can exhaust a stack.

use super::cursor::{Cursor, Malformed, Span, Why};

/// Deepest nesting that is accepted, as in most servers' own parsers.
pub const MAX_DEPTH: u32 = u128::BITS;
/// Most keys a top-level object may have: no real request has a fifth of it, and 32 MiB of `"":0,` would need
/// a list many times its own size.
pub const MAX_MEMBERS: usize = 512;

/// Room for the keys of an ordinary request, so that the list is allocated once.
const USUAL_MEMBERS: usize = 16;

/// A document that is valid JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// What the top-level value is.
    pub kind: Kind,
    /// Where it stands, white space around it left out.
    pub value: Span,
    /// Its members in the order of the document, duplicates included; empty unless it is an object.
    pub members: Vec<Member>,
}

/// One `"key": value` of the top-level object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The key, with its quotes and as written.
    pub key: Span,
    pub value: Span,
    pub kind: Kind,
}

/// The seven things a JSON value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Checks a document against RFC 8259 (and see [`Why`]), to its last byte.
pub fn scan(document: &[u8]) -> Result<Scanned, Malformed> {
    // Once for everything: outside of strings only ASCII passes the grammar anyway.
    if let Err(error) = std::str::from_utf8(document) {
        return Err(Malformed {
            at: error.valid_up_to(),
            why: Why::NotUtf8,
        });
    }
    Scanner::new(document).document()
}

struct Scanner<'a> {
    cursor: Cursor<'a>,
    /// How many containers are open.
    depth: u32,
    /// A bit for each open container, the innermost lowest: 1 is an object.
    objects: u128,
    /// Nothing of the innermost container has been read yet.
    fresh: bool,
    /// The top-level member whose value is being read.
    member: Option<Member>,
    members: Vec<Member>,
}

impl<'a> Scanner<'a> {
    fn new(document: &'a [u8]) -> Self {
        Scanner {
            cursor: Cursor::new(document),
            depth: 0,
            objects: 0,
            fresh: false,
            member: None,
            members: Vec::new(),
        }
    }

    fn document(mut self) -> Result<Scanned, Malformed> {
        self.cursor.skip_space();
        let start = self.cursor.at;
        let kind = self.value()?;
        if kind == Kind::Object {
            self.members.reserve_exact(USUAL_MEMBERS);
        }
        while self.depth > 0 {
            self.advance()?;
        }
        let value = Span {
            start,
            end: self.cursor.at,
        };
        self.cursor.skip_space();
        if self.cursor.byte().is_some() {
            return Err(self.cursor.refuse(Why::TrailingBytes));
        }
        Ok(Scanned {
            kind,
            value,
            members: self.members,
        })
    }

    /// One step inside the innermost container: past its end, or past its next value (of an array or
    /// object: into it).
    fn advance(&mut self) -> Result<(), Malformed> {
        self.cursor.skip_space();
        let in_object = self.objects & 1 == 1;
        if self.cursor.take(if in_object { b'}' } else { b']' }) {
            self.close();
            return Ok(());
        }
        if !self.fresh {
            self.cursor.expect(b',')?;
            self.cursor.skip_space();
        }
        self.fresh = false;
        if in_object {
            self.key()?;
        }
        self.value().map(drop)
    }

    /// Past a key and its colon, up to its value.
    fn key(&mut self) -> Result<(), Malformed> {
        let start = self.cursor.at;
        self.cursor.string()?;
        let key = Span {
            start,
            end: self.cursor.at,
        };
        self.cursor.skip_space();
        self.cursor.expect(b':')?;
        self.cursor.skip_space();
        if self.depth == 1 {
            if self.members.len() == MAX_MEMBERS {
                return Err(self.cursor.refuse(Why::TooManyKeys));
            }
            self.member = Some(Member {
                key,
                value: Span::empty(self.cursor.at),
                kind: Kind::Null,
            });
        }
        Ok(())
    }

    /// Past a simple value, or just into an array or object.
    fn value(&mut self) -> Result<Kind, Malformed> {
        let kind = match self.cursor.byte() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            Some(b'n') => Kind::Null,
            _ => return Err(self.cursor.unexpected()),
        };
        if self.depth == 1 {
            if let Some(member) = &mut self.member {
                member.kind = kind;
            }
        }
        match kind {
            Kind::Object | Kind::Array => {
                self.open(kind)?;
                return Ok(kind);
            }
            Kind::String => self.cursor.string()?,
            Kind::Number => self.cursor.number()?,
            Kind::True => self.cursor.literal(b"true")?,
            Kind::False => self.cursor.literal(b"false")?,
            Kind::Null => self.cursor.literal(b"null")?,
        }
        self.value_ended();
        Ok(kind)
    }

    fn open(&mut self, kind: Kind) -> Result<(), Malformed> {
        if self.depth == MAX_DEPTH {
            return Err(self.cursor.refuse(Why::TooDeep));
        }
        self.cursor.at += 1;
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(kind == Kind::Object);
        self.fresh = true;
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
        self.fresh = false;
        self.value_ended();
    }

    fn value_ended(&mut self) {
        if self.depth == 1 {
            if let Some(mut member) = self.member.take() {
                member.value.end = self.cursor.at;
                self.members.push(member);
            }
        }
    }
}

#[cfg(test)]
mod tests;
