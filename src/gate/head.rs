//! The head of an upstream's answer: read once, written anew with framing of our own.

use super::framing::Framing;

/// An answer's head may be this long; servers send a few hundred bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;

/// Not HTTP/1, or framing that two readers could understand differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// What kind of body follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    EventStream,
    Html,
    Other,
}

/// A final head, taken apart.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    pub content: Content,
    pub framing: Framing,
    /// The server keeps the connection open afterwards.
    pub keep_alive: bool,
    /// The body is compressed although we asked for `identity`.
    pub encoded: bool,
    /// The header lines that may be passed on: all but framing and connection.
    lines: Vec<u8>,
}

/// The named header's value, for error answers.
pub fn header_value<'a>(raw: &'a [u8], name: &str) -> Option<&'a str> {
    raw.split(|&b| b == b'\n').find_map(|line| {
        let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Reads a head from the front of `bytes`: none while it isn't complete; else with its length.
///
/// Interim answers (1xx) are heads too: the caller drops them, they are nothing the client asked for.
pub fn read(bytes: &[u8]) -> Result<Option<(Head, usize)>, Broken> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() <= MAX_HEAD_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Broken),
    };
    let status = response.code.ok_or(Broken)?;
    let mut fields = Fields::default();
    for header in response.headers.iter() {
        fields.take(header.name, header.value)?;
    }
    let http_11 = response.version == Some(1);
    Ok(Some((fields.into_head(status, http_11)?, length)))
}

/// What the header lines say, while they are being read.
#[derive(Default)]
struct Fields {
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    content: Option<Content>,
    encoded: bool,
    lines: Vec<u8>,
}

impl Fields {
    fn take(&mut self, name: &str, value: &[u8]) -> Result<(), Broken> {
        match name.len() {
            14 if name.eq_ignore_ascii_case("content-length") => self.take_length(value)?,
            17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                if self.chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err(Broken);
                }
                self.chunked = true;
            }
            10 if name.eq_ignore_ascii_case("connection") => {
                for token in value.split(|&b| b == b',') {
                    self.close |= token.trim_ascii().eq_ignore_ascii_case(b"close");
                    self.keep_alive |= token.trim_ascii().eq_ignore_ascii_case(b"keep-alive");
                }
            }
            // Ours alone: an upstream has no say in it.
            _ if name.eq_ignore_ascii_case(HEARTBEAT_MARK) => {}
            // Hop-by-hop fields say something about a framing that the client never sees.
            10 if name.eq_ignore_ascii_case("keep-alive") => {}
            7 if name.eq_ignore_ascii_case("trailer") || name.eq_ignore_ascii_case("upgrade") => {}
            16 if name.eq_ignore_ascii_case("content-encoding") => {
                self.encoded = !value.trim_ascii().eq_ignore_ascii_case(b"identity");
            }
            12 if name.eq_ignore_ascii_case("content-type") => {
                self.content = Some(content_of(value));
                self.keep(name, value);
            }
            _ => self.keep(name, value),
        }
        Ok(())
    }

    /// Equal copies are one; different ones, or anything but digits, can't be trusted (RFC 9110, 8.6).
    fn take_length(&mut self, value: &[u8]) -> Result<(), Broken> {
        let text = std::str::from_utf8(value.trim_ascii()).map_err(|_| Broken)?;
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Broken);
        }
        let length = text.parse().map_err(|_| Broken)?;
        if self.content_length.is_some_and(|before| before != length) {
            return Err(Broken);
        }
        self.content_length = Some(length);
        Ok(())
    }

    fn keep(&mut self, name: &str, value: &[u8]) {
        self.lines.extend_from_slice(name.as_bytes());
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
    }

    fn into_head(self, status: u16, http_11: bool) -> Result<Head, Broken> {
        // HTTP/1.0 has no chunks; both lengths at once is how requests are smuggled (RFC 9112, 6.1).
        if self.chunked && (!http_11 || self.content_length.is_some()) {
            return Err(Broken);
        }
        let framing = match (status, self.chunked, self.content_length) {
            (204 | 304, _, _) => Framing::length(0),
            (_, true, _) => Framing::chunked(),
            (_, false, Some(length)) => Framing::length(length),
            (_, false, None) => Framing::until_close(),
        };
        let persistent = if http_11 {
            !self.close
        } else {
            self.keep_alive
        };
        Ok(Head {
            status,
            content: self.content.unwrap_or(Content::Other),
            keep_alive: persistent && !matches!(framing, Framing::UntilClose),
            framing,
            encoded: self.encoded,
            lines: self.lines,
        })
    }
}

fn content_of(value: &[u8]) -> Content {
    let kind = value
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if kind.eq_ignore_ascii_case(b"text/event-stream") {
        Content::EventStream
    } else if kind.eq_ignore_ascii_case(b"text/html") {
        Content::Html
    } else {
        Content::Other
    }
}

impl Head {
    /// The head as Pingora's parser gets it. `length` is the body's; none means chunks.
    pub fn write(&self, length: Option<u64>, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("HTTP/1.1 {} -\r\n", self.status).as_bytes());
        out.extend_from_slice(&self.lines);
        match length {
            Some(length) => {
                out.extend_from_slice(format!("content-length: {length}\r\n").as_bytes())
            }
            None => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        }
        if !self.keep_alive {
            out.extend_from_slice(b"connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    /// The passed-on lines, for the evidence of an error answer.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }
}

/// Marks the head of a heartbeat for the hooks, who take it out again: the answer itself isn't there yet.
pub const HEARTBEAT_MARK: &str = "x-gate-heartbeat";

/// The head that goes out with the first heartbeat, before the upstream said anything.
pub const HEARTBEAT_HEAD: &[u8] =
    b"HTTP/1.1 200 -\r\nx-gate-heartbeat: 1\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Head, Broken> {
        read(text.as_bytes()).map(|read| read.expect("a whole head").0)
    }

    #[test]
    fn framing_is_ours_afterwards() {
        let head = head("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\nX-A: b\r\n\r\n").unwrap();
        assert_eq!(head.content, Content::EventStream);
        assert!(head.keep_alive);
        let mut out = Vec::new();
        head.write(Some(3), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 200 -\r\nContent-Type: text/event-stream; charset=utf-8\r\nX-A: b\r\ncontent-length: 3\r\n\r\n"
        );
    }

    #[test]
    fn an_unfinished_head_waits() {
        assert!(read(b"HTTP/1.1 200 OK\r\nA: b\r\n").unwrap().is_none());
        assert_eq!(read(&[b'H'; 20]).unwrap_err(), Broken);
    }

    #[test]
    fn framing_that_could_be_read_twice_is_broken() {
        for lines in [
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length:",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 1",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
            assert_eq!(head(&text).unwrap_err(), Broken, "{lines}");
        }
        assert_eq!(
            head("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap_err(),
            Broken
        );
    }

    #[test]
    fn only_a_connection_that_stays_open_is_kept() {
        let keeps = |text: &str| head(text).unwrap().keep_alive;
        assert!(keeps("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"));
        assert!(keeps(
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"
        ));
        assert!(!keeps("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"));
        assert!(!keeps(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\n"
        ));
        assert!(!keeps("HTTP/1.1 200 OK\r\n\r\n"));
    }

    #[test]
    fn a_header_is_found_whatever_its_case() {
        let raw = b"A: b\r\nRetry-After:  3 \r\n";
        assert_eq!(header_value(raw, "retry-after"), Some("3"));
        assert_eq!(header_value(raw, "retry"), None);
    }
}
