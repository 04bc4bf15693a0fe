//! Takes one server-sent event apart: its name and its data, borrowed where one line holds all of it.

use std::borrow::Cow;

/// The two fields that matter here; `id` and `retry` pass by unread.
#[derive(Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    pub name: Option<&'a [u8]>,
    /// None for an event that holds comments only.
    pub data: Option<Cow<'a, [u8]>>,
}

/// Reads the fields of one event as [`super::Splitter`] cuts it.
pub fn fields(raw: &[u8]) -> Fields<'_> {
    let mut fields = Fields {
        name: None,
        data: None,
    };
    let mut rest = raw;
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        if let Some(value) = field(line, b"data") {
            fields.data = Some(match fields.data.take() {
                None => Cow::Borrowed(value),
                Some(before) => Cow::Owned([before.as_ref(), b"\n", value].concat()),
            });
        } else if let Some(value) = field(line, b"event") {
            fields.name = Some(value);
        }
    }
    fields
}

/// The data of one event; empty for comments.
pub fn data_of(raw: &[u8]) -> Vec<u8> {
    fields(raw).data.map(Cow::into_owned).unwrap_or_default()
}

/// The value of the line if its field is `name`; one space after the colon belongs to neither.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let after = line.strip_prefix(name)?;
    let value = match after.split_first() {
        None => after,
        Some((b':', value)) => value,
        Some(_) => return None,
    };
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_lines_are_joined_and_comments_are_none() {
        let joined = fields(b"event: x\r\ndata: a\r\ndata:b\r\n\r\n");
        assert_eq!(joined.name, Some(&b"x"[..]));
        assert_eq!(joined.data.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(fields(b": keep-alive\n\n").data, None);
        assert_eq!(fields(b"database: x\n\n").data, None);
    }
}
