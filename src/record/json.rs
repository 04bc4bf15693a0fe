//! One JSON object on one line, written straight into a byte buffer.
//!
//! By hand because the access line is on every request's path: no intermediate value, no allocation beyond
//! the buffer. Whatever the text, the line stays one line: every control character is escaped.

use std::time::{Duration, SystemTime};

use jiff::fmt::temporal::DateTimePrinter;
use jiff::Timestamp;

/// RFC 3339 in UTC with milliseconds, as in all our files.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// An object being written; [`Object::end`] closes it and the line.
///
/// Keys are written as they are: they are our own words.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    /// Opens an object at the end of `out`.
    pub fn begin(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, first: true }
    }

    /// Closes the object and ends the line.
    pub fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }

    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(self.out, value);
    }

    pub fn text_or_null(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.null(key),
        }
    }

    pub fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        write_number(self.out, value);
    }

    pub fn number_or_null(&mut self, key: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(key, value),
            None => self.null(key),
        }
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.key(key);
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(word);
    }

    pub fn flag_or_null(&mut self, key: &str, value: Option<bool>) {
        match value {
            Some(value) => self.flag(key, value),
            None => self.null(key),
        }
    }

    /// Seconds with six decimals, rounded to the nearest microsecond.
    pub fn seconds_or_null(&mut self, key: &str, value: Option<Duration>) {
        match value {
            Some(value) => {
                self.key(key);
                write_seconds(self.out, value);
            }
            None => self.null(key),
        }
    }

    /// A point in time; null when no calendar has it.
    pub fn time(&mut self, key: &str, value: SystemTime) {
        self.key(key);
        match Timestamp::try_from(value) {
            Ok(time) => {
                self.out.push(b'"');
                // Writing to a Vec can't fail.
                let _ = PRINTER.print_timestamp(&time, &mut *self.out);
                self.out.push(b'"');
            }
            Err(_) => self.out.extend_from_slice(b"null"),
        }
    }

    /// A list of objects, each written by `each`.
    pub fn objects<T>(&mut self, key: &str, items: &[T], each: impl Fn(&T, &mut Object)) {
        self.key(key);
        self.out.push(b'[');
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            let mut object = Object::begin(self.out);
            each(item, &mut object);
            self.out.push(b'}');
        }
        self.out.push(b']');
    }

    fn null(&mut self, key: &str) {
        self.key(key);
        self.out.extend_from_slice(b"null");
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// `time` as RFC 3339 in UTC with milliseconds; empty when no calendar has it.
pub fn rfc3339(time: SystemTime) -> String {
    Timestamp::try_from(time)
        .map(|time| PRINTER.timestamp_to_string(&time))
        .unwrap_or_default()
}

fn write_string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let mut plain = value.as_bytes();
    while let Some(at) = plain.iter().position(|&byte| must_escape(byte)) {
        let (before, rest) = plain.split_at(at);
        out.extend_from_slice(before);
        let Some((&byte, rest)) = rest.split_first() else {
            break;
        };
        write_escaped(out, byte);
        plain = rest;
    }
    out.extend_from_slice(plain);
    out.push(b'"');
}

/// What JSON asks for (RFC 8259 section 7), and DEL, which terminals act upon.
fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f
}

fn write_escaped(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte & 0xf].map(hex_digit));
        }
    }
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + (nibble - 10),
    }
}

fn write_number(out: &mut Vec<u8>, mut value: u64) {
    // 20 digits hold the largest u64.
    let mut digits = [0_u8; 20];
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

fn write_seconds(out: &mut Vec<u8>, value: Duration) {
    let rounded = value.saturating_add(Duration::from_nanos(500));
    write_number(out, rounded.as_secs());
    let mut micros = rounded.subsec_micros();
    let mut decimals = [b'0'; 6];
    for digit in decimals.iter_mut().rev() {
        *digit = b'0' + (micros % 10) as u8;
        micros /= 10;
    }
    out.push(b'.');
    out.extend_from_slice(&decimals);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Object)) -> String {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        write(&mut object);
        object.end();
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_stays_one_line_and_reads_back(text in any::<String>()) {
            let line = written(|object| object.text("t", &text));
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(value["t"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn any_number_reads_back(number in any::<u64>()) {
            let line = written(|object| object.number("n", number));
            prop_assert_eq!(line, format!("{{\"n\":{number}}}\n"));
        }

        #[test]
        fn seconds_are_off_by_half_a_microsecond_at_most(nanos in 0_u64..1_000_000_000_000) {
            let line = written(|object| object.seconds_or_null("s", Some(Duration::from_nanos(nanos))));
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            let micros = (value["s"].as_f64().unwrap() * 1e6).round() as u64;
            prop_assert_eq!(micros, (nanos + 500) / 1000);
        }
    }

    #[test]
    fn rounding_carries_into_the_whole_second() {
        let almost = Duration::new(1, 999_999_600);
        assert_eq!(
            written(|object| object.seconds_or_null("s", Some(almost))),
            "{\"s\":2.000000}\n"
        );
    }

    #[test]
    fn the_longest_duration_does_not_overflow() {
        let line = written(|object| object.seconds_or_null("s", Some(Duration::MAX)));
        assert_eq!(line, "{\"s\":18446744073709551615.999999}\n");
    }

    #[test]
    fn time_is_utc_with_milliseconds() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_006);
        assert_eq!(rfc3339(time), "2026-01-02T03:04:05.006Z");
        assert_eq!(
            written(|object| object.time("ts", time)),
            "{\"ts\":\"2026-01-02T03:04:05.006Z\"}\n"
        );
    }

    #[test]
    fn a_time_that_no_calendar_has_is_null() {
        let Some(absurd) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 60)) else {
            return; // This platform's clock can't hold it, then nobody can ask for it either.
        };
        assert_eq!(
            written(|object| object.time("ts", absurd)),
            "{\"ts\":null}\n"
        );
    }
}
