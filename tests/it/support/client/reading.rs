//! Reading an answer: what has come so far, and the judgement of how it ended.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, ReadHalf};

use super::request::Sent;
use super::{End, Reply};
use crate::support::transport::Stream;
use crate::support::wait::{Board, Latch};
use crate::support::wire::{take_head, Decoder, Framing, Head};

/// Room for each read: large bodies come in large pieces.
const READ_BYTES: usize = 64 * 1024;

/// An answer in the making.
#[derive(Debug, Default)]
pub struct Progress {
    pub first_byte_at: Option<Instant>,
    /// 1xx heads.
    pub interim: Vec<Head>,
    pub head: Option<Head>,
    pub head_at: Option<Instant>,
    /// Each piece of the body, decoded, when it came.
    pub pieces: Vec<(Instant, Bytes)>,
    pub ended: Option<(Instant, End)>,
    /// Whether the whole request went out, once that is known.
    pub uploaded: Option<bool>,
    /// Bytes behind the end of the answer.
    pub surplus: Bytes,
}

impl Progress {
    pub(super) fn reply(&self, sent: &Sent, sent_at: Instant) -> Reply {
        Reply::of(self, sent, sent_at)
    }

    /// For `Expect`: `true` with `100 Continue`, `false` when the answer itself is there or never will be.
    pub(super) fn may_continue(&self) -> Option<bool> {
        let continues = self
            .interim
            .iter()
            .any(|head| head.first_line.contains(" 100"));
        let over = self.head.is_some() || self.ended.is_some();
        (continues || over).then_some(continues)
    }
}

/// Reads one answer. Gives back the reading half and what stood behind the answer.
pub(super) async fn read_reply(
    reader: ReadHalf<Stream>,
    buffer: BytesMut,
    no_body: bool,
    progress: Arc<Board<Progress>>,
    after: Option<Latch>,
) -> (ReadHalf<Stream>, BytesMut) {
    if let Some(latch) = after {
        latch.opened().await;
    }
    let mut reading = Reading {
        reader,
        buffer,
        progress,
    };
    let end = match reading.whole(no_body).await {
        Ok(end) | Err(end) => end,
    };
    let surplus = Bytes::copy_from_slice(&reading.buffer);
    reading.progress.change(|progress| {
        progress.surplus = surplus;
        progress.ended = Some((Instant::now(), end));
    });
    (reading.reader, reading.buffer)
}

struct Reading {
    reader: ReadHalf<Stream>,
    buffer: BytesMut,
    progress: Arc<Board<Progress>>,
}

impl Reading {
    /// The error is an end too: one before the framing's.
    async fn whole(&mut self, no_body: bool) -> Result<End, End> {
        let head = self.head().await?;
        let status = head
            .first_line
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .to_string();
        let framing = match no_body || status == "204" || status == "304" {
            true => Framing::None,
            false => head.framing(Framing::UntilClose).map_err(End::NotHttp)?,
        };
        self.progress.change(|progress| {
            progress.head_at = Some(Instant::now());
            progress.head = Some(head);
        });
        self.body(framing).await
    }

    /// The final head; interim ones are noted.
    async fn head(&mut self) -> Result<Head, End> {
        loop {
            let head = match take_head(&mut self.buffer).map_err(End::NotHttp)? {
                Some(head) => head,
                None => {
                    self.more().await?;
                    continue;
                }
            };
            check_status_line(&head).map_err(End::NotHttp)?;
            if !head.first_line.starts_with("HTTP/1.1 1") {
                return Ok(head);
            }
            self.progress.change(|progress| progress.interim.push(head));
        }
    }

    async fn body(&mut self, framing: Framing) -> Result<End, End> {
        let mut decoder = Decoder::new(framing);
        loop {
            let at = Instant::now();
            let pieces = decoder.take(&mut self.buffer).map_err(End::NotHttp)?;
            if !pieces.is_empty() {
                let pieces = pieces.into_iter().map(|piece| (at, piece));
                self.progress
                    .change(|progress| progress.pieces.extend(pieces));
            }
            if decoder.is_done() {
                return Ok(End::Whole);
            }
            match self.more().await {
                Err(End::NoHead) => return Err(cut(framing)),
                result => result?,
            }
        }
    }

    async fn more(&mut self) -> Result<(), End> {
        self.buffer.reserve(READ_BYTES);
        let read = self.reader.read_buf(&mut self.buffer).await;
        if matches!(read, Ok(1..)) {
            self.progress.change(|progress| {
                progress.first_byte_at = progress.first_byte_at.or(Some(Instant::now()))
            });
        }
        match read {
            Ok(0) => Err(End::NoHead),
            Ok(_) => Ok(()),
            // TLS that ends without a goodbye is a cut like a FIN.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(End::NoHead),
            Err(_) => Err(End::Reset),
        }
    }
}

/// What a FIN means in the middle of that framing.
fn cut(framing: Framing) -> End {
    match framing {
        Framing::Chunked => End::CutChunked,
        Framing::Length(_) => End::ShortLength,
        Framing::UntilClose | Framing::None => End::CloseDelimited,
    }
}

fn check_status_line(head: &Head) -> Result<(), String> {
    let mut words = head.first_line.splitn(3, ' ');
    let (version, status) = (words.next(), words.next().unwrap_or_default());
    let three_digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    match version == Some("HTTP/1.1") && three_digits {
        true => Ok(()),
        false => Err(format!("not a status line: {:?}", head.first_line)),
    }
}
