//! HTTP/1 body framing: decoding what the upstream wrote, writing chunks of our own (RFC 9112, 6 and 7).

use super::head::Broken;

/// Chunk extensions and trailers are skipped, but not without end.
const MAX_SKIPPED_BYTES: usize = 16 * 1024;

/// How the end of a body is found, and how far it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    Length {
        left: u64,
    },
    Chunked(Chunked),
    /// Ends with the connection: nothing tells a cut from an end but the content itself.
    UntilClose,
}

/// Where a chunked body stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunked {
    state: ChunkState,
    skipped: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    Size {
        size: u64,
        digits: u8,
    },
    Extension {
        size: u64,
    },
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// At the beginning of a trailer line; an empty one ends the body.
    TrailerStart,
    TrailerLine,
    TrailerLf,
    EndLf,
    Done,
}

impl Framing {
    pub fn length(left: u64) -> Framing {
        Framing::Length { left }
    }

    pub fn chunked() -> Framing {
        let state = ChunkState::Size { size: 0, digits: 0 };
        Framing::Chunked(Chunked { state, skipped: 0 })
    }

    pub fn until_close() -> Framing {
        Framing::UntilClose
    }

    /// The body's end was read.
    pub fn is_done(&self) -> bool {
        match self {
            Framing::Length { left } => *left == 0,
            Framing::Chunked(chunked) => chunked.state == ChunkState::Done,
            Framing::UntilClose => false,
        }
    }

    /// The length that is known beforehand.
    pub fn known_length(&self) -> Option<u64> {
        match self {
            Framing::Length { left } => Some(*left),
            Framing::Chunked(_) | Framing::UntilClose => None,
        }
    }

    /// Hands the payload in `input` to `each`, piece by piece; returns what lies behind the body's end.
    pub fn decode<'a>(
        &mut self,
        input: &'a [u8],
        mut each: impl FnMut(&'a [u8]),
    ) -> Result<&'a [u8], Broken> {
        match self {
            Framing::Length { left } => {
                let (piece, rest) = split_at_most(input, *left);
                *left -= piece.len() as u64;
                if !piece.is_empty() {
                    each(piece);
                }
                Ok(rest)
            }
            Framing::Chunked(chunked) => chunked.decode(input, &mut each),
            Framing::UntilClose => {
                each(input);
                Ok(&[])
            }
        }
    }
}

impl Chunked {
    fn decode<'a>(
        &mut self,
        mut input: &'a [u8],
        each: &mut impl FnMut(&'a [u8]),
    ) -> Result<&'a [u8], Broken> {
        while self.state != ChunkState::Done {
            if let ChunkState::Data { left } = self.state {
                let (piece, rest) = split_at_most(input, left);
                if piece.is_empty() {
                    return Ok(rest);
                }
                each(piece);
                input = rest;
                let left = left - piece.len() as u64;
                self.state = if left == 0 {
                    ChunkState::DataCr
                } else {
                    ChunkState::Data { left }
                };
                continue;
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(input);
            };
            input = rest;
            self.state = self.step(byte)?;
        }
        Ok(input)
    }

    fn step(&mut self, byte: u8) -> Result<ChunkState, Broken> {
        use ChunkState::*;
        Ok(match (self.state, byte) {
            (Size { size, digits }, _) if byte.is_ascii_hexdigit() && digits < 15 => {
                let value = (byte as char).to_digit(16).ok_or(Broken)?;
                Size {
                    size: size * 16 + u64::from(value),
                    digits: digits + 1,
                }
            }
            (Size { digits: 0, .. }, _) => return Err(Broken),
            (Size { size, .. }, b'\r') => SizeLf { size },
            (Size { size, .. }, b';' | b' ' | b'\t') => Extension { size },
            (Extension { size }, b'\r') => SizeLf { size },
            // A bare LF inside an extension is where two parsers disagree about the end of the line.
            (Extension { .. } | TrailerLine, b'\n') => return Err(Broken),
            (Extension { size }, _) => self.skip(Extension { size })?,
            (SizeLf { size: 0 }, b'\n') => TrailerStart,
            (SizeLf { size }, b'\n') => Data { left: size },
            (DataCr, b'\r') => DataLf,
            (DataLf, b'\n') => Size { size: 0, digits: 0 },
            (TrailerStart, b'\r') => EndLf,
            (TrailerStart, b'\n') => return Err(Broken),
            (TrailerLine, b'\r') => TrailerLf,
            (TrailerStart | TrailerLine, _) => self.skip(TrailerLine)?,
            (TrailerLf, b'\n') => TrailerStart,
            (EndLf, b'\n') => Done,
            (Size { .. } | SizeLf { .. } | DataCr | DataLf | TrailerLf | EndLf, _) => {
                return Err(Broken)
            }
            (Data { .. } | Done, _) => unreachable!("payload and end are handled by the loop"),
        })
    }

    fn skip(&mut self, next: ChunkState) -> Result<ChunkState, Broken> {
        self.skipped += 1;
        if self.skipped > MAX_SKIPPED_BYTES {
            return Err(Broken);
        }
        Ok(next)
    }
}

fn split_at_most(bytes: &[u8], most: u64) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX)))
}

/// Appends one chunk; nothing for an empty one, which would end the body.
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0u8; 16];
    let mut at = digits.len();
    let mut size = data.len();
    while size > 0 {
        at -= 1;
        if let (Some(digit), Some(&hex)) = (digits.get_mut(at), HEX.get(size & 15)) {
            *digit = hex;
        }
        size >>= 4;
    }
    out.reserve(data.len() + 20);
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Ends a chunked body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(framing: &mut Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, usize), Broken> {
        let mut payload = Vec::new();
        let mut behind = 0;
        for piece in pieces {
            behind += framing
                .decode(piece, |part| payload.extend_from_slice(part))?
                .len();
        }
        Ok((payload, behind))
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read() {
        let mut framing = Framing::chunked();
        let text = b"3;a=b\r\nabc\r\nA \r\n0123456789\r\n0\r\nX: y\r\n\r\nextra";
        let (payload, behind) = decode(&mut framing, &[text]).unwrap();
        assert_eq!(payload, b"abc0123456789");
        assert_eq!(behind, 5);
        assert!(framing.is_done());
    }

    #[test]
    fn chunks_that_could_be_read_twice_are_broken() {
        for text in [
            &b"-1\r\n"[..],
            b"3\nabc",
            b"3;\nabc\r\n",
            b"3\r\nabcd\r\n",
            b"ffffffffffffffff\r\n",
            b"\r\n",
            b"0\r\nX\n\r\n",
        ] {
            assert_eq!(
                decode(&mut Framing::chunked(), &[text]),
                Err(Broken),
                "{text:?}"
            );
        }
    }

    #[test]
    fn endless_extensions_are_broken() {
        let text = [b"1;".to_vec(), vec![b'x'; MAX_SKIPPED_BYTES + 1]].concat();
        assert_eq!(decode(&mut Framing::chunked(), &[&text]), Err(Broken));
    }

    #[test]
    fn a_length_ends_where_it_says() {
        let mut framing = Framing::length(4);
        assert_eq!(
            decode(&mut framing, &[b"ab", b"cdef"]).unwrap(),
            (b"abcd".to_vec(), 2)
        );
        assert!(framing.is_done());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_for_every_split(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
            cut in 1usize..40,
        ) {
            let mut wire = Vec::new();
            for piece in &pieces {
                write_chunk(piece, &mut wire);
            }
            wire.extend_from_slice(LAST_CHUNK);
            let mut framing = Framing::chunked();
            let split: Vec<&[u8]> = wire.chunks(cut).collect();
            let (payload, behind) = decode(&mut framing, &split).unwrap();
            prop_assert_eq!(payload, pieces.concat());
            prop_assert_eq!(behind, 0);
            prop_assert!(framing.is_done());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&mut Framing::chunked(), &[&bytes]);
            let _ = super::super::head::read(&bytes);
        }
    }
}
