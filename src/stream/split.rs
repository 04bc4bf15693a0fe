//! Cuts a byte stream into server-sent events, however it was split on the way.
//!
//! An event is handed on with the exact bytes that came, its blank line included, and only when it is there as a whole:
//! so half an event never leaves the gateway, and an upstream's error event never leaks its first bytes.

/// One event may be this long. A model's longest events are tool calls and final `responses` objects of some hundred
/// kilobytes; beyond this it is no event stream.
pub const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// The bytes of an event exceed [`MAX_EVENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTooLong;

/// Keeps what has come of the event that isn't complete yet.
#[derive(Debug, Default)]
pub struct Splitter {
    pending: Vec<u8>,
    /// How far `pending` has been searched without finding its end.
    searched: usize,
}

impl Splitter {
    pub fn new() -> Splitter {
        Splitter::default()
    }

    /// Hands each event that `piece` completes to `each`, in order. Stops early when `each` says so.
    pub fn feed(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), EventTooLong> {
        let mut rest = piece;
        if !self.pending.is_empty() {
            self.pending.extend_from_slice(piece);
            let pending = std::mem::take(&mut self.pending);
            let result = self.cut(&pending, self.searched, &mut each);
            self.searched = 0;
            rest = &[];
            let kept = result.unwrap_or(&[]);
            self.keep_tail(pending.len() - kept.len(), pending);
        }
        if !rest.is_empty() {
            let kept = self.cut(rest, 0, &mut each).unwrap_or(&[]);
            self.pending.extend_from_slice(kept);
            self.searched = self.pending.len();
        }
        if self.pending.len() > MAX_EVENT_BYTES {
            return Err(EventTooLong);
        }
        Ok(())
    }

    /// What was left without a blank line when the stream ended; some servers forget it after the last event.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        std::mem::take(&mut self.pending)
    }

    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    fn keep_tail(&mut self, from: usize, mut pending: Vec<u8>) {
        pending.drain(..from);
        self.searched = pending.len();
        self.pending = pending;
    }

    /// Returns the incomplete rest, or none when `each` asked to stop.
    fn cut<'a>(
        &self,
        bytes: &'a [u8],
        searched: usize,
        each: &mut impl FnMut(&[u8]) -> bool,
    ) -> Option<&'a [u8]> {
        let mut rest = bytes;
        // A blank line may have begun in what was searched already: its longest beginning is "\r\n\r".
        let mut from = searched.saturating_sub(3);
        while let Some(end) = end_of_event(rest, from) {
            let (event, after) = rest.split_at(end);
            if !each(event) {
                return None;
            }
            rest = after;
            from = 0;
        }
        Some(rest)
    }
}

/// Where the first event ends: one past its blank line. Lines may end in LF, CRLF or CR (WHATWG HTML, "server-sent events").
fn end_of_event(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = memchr::memchr2(b'\n', b'\r', bytes.get(at..)?)? + at;
        let line_end = after_line_end(bytes, found)?;
        match bytes.get(line_end)? {
            b'\n' => return Some(line_end + 1),
            // A lone CR at the very end may be the first half of CRLF: wait for what follows.
            b'\r' => return after_line_end(bytes, line_end),
            _ => at = line_end,
        }
    }
}

/// One past the line end at `at`, or none while a CR at the end of the input leaves open whether an LF follows.
fn after_line_end(bytes: &[u8], at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'\n') {
        return Some(at + 1);
    }
    match bytes.get(at + 1) {
        Some(b'\n') => Some(at + 2),
        Some(_) => Some(at + 1),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut splitter = Splitter::new();
        let mut events = Vec::new();
        for piece in pieces {
            let fed = splitter.feed(piece, |event| {
                events.push(event.to_vec());
                true
            });
            assert_eq!(fed, Ok(()));
        }
        (events, splitter.take_rest())
    }

    #[test]
    fn events_keep_their_bytes_and_their_blank_line() {
        let (events, rest) = split(&[b"data: a\n\ndata: b\r\n\r\n: c\r\rdata"]);
        assert_eq!(
            events,
            [&b"data: a\n\n"[..], b"data: b\r\n\r\n", b": c\r\r"]
        );
        assert_eq!(rest, b"data");
    }

    #[test]
    fn a_cr_at_the_end_waits_for_its_lf() {
        let (events, rest) = split(&[b"data: a\r\n\r", b"\ndata: b\n\n"]);
        assert_eq!(events, [&b"data: a\r\n\r\n"[..], b"data: b\n\n"]);
        assert!(rest.is_empty());
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut splitter = Splitter::new();
        let piece = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert_eq!(splitter.feed(&piece, |_| true), Err(EventTooLong));
    }

    proptest! {
        #[test]
        fn every_split_gives_the_same_events(
            text in "(data: [a-z]{0,9}(\r\n|\n|\r)|(\r\n|\n|\r)){0,20}",
            cuts in prop::collection::vec(0usize..200, 0..12),
        ) {
            let bytes = text.as_bytes();
            // A CR that ends the input is ambiguous only until more comes; close it so that both readings see the same.
            let mut closed = bytes.to_vec();
            closed.extend_from_slice(b"x");
            let whole = split(&[&closed]);
            let mut at: Vec<usize> = cuts.iter().map(|c| c % closed.len()).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in at {
                pieces.push(&closed[from..cut]);
                from = cut;
            }
            pieces.push(&closed[from..]);
            let pieces: Vec<&[u8]> = pieces.into_iter().filter(|p| !p.is_empty()).collect();
            prop_assert_eq!(split(&pieces), whole);
        }
    }
}
