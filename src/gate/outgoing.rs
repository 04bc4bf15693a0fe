//! The request on its way to the upstream: Pingora's head and our body, in one write where that is possible.
//!
//! Pingora believes that the request has no body (`content-length: 0`), because it was read and checked long before an
//! upstream was chosen. The length is put right here, in the head's bytes, and the body goes out behind it. Writing is
//! driven by whoever reads the answer: so an upstream that answers or hangs up before it has read everything is noticed,
//! and a stuck one is ended by the attempt's clocks.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use pingora::protocols::Stream;
use tokio::io::AsyncWrite;

/// The line that Pingora wrote, with the end of the line before it: a header's *value* that reads the same isn't it.
const NO_BODY: &[u8] = b"\r\ncontent-length: 0\r\n";

/// A request that isn't written yet.
#[derive(Debug)]
pub struct Outgoing {
    head: Vec<u8>,
    head_complete: bool,
    body: Bytes,
    sent: usize,
}

impl Outgoing {
    pub fn new(body: Bytes) -> Outgoing {
        Outgoing {
            head: Vec::with_capacity(1024),
            head_complete: false,
            body,
            sent: 0,
        }
    }

    /// Takes a piece of the head from Pingora. Nothing leaves before the head is complete.
    pub fn push_head(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.head_complete {
            return Err(io::Error::other("a request body came where there is none"));
        }
        self.head.extend_from_slice(piece);
        if self.head.ends_with(b"\r\n\r\n") {
            self.head_complete = true;
            self.set_length();
        }
        Ok(())
    }

    /// Replaces the length that Pingora knows by the real one.
    fn set_length(&mut self) {
        if self.body.is_empty() {
            return;
        }
        if let Some(at) = find_no_body(&self.head) {
            let line = format!("\r\ncontent-length: {}\r\n", self.body.len());
            self.head.splice(at..at + NO_BODY.len(), line.into_bytes());
        } else {
            let line = format!("content-length: {}\r\n\r\n", self.body.len());
            self.head.truncate(self.head.len() - 2);
            self.head.extend_from_slice(line.as_bytes());
        }
    }

    /// Writes as much as the connection takes; ready when everything is out.
    pub fn poll_send(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.head_complete {
            return Poll::Pending;
        }
        while self.sent < self.head.len() + self.body.len() {
            let head = self.head.get(self.sent..).unwrap_or_default();
            let body = self
                .body
                .get(self.sent.saturating_sub(self.head.len())..)
                .unwrap_or_default();
            let parts = [IoSlice::new(head), IoSlice::new(body)];
            let parts = if head.is_empty() {
                parts.get(1..).unwrap_or_default()
            } else {
                &parts[..]
            };
            match Pin::new(&mut *stream).poll_write_vectored(cx, parts) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => self.sent += written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Pin::new(stream).poll_flush(cx)
    }
}

/// Where the line stands: it was put into the head last, so it is looked for from the end.
fn find_no_body(head: &[u8]) -> Option<usize> {
    let is_it = |at: &usize| {
        let line = head.get(*at..*at + NO_BODY.len());
        line.is_some_and(|line| line.eq_ignore_ascii_case(NO_BODY))
    };
    memchr::memrchr_iter(b'\r', head).find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head_with(body: &'static [u8], head: &[u8]) -> String {
        let mut outgoing = Outgoing::new(Bytes::from_static(body));
        for piece in head.chunks(7) {
            outgoing.push_head(piece).unwrap();
        }
        assert!(outgoing.head_complete);
        String::from_utf8(outgoing.head).unwrap()
    }

    #[test]
    fn the_length_is_put_right() {
        let head = head_with(
            b"four",
            b"POST / HTTP/1.1\r\nContent-Length: 0\r\nHost: a\r\n\r\n",
        );
        assert_eq!(
            head,
            "POST / HTTP/1.1\r\ncontent-length: 4\r\nHost: a\r\n\r\n"
        );
    }

    #[test]
    fn a_value_that_looks_like_the_line_is_left_alone() {
        let head = head_with(
            b"four",
            b"POST / HTTP/1.1\r\nUser-Agent: content-length: 0\r\nContent-Length: 0\r\n\r\n",
        );
        assert_eq!(
            head,
            "POST / HTTP/1.1\r\nUser-Agent: content-length: 0\r\ncontent-length: 4\r\n\r\n"
        );
    }

    #[test]
    fn a_missing_length_is_added() {
        let head = head_with(b"four", b"POST / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(
            head,
            "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\n"
        );
    }

    #[test]
    fn an_empty_body_changes_nothing() {
        let text = b"POST / HTTP/1.1\r\nContent-Length: 0\r\nHost: a\r\n\r\n";
        assert_eq!(head_with(b"", text).as_bytes(), text);
    }
}
