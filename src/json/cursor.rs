//! Reads one JSON token after the other, as strictly as RFC 8259 and the strictest server behind us.
//!
//! Stricter than the RFC's grammar in two places, because servers disagree there: a lone surrogate
//! (`"\ud83d"`, what is left of an emoji cut in half) and a number beyond the range of a double (`1e999`)
//! are refused.

use super::text::special;

/// A number with fewer characters than this and no exponent is always inside the range of a double (about
/// 1.8e308).
const SURELY_FINITE: usize = 300;
/// `\uXXXX`.
const UNICODE_ESCAPE: usize = 6;

/// A range of bytes of a document; unlike `Range`, it can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// No bytes, at this place.
    pub fn empty(at: usize) -> Self {
        Span { start: at, end: at }
    }

    /// These bytes of `document`; nothing when the span is of another, shorter one.
    pub fn of(self, document: &[u8]) -> &[u8] {
        document.get(self.start..self.end).unwrap_or_default()
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Why a document is refused, and the offset of the byte where that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// For logs only: it says something about a document that is not ours to describe.
    pub at: usize,
    pub why: Why,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    NotUtf8,
    UnexpectedByte,
    UnexpectedEnd,
    TrailingBytes,
    ControlCharacter,
    BadEscape,
    LoneSurrogate,
    BadNumber,
    NumberTooLarge,
    TooDeep,
    TooManyKeys,
}

impl Why {
    /// A fragment that reads well after "the body is not JSON: ".
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NotUtf8 => "it is not UTF-8",
            Why::UnexpectedByte => "a character stands where none like it may",
            Why::UnexpectedEnd => "it ends too early",
            Why::TrailingBytes => "something follows after its end",
            Why::ControlCharacter => "a string holds a control character that is not escaped",
            Why::BadEscape => "a string holds an unknown escape",
            Why::LoneSurrogate => "a string holds half of a surrogate pair (an emoji cut in two?)",
            Why::BadNumber => "a number is malformed",
            Why::NumberTooLarge => "a number is too large",
            Why::TooDeep => "it is nested too deeply",
            Why::TooManyKeys => "it has too many keys at the top",
        }
    }
}

/// A place in a document, moved over one token at a time.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    document: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(document: &'a [u8]) -> Self {
        Cursor { document, at: 0 }
    }

    /// The byte here, none at the end.
    pub fn byte(&self) -> Option<u8> {
        self.document.get(self.at).copied()
    }

    pub fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// Moves past `byte` if it stands here.
    pub fn take(&mut self, byte: u8) -> bool {
        let here = self.byte() == Some(byte);
        self.at += usize::from(here);
        here
    }

    pub fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.take(byte) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    /// Past a string that begins here.
    pub fn string(&mut self) -> Result<(), Malformed> {
        self.expect(b'"')?;
        loop {
            let Some(plain) = special(self.rest()) else {
                self.at = self.document.len();
                return Err(self.unexpected());
            };
            self.at += plain;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.refuse(Why::ControlCharacter)),
            }
        }
    }

    /// Past a number that begins here.
    pub fn number(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        let exponent = self.take(b'e') || self.take(b'E');
        if exponent {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        if (exponent || self.at - start > SURELY_FINITE) && !self.is_finite(start) {
            return Err(self.refuse(Why::NumberTooLarge));
        }
        Ok(())
    }

    /// Past `true`, `false` or `null`.
    pub fn literal(&mut self, word: &'static [u8]) -> Result<(), Malformed> {
        word.iter().try_for_each(|&byte| self.expect(byte))
    }

    pub fn refuse(&self, why: Why) -> Malformed {
        Malformed { at: self.at, why }
    }

    /// The byte here has no place here, or there is none.
    pub fn unexpected(&self) -> Malformed {
        match self.byte() {
            Some(_) => self.refuse(Why::UnexpectedByte),
            None => self.refuse(Why::UnexpectedEnd),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.document.get(self.at..).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.document.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.refuse(Why::BadEscape)),
        }
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), Malformed> {
        match self.code_unit(self.at) {
            None => return Err(self.refuse(Why::BadEscape)),
            Some(0xdc00..=0xdfff) => return Err(self.refuse(Why::LoneSurrogate)),
            Some(0xd800..=0xdbff) => {
                let Some(0xdc00..=0xdfff) = self.code_unit(self.at + UNICODE_ESCAPE) else {
                    return Err(self.refuse(Why::LoneSurrogate));
                };
                self.at += 2 * UNICODE_ESCAPE;
            }
            Some(_) => self.at += UNICODE_ESCAPE,
        }
        Ok(())
    }

    /// The value of the `\uXXXX` at an offset, none where there is no such escape.
    fn code_unit(&self, at: usize) -> Option<u32> {
        let escape = self.document.get(at..)?.first_chunk::<UNICODE_ESCAPE>()?;
        let digits = escape.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, &digit| {
            Some(unit * 16 + char::from(digit).to_digit(16)?)
        })
    }

    /// One or more digits.
    fn digits(&mut self) -> Result<(), Malformed> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.at += count;
        match (count, self.byte()) {
            (0, None) => Err(self.refuse(Why::UnexpectedEnd)),
            (0, Some(_)) => Err(self.refuse(Why::BadNumber)),
            _ => Ok(()),
        }
    }

    fn is_finite(&self, start: usize) -> bool {
        let number = Span {
            start,
            end: self.at,
        }
        .of(self.document);
        let value = std::str::from_utf8(number)
            .ok()
            .and_then(|number| number.parse::<f64>().ok());
        value.is_some_and(f64::is_finite)
    }
}
