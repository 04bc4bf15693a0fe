//! HTTP/1.1 heads and bodies as they stand on the wire, parsed strictly by both sides of a test.
//!
//! Strict means: what a lenient parser would forgive (bare LF, folded lines, two lengths) is an error here,
//! because a gateway that emits it has a bug even when every client copes.

use bytes::{Buf, Bytes, BytesMut};

/// The end of a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// `data` as one chunk. Empty data would be the last chunk, so it gives no bytes at all.
pub fn chunk(data: &[u8]) -> Bytes {
    if data.is_empty() {
        return Bytes::new();
    }
    let mut framed = format!("{:x}\r\n", data.len()).into_bytes();
    framed.extend_from_slice(data);
    framed.extend_from_slice(b"\r\n");
    framed.into()
}

/// A request's or an answer's head.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Every byte of it, the empty line included.
    pub raw: Bytes,
    /// Without its line end.
    pub first_line: String,
    /// In order, names as they were written.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).into_iter().next()
    }

    /// Every header of that name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(named)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// Whether a comma-separated header has `token`, whatever its case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        let tokens = self
            .all(name)
            .into_iter()
            .flat_map(|value| value.split(','));
        tokens
            .into_iter()
            .any(|each| each.trim().eq_ignore_ascii_case(token))
    }

    /// How the body of this head is framed; `otherwise` where it doesn't say.
    pub fn framing(&self, otherwise: Framing) -> Result<Framing, String> {
        let (lengths, codings) = (self.all("content-length"), self.all("transfer-encoding"));
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(otherwise),
            ([length], []) => match length.parse() {
                Ok(0) => Ok(Framing::None),
                Ok(length) => Ok(Framing::Length(length)),
                Err(_) => Err(format!("content-length {length:?} is no number")),
            },
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            _ => Err(format!(
                "ambiguous framing: content-length {lengths:?}, transfer-encoding {codings:?}"
            )),
        }
    }
}

/// Takes one whole head off the front of `buffer`; `None` while it isn't all here.
pub fn take_head(buffer: &mut BytesMut) -> Result<Option<Head>, String> {
    let Some(end) = find(buffer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let raw = buffer.split_to(end + 4).freeze();
    let text =
        std::str::from_utf8(&raw[..end]).map_err(|_| "a head that is no UTF-8".to_string())?;
    let mut lines = text.split("\r\n");
    let first_line = lines.next().unwrap_or_default().to_string();
    let headers = lines.map(header).collect::<Result<_, _>>()?;
    if first_line.contains(['\r', '\n']) {
        return Err(format!("a bare line end in {first_line:?}"));
    }
    Ok(Some(Head {
        raw,
        first_line,
        headers,
    }))
}

fn header(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| format!("no colon in header line {line:?}"))?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0']) {
        return Err(format!("not a header line: {line:?}"));
    }
    Ok((
        name.to_string(),
        value.trim_matches([' ', '\t']).to_string(),
    ))
}

/// Where `needle` first stands in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, needle)
}

/// What says where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Takes a body apart as its bytes arrive.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Of a length, a chunk, or up to the close: so many bytes are still to come.
    Data(u64),
    ChunkSize,
    ChunkEnd,
    Trailers,
    Done,
}

impl Decoder {
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None => State::Done,
            Framing::Length(length) => State::Data(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::Data(u64::MAX),
        };
        Decoder { framing, state }
    }

    pub fn framing(&self) -> Framing {
        self.framing
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what it can off `buffer`: pieces of the body, one for each chunk or part of one.
    pub fn take(&mut self, buffer: &mut BytesMut) -> Result<Vec<Bytes>, String> {
        let mut pieces = Vec::new();
        while !self.is_done() && self.step(buffer, &mut pieces)? {}
        Ok(pieces)
    }

    /// One step; `false` when more bytes are needed first.
    fn step(&mut self, buffer: &mut BytesMut, pieces: &mut Vec<Bytes>) -> Result<bool, String> {
        if let State::Data(left) = self.state {
            let take = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            if take > 0 {
                pieces.push(buffer.split_to(take).freeze());
            }
            self.state = self.after_data(left - take as u64);
            return Ok(take > 0 && self.state != State::Done);
        }
        let Some(line) = take_line(buffer) else {
            return Ok(false);
        };
        self.state = match self.state {
            State::ChunkSize => match chunk_size(&line)? {
                0 => State::Trailers,
                size => State::Data(size),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err(format!("{line:?} where a chunk should have ended")),
            State::Trailers if line.is_empty() => State::Done,
            state => state,
        };
        Ok(true)
    }

    fn after_data(&self, left: u64) -> State {
        match (left, self.framing) {
            (0, Framing::Chunked) => State::ChunkEnd,
            (0, _) => State::Done,
            (left, _) => State::Data(left),
        }
    }
}

fn take_line(buffer: &mut BytesMut) -> Option<Bytes> {
    let end = find(buffer, b"\r\n")?;
    let line = buffer.split_to(end).freeze();
    buffer.advance(2);
    Some(line)
}

fn chunk_size(line: &[u8]) -> Result<u64, String> {
    let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let text = std::str::from_utf8(size).unwrap_or("").trim_end();
    match text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => u64::from_str_radix(text, 16).map_err(|_| format!("not a chunk size: {line:?}")),
        false => Err(format!(
            "not a chunk size: {:?}",
            String::from_utf8_lossy(line)
        )),
    }
}
