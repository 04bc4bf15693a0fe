//! Walks into a value that [`scan()`](super::scan()) has passed, as far as somebody looks and no further.
//!
//! What a walk hands out **begins with a value and goes on to the end of the document**: where a value ends is found out only
//! when the next one is asked for. So a look at the beginning of a long conversation costs what is looked at. Nothing is
//! checked a second time: of bytes that are no JSON after all a walk shows something and ends.

/// The items of an array; none of any other value.
pub fn items(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut walk = Walk::into(array, b"[");
    std::iter::from_fn(move || walk.next())
}

/// The members of an object: the key with its quotes and nothing behind it, and the value; none of any other value.
pub fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut walk = Walk::into(object, b"{");
    std::iter::from_fn(move || {
        let at_key = walk.next()?;
        let (key, behind) = at_key.split_at_checked(string_length(at_key)?)?;
        let value = behind.trim_ascii_start().strip_prefix(b":")?;
        walk.rest = value.trim_ascii_start();
        Some((key, walk.rest))
    })
}

/// The first `most` bytes of a string as it is written, without its quotes; none of any other value.
pub fn text(value: &[u8], most: usize) -> Option<&[u8]> {
    let inside = value.strip_prefix(b"\"")?;
    let looked_at = value.get(..most.saturating_add(2)).unwrap_or(value);
    // Without an end in sight it is longer.
    let length = string_length(looked_at).map_or(most, |length| length - 2);
    Some(inside.get(..length).unwrap_or(inside))
}

/// The tokens of a value, without the white space between them.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    let mut depth = 0_usize;
    let mut ended = false;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let (token, behind) = rest.split_at_checked(token_length(rest)?)?;
        match token.first()? {
            _ if ended => return None,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        ended = depth == 0;
        rest = behind;
        Some(token)
    })
}

/// A place inside an array or object.
struct Walk<'a> {
    /// Begins inside the bracket, or with the value that was handed out last.
    rest: &'a [u8],
    /// Nothing has been handed out yet.
    fresh: bool,
}

impl<'a> Walk<'a> {
    fn into(value: &'a [u8], bracket: &[u8]) -> Walk<'a> {
        let inside = value.trim_ascii_start().strip_prefix(bracket);
        Walk {
            rest: inside.unwrap_or_default(),
            fresh: true,
        }
    }

    /// Moves to the next item or key, if there is one; once there is none, there is none any more.
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = std::mem::take(&mut self.rest);
        let next = if std::mem::take(&mut self.fresh) {
            rest
        } else {
            let behind = rest.get(value_length(rest)?..)?;
            behind.trim_ascii_start().strip_prefix(b",")?
        };
        let next = next.trim_ascii_start();
        if matches!(next.first()?, b']' | b'}') {
            return None;
        }
        self.rest = next;
        Some(next)
    }
}

/// How long the value is that begins here; none where it doesn't end.
fn value_length(value: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        let rest = value.get(at..)?;
        match rest.first()? {
            b'"' => at += string_length(rest)?,
            b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ if depth == 0 => at += token_length(rest)?,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// How long the token is that begins here, at least one byte.
fn token_length(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'"' => string_length(rest),
        b'[' | b']' | b'{' | b'}' | b',' | b':' => Some(1),
        _ => Some(rest.iter().position(ends_a_word).unwrap_or(rest.len())),
    }
}

/// Whether a byte can't stand inside a number, `true`, `false` or `null`.
fn ends_a_word(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'[' | b']' | b'{' | b'}' | b',' | b':')
}

/// How long the string is that begins here, with its quotes.
///
/// Hops from quote to quote: one that isn't the end has an odd number of backslashes before it.
fn string_length(string: &[u8]) -> Option<usize> {
    let mut from = 1;
    loop {
        let at = from + memchr::memchr(b'"', string.get(from..)?)?;
        let before = string.get(..at)?.iter().rev();
        let backslashes = before.take_while(|byte| **byte == b'\\').count();
        from = at + 1;
        if backslashes % 2 == 0 {
            return Some(from);
        }
    }
}

#[cfg(test)]
mod tests;
