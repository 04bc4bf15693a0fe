//! Where an answer's bytes wait: what is *held* may still be thrown away and asked for again elsewhere, what is *ready* is on
//! its way.

use super::framing::{write_chunk, LAST_CHUNK};
use super::head::{Head, HEARTBEAT_HEAD};

const HEARTBEAT: &[u8] = b": keep-alive\n\n";

/// Buffers larger than this aren't kept for a connection's next answer.
const KEEP_BUFFER: usize = 32 * 1024;

#[derive(Debug, Default)]
pub struct Outbox {
    /// What is added is on its way at once.
    is_open: bool,
    /// Pingora has a head of this attempt, the upstream's or the one of a first heartbeat.
    gave_head: bool,
    held: Vec<u8>,
    /// The length of the upstream's own head at the front of `held`.
    head_length: usize,
    ready: Vec<u8>,
    handed_out: usize,
}

impl Outbox {
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    pub fn gave_head(&self) -> bool {
        self.gave_head
    }

    /// The upstream's head, framed as a body of `length` or as chunks. Not needed any more once a heartbeat brought one.
    pub fn hold_head(&mut self, head: &Head, length: Option<u64>) {
        if !self.gave_head {
            head.write(length, &mut self.held);
            self.head_length = self.held.len();
        }
    }

    /// A piece of the body, framed as a chunk or as it is.
    pub fn add(&mut self, data: &[u8], chunked: bool) {
        let place = if self.is_open {
            &mut self.ready
        } else {
            &mut self.held
        };
        if chunked {
            write_chunk(data, place);
        } else {
            place.extend_from_slice(data);
        }
    }

    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// From here on nothing is held any more.
    pub fn open(&mut self) {
        self.is_open = true;
        self.gave_head = true;
        if self.ready.is_empty() {
            std::mem::swap(&mut self.ready, &mut self.held);
        } else {
            self.ready.extend_from_slice(&self.held);
        }
        self.held = Vec::new();
    }

    /// Throws away what is held.
    pub fn discard(&mut self) {
        self.held = Vec::new();
        self.head_length = 0;
    }

    /// A comment that says that somebody is at work. The first one brings a head of ours: the upstream's own isn't needed
    /// then. (Pingora wants one per attempt; where the client has one already, it is not sent again.)
    pub fn beat(&mut self) {
        if !self.gave_head {
            self.ready.extend_from_slice(HEARTBEAT_HEAD);
            self.held.drain(..self.head_length);
            self.head_length = 0;
            self.gave_head = true;
        }
        write_chunk(HEARTBEAT, &mut self.ready);
    }

    /// Ends a body of chunks.
    pub fn end_chunks(&mut self) {
        self.ready.extend_from_slice(LAST_CHUNK);
    }

    /// Bytes that Pingora may have now.
    pub fn ready(&self) -> &[u8] {
        self.ready.get(self.handed_out..).unwrap_or_default()
    }

    /// Pingora took this many of them.
    pub fn took(&mut self, count: usize) {
        self.handed_out += count;
        if self.handed_out >= self.ready.len() {
            self.handed_out = 0;
            if self.ready.capacity() > KEEP_BUFFER {
                self.ready = Vec::new();
            } else {
                self.ready.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_leaves_when_it_opens_and_never_before() {
        let mut outbox = Outbox::default();
        outbox.add(b"one", false);
        assert!(outbox.ready().is_empty());
        outbox.open();
        outbox.add(b"two", false);
        assert_eq!(outbox.ready(), b"onetwo");
        outbox.took(4);
        assert_eq!(outbox.ready(), b"wo");
        outbox.took(2);
        assert!(outbox.ready().is_empty());
    }

    #[test]
    fn what_is_discarded_never_leaves() {
        let mut outbox = Outbox::default();
        outbox.add(b"one", true);
        outbox.discard();
        outbox.open();
        assert!(outbox.ready().is_empty());
    }

    #[test]
    fn heartbeats_pass_what_is_held() {
        let mut outbox = Outbox::default();
        outbox.add(b"one", true);
        outbox.beat();
        assert!(outbox.ready().starts_with(HEARTBEAT_HEAD));
        let beaten = outbox.ready().len();
        outbox.open();
        assert_eq!(&outbox.ready()[beaten..], b"3\r\none\r\n");
    }
}
