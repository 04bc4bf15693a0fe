//! One connection of the scripted upstream: read a request, play its answer, watch for the other side's leaving.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use super::{Closed, Shared};
use crate::support::script::{Answer, Ask, Script, Step};
use crate::support::transport::{reset_on_close, second_handle, Stream};
use crate::support::wire::{take_head, Decoder, Framing, Head};

/// Room for each read: large bodies come in large pieces.
const READ_BYTES: usize = 64 * 1024;

/// Why nothing more happens on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    PeerClosed,
    PeerReset,
    Fin,
    WithoutNotify,
    Reset,
}

struct Line {
    stream: Stream,
    /// Read and not yet used.
    buffer: BytesMut,
    number: usize,
    /// Requests so far on this connection.
    served: usize,
    shared: Arc<Shared>,
}

pub(super) async fn serve(stream: Stream, number: usize, shared: Arc<Shared>) {
    let mut line = Line {
        stream,
        buffer: BytesMut::new(),
        number,
        served: 0,
        shared,
    };
    let over = loop {
        if let Err(over) = line.one_request().await {
            break over;
        }
    };
    line.close(over).await;
}

impl Line {
    async fn one_request(&mut self) -> Result<(), Over> {
        let script = self.script();
        let head = match script.idle.filter(|_| self.served > 0) {
            None => self.head().await?,
            Some(idle) => tokio::time::timeout(idle, self.head())
                .await
                .unwrap_or(Err(Over::Fin))?,
        };
        // A script that was changed while the connection lay idle counts.
        let script = self.script();
        self.served += 1;
        let (number, nth) = (self.number, self.served);
        let request = self
            .shared
            .seen
            .change(|seen| seen.new_request(number, nth, &head));
        let answer = self.answer(&script, request, &head).await?;
        self.shared
            .seen
            .change(|seen| seen.requests[request].read = true);
        let result = self.play(&answer, request).await;
        let played = !matches!(result, Err(Over::PeerClosed | Over::PeerReset));
        self.shared
            .seen
            .change(|seen| seen.requests[request].played = played);
        result?;
        let last = script.requests.is_some_and(|most| self.served >= most);
        match last || head.has_token("connection", "close") || answer.reads_nothing() {
            true => Err(Over::Fin),
            false => Ok(()),
        }
    }

    fn script(&self) -> Arc<Script> {
        self.shared.script.lock().expect("no panic held it").clone()
    }

    /// What isn't HTTP is treated as a peer that has gone: no test sends it on purpose.
    async fn head(&mut self) -> Result<Head, Over> {
        loop {
            match take_head(&mut self.buffer) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => read_more(&mut self.stream, &mut self.buffer).await?,
                Err(_) => return Err(Over::Fin),
            }
        }
    }

    /// Reads the body, unless the head alone says that it isn't read; then chooses.
    async fn answer(
        &mut self,
        script: &Script,
        request: usize,
        head: &Head,
    ) -> Result<Answer, Over> {
        let (nth, nth_on_connection, connection) = (request + 1, self.served, self.number);
        let ask = Ask {
            nth,
            nth_on_connection,
            connection,
            head,
            body: &[],
        };
        if let Some(answer) = script.before_the_body(&ask) {
            return Ok(answer);
        }
        let body = self.body(request, head).await?;
        Ok(script.choose(&Ask { body: &body, ..ask }))
    }

    async fn body(&mut self, request: usize, head: &Head) -> Result<Bytes, Over> {
        let framing = head.framing(Framing::None).map_err(|_| Over::Fin)?;
        let mut decoder = Decoder::new(framing);
        let mut body = BytesMut::new();
        let result = loop {
            let pieces = decoder.take(&mut self.buffer).map_err(|_| Over::Fin)?;
            pieces
                .iter()
                .for_each(|piece| body.extend_from_slice(piece));
            if decoder.is_done() {
                break Ok(());
            }
            if let Err(over) = read_more(&mut self.stream, &mut self.buffer).await {
                break Err(over);
            }
        };
        let body = body.freeze();
        self.shared.seen.change(|seen| {
            seen.requests[request].body = body.clone();
            seen.requests[request].complete = result.is_ok();
        });
        result.map(|()| body)
    }

    /// Plays the steps while watching for the other side's leaving, which ends them.
    async fn play(&mut self, answer: &Answer, request: usize) -> Result<(), Over> {
        let handle = second_handle(self.stream.tcp());
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let buffer = &mut self.buffer;
        let leaving = async {
            match answer.reads_nothing() {
                true => leaves_unread(handle).await,
                false => leaves(&mut reader, buffer).await,
            }
        };
        let seen = &self.shared.seen;
        let record = |bytes: Bytes| {
            seen.change(|seen| seen.requests[request].sent.push((Instant::now(), bytes)))
        };
        tokio::select! {
            biased;
            result = play_steps(&mut writer, &answer.steps, record) => result,
            over = leaving => Err(over),
        }
    }

    async fn close(mut self, over: Over) {
        let at = Instant::now();
        match over {
            Over::Fin => drop(self.stream.shutdown().await),
            Over::Reset => reset_on_close(&SockRef::from(self.stream.tcp())),
            Over::PeerClosed | Over::PeerReset | Over::WithoutNotify => {}
        }
        let closed = match over {
            Over::PeerClosed | Over::PeerReset => Closed::ByPeer {
                at,
                reset: over == Over::PeerReset,
            },
            Over::Fin | Over::Reset | Over::WithoutNotify => Closed::ByScript { at },
        };
        drop(self.stream);
        self.shared
            .seen
            .change(|seen| seen.connections[self.number].closed = Some(closed));
    }
}

async fn read_more(
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Result<(), Over> {
    buffer.reserve(READ_BYTES);
    match reader.read_buf(buffer).await {
        Ok(0) => Err(Over::PeerClosed),
        Ok(_) => Ok(()),
        Err(_) => Err(Over::PeerReset),
    }
}

/// Ends when the other side leaves; what it sends before that is kept for the next request.
async fn leaves(reader: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut) -> Over {
    loop {
        if let Err(over) = read_more(reader, buffer).await {
            return over;
        }
    }
}

/// The same without reading a byte, so that the other side's writes really get stuck.
///
/// A FIN behind bytes that no longer fit into the socket's buffer isn't seen: it hasn't been sent yet.
async fn leaves_unread(handle: Socket) -> Over {
    let watched = TcpStream::from_std(handle.into()).expect("a socket can be watched");
    loop {
        match watched.ready(Interest::READABLE).await {
            Err(_) => return Over::PeerReset,
            Ok(ready) if ready.is_read_closed() => return Over::PeerClosed,
            Ok(_) => {}
        }
        // Says that nothing more is there, so that the next wait is for the next change.
        let _ = watched.try_io(Interest::READABLE, || {
            Err::<(), _>(ErrorKind::WouldBlock.into())
        });
    }
}

async fn play_steps(
    writer: &mut (impl AsyncWrite + Unpin),
    steps: &[Step],
    record: impl Fn(Bytes),
) -> Result<(), Over> {
    for step in steps {
        match step {
            Step::Send(bytes) => send(writer, bytes.clone(), &record).await?,
            Step::SendSplit { bytes, every, gap } => {
                send_split(writer, bytes, *every, *gap, &record).await?
            }
            Step::Wait(duration) => tokio::time::sleep(*duration).await,
            Step::WaitFor(latch) => latch.opened().await,
            Step::Open(latch) => latch.open(),
            Step::CloseFin => return Err(Over::Fin),
            Step::CloseWithoutNotify => return Err(Over::WithoutNotify),
            Step::CloseReset => return Err(Over::Reset),
            Step::Hang => std::future::pending().await,
            Step::ReadNothing => {}
        }
    }
    Ok(())
}

/// Recorded before it is written: what the other side may have seen is never missing from the record.
async fn send(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: Bytes,
    record: &impl Fn(Bytes),
) -> Result<(), Over> {
    record(bytes.clone());
    let written = async {
        writer.write_all(&bytes).await?;
        writer.flush().await
    };
    written.await.map_err(|_: std::io::Error| Over::PeerReset)
}

async fn send_split(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &Bytes,
    every: usize,
    gap: Duration,
    record: &impl Fn(Bytes),
) -> Result<(), Over> {
    let mut rest = bytes.clone();
    while !rest.is_empty() {
        let piece = rest.split_to(every.clamp(1, rest.len()));
        send(writer, piece, record).await?;
        match gap.is_zero() {
            // A sleep takes a millisecond at least; the other side only has to get its turn.
            true => tokio::task::yield_now().await,
            false => tokio::time::sleep(gap).await,
        }
    }
    Ok(())
}
