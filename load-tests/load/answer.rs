//! Reads one HTTP/1.1 answer as it comes, by its length or in chunks.

use crate::Fallible;

/// The decoded answer so far.
pub struct Answer {
    input: Vec<u8>,
    /// How far `input` has been decoded.
    at: usize,
    state: State,
    pub status: u16,
    pub body: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Head,
    /// So many bytes are missing.
    Length(usize),
    ChunkSize,
    /// So many bytes of a chunk, its line end included, are missing.
    Chunk(usize),
    LastLine,
    Done,
}

const LINE_END: usize = 2;

impl Answer {
    pub fn new() -> Answer {
        Answer {
            input: Vec::with_capacity(16 * 1024),
            at: 0,
            state: State::Head,
            status: 0,
            body: Vec::with_capacity(16 * 1024),
        }
    }

    /// For the next answer on the same connection.
    pub fn clear(&mut self) {
        self.input.clear();
        self.at = 0;
        self.state = State::Head;
        self.status = 0;
        self.body.clear();
    }

    /// Where the connection's bytes go; then call [`Answer::decode`].
    pub fn input(&mut self) -> &mut Vec<u8> {
        &mut self.input
    }

    /// Takes in what has come; true once the answer is whole.
    pub fn decode(&mut self) -> Fallible<bool> {
        while self.step()? {}
        if self.state == State::Done && self.at < self.input.len() {
            return Err("bytes behind the answer's end".to_owned());
        }
        Ok(self.state == State::Done)
    }

    /// One step on; false when more bytes are needed.
    fn step(&mut self) -> Fallible<bool> {
        match self.state {
            State::Head => self.head(),
            State::Length(0) => {
                self.state = State::Done;
                Ok(false)
            }
            State::Length(missing) => {
                let taken = self.take(missing);
                self.state = State::Length(missing - taken);
                Ok(taken > 0)
            }
            State::ChunkSize => self.chunk_size(),
            State::Chunk(missing) => Ok(self.chunk(missing)),
            State::LastLine => {
                let Some(line) = self.line() else {
                    return Ok(false);
                };
                if !line.is_empty() {
                    return Err("a trailer".to_owned());
                }
                self.state = State::Done;
                Ok(false)
            }
            State::Done => Ok(false),
        }
    }

    fn head(&mut self) -> Fallible<bool> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let length = match head.parse(&self.input) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(false),
            Err(error) => return Err(format!("the answer's head: {error}")),
        };
        self.status = head.code.unwrap_or_default();
        let value = |name: &str| {
            let found = head
                .headers
                .iter()
                .find(|h| h.name.eq_ignore_ascii_case(name));
            found.and_then(|header| std::str::from_utf8(header.value).ok())
        };
        self.state = match (value("transfer-encoding"), value("content-length")) {
            (Some("chunked"), None) => State::ChunkSize,
            (None, Some(length)) => {
                State::Length(length.parse().map_err(|_| "an unreadable length")?)
            }
            _ => return Err("neither a length nor chunks".to_owned()),
        };
        self.at = length;
        Ok(true)
    }

    fn chunk_size(&mut self) -> Fallible<bool> {
        let Some(line) = self.line() else {
            return Ok(false);
        };
        let size = std::str::from_utf8(line)
            .ok()
            .and_then(|text| usize::from_str_radix(text, 16).ok())
            .ok_or("an unreadable chunk size")?;
        self.state = match size {
            0 => State::LastLine,
            _ => State::Chunk(size + LINE_END),
        };
        Ok(true)
    }

    fn chunk(&mut self, missing: usize) -> bool {
        if missing > LINE_END {
            let taken = self.take(missing - LINE_END);
            self.state = State::Chunk(missing - taken);
            return taken > 0;
        }
        let taken = missing.min(self.input.len() - self.at);
        self.at += taken;
        self.state = match missing - taken {
            0 => State::ChunkSize,
            left => State::Chunk(left),
        };
        taken > 0
    }

    /// Moves at most `count` bytes into the body and says how many.
    fn take(&mut self, count: usize) -> usize {
        let rest = self.input.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).unwrap_or(rest);
        self.body.extend_from_slice(taken);
        self.at += taken.len();
        taken.len()
    }

    /// The next line without its end, once it is here.
    fn line(&mut self) -> Option<&[u8]> {
        let start = self.at;
        let end = memchr::memmem::find(self.input.get(start..)?, b"\r\n")? + start;
        self.at = end + LINE_END;
        self.input.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], step: usize) -> Vec<u8> {
        let mut answer = Answer::new();
        let mut done = false;
        for piece in bytes.chunks(step) {
            assert!(!done);
            answer.input().extend_from_slice(piece);
            done = answer.decode().unwrap();
        }
        assert!(done);
        assert_eq!(answer.status, 200);
        answer.body
    }

    #[test]
    fn any_split_gives_the_same_body() {
        let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(read(plain, step), b"hello");
            assert_eq!(read(chunked, step), b"hello");
        }
    }

    #[test]
    fn what_follows_an_answer_is_a_mistake() {
        let mut answer = Answer::new();
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab";
        answer.input().extend_from_slice(bytes);
        assert!(answer.decode().is_err());
    }
}
