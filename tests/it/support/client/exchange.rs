//! A request on its way and its answer as it arrives.
//!
//! Two tasks write and read at the same time, so that the times in the answer are those of its bytes, not those of
//! the test's looking. They end with the exchange: one that is dropped is a client that left.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use socket2::{SockRef, Socket};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;

use super::reading::{read_reply, Progress};
use super::request::{Pace, Sent};
use super::{Event, Reply, Request};
use crate::support::ledger::Ledger;
use crate::support::transport::{reset_on_close, second_handle, Stream};
use crate::support::wait::{within, Board, DEADLINE};

/// A connection between requests.
pub struct Connection {
    stream: Stream,
    buffer: BytesMut,
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Connection {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// Begins to send the request; its answer is read meanwhile.
    pub fn start(self, request: &Request) -> Exchange {
        let progress = Arc::new(Board::default());
        let handle = second_handle(self.stream.tcp());
        let (reader, writer) = tokio::io::split(self.stream);
        let sent = request.sent();
        let no_body = sent.method == "HEAD";
        let reading = read_reply(
            reader,
            self.buffer,
            no_body,
            progress.clone(),
            request.reading_after.clone(),
        );
        let writing = write_request(
            writer,
            request.wire(),
            request.pace.clone(),
            progress.clone(),
        );
        Exchange {
            sent_at: Instant::now(),
            reading: Some(tokio::spawn(reading)),
            writing: Some(tokio::spawn(writing)),
            handle,
            progress,
            sent,
            ledger: request.client.ledger.clone(),
            entered: false,
        }
    }

    /// Waits for the other side to close the idle connection.
    pub async fn wait_closed(mut self, what: &str) {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut self.stream, &mut byte);
        match within(DEADLINE, what, read).await {
            Ok(0) | Err(_) => {}
            Ok(_) => panic!("bytes instead of {what}"),
        }
    }
}

pub struct Exchange {
    sent: Sent,
    sent_at: Instant,
    progress: Arc<Board<Progress>>,
    reading: Option<JoinHandle<(ReadHalf<Stream>, BytesMut)>>,
    writing: Option<JoinHandle<WriteHalf<Stream>>>,
    /// Dropped last: the socket closes with it.
    handle: Socket,
    ledger: Option<Ledger>,
    entered: bool,
}

impl Exchange {
    pub fn correlation_id(&self) -> Option<&str> {
        self.sent.correlation_id.as_deref()
    }

    /// The answer as far as it has come.
    pub fn so_far(&self) -> Reply {
        self.progress
            .look(|progress| progress.reply(&self.sent, self.sent_at))
    }

    /// Waits for the head of the answer.
    pub async fn head(&self) -> Reply {
        self.until("the head of the answer", |reply| {
            reply.status != 0 || reply.is_over()
        })
        .await
    }

    /// Waits for so many events (comments don't count).
    pub async fn events(&self, count: usize) -> Vec<Event> {
        let enough = |reply: &Reply| reply.events().len() >= count || reply.is_over();
        let events = self.until(&format!("event {count}"), enough).await.events();
        assert!(
            events.len() >= count,
            "the stream was over after {} events, {count} were expected",
            events.len()
        );
        events
    }

    /// Waits for so many tokens of the answer's text.
    pub async fn tokens(&self, count: usize) -> Reply {
        let reply = self
            .until(&format!("token {count}"), |reply| {
                reply.tokens() >= count || reply.is_over()
            })
            .await;
        assert!(
            reply.tokens() >= count,
            "over after {} tokens: {reply:?}",
            reply.tokens()
        );
        reply
    }

    /// Waits until the answer so far is as `enough` wants it.
    pub async fn until(&self, what: &str, enough: impl Fn(&Reply) -> bool) -> Reply {
        let what = format!("{what} of {} {}", self.sent.method, self.sent.target);
        let look =
            |progress: &Progress| Some(progress.reply(&self.sent, self.sent_at)).filter(&enough);
        self.progress.until(DEADLINE, what, look).await
    }

    /// Waits until the whole request has been handed to the kernel, or can't be any more.
    pub async fn uploaded(&self) -> bool {
        self.progress
            .until(DEADLINE, "the end of the upload", |progress| {
                progress.uploaded
            })
            .await
    }

    /// No byte more from this side: FIN, while reading goes on.
    pub fn half_close(&self) {
        // ENOTCONN: the other side has reset the connection; the answer will tell.
        let _ = self.handle.shutdown(Shutdown::Write);
    }

    /// The whole answer, however it ends.
    pub async fn finish(self) -> Reply {
        self.finish_within(DEADLINE).await
    }

    pub async fn finish_within(mut self, deadline: Duration) -> Reply {
        let what = format!(
            "the end of the answer to {} {}",
            self.sent.method, self.sent.target
        );
        self.progress
            .until(deadline, what, |progress| {
                progress.ended.as_ref().map(|_| ())
            })
            .await;
        self.enter(false)
    }

    /// The whole answer and, where both sides keep it, the connection for the next request.
    pub async fn finish_reusing(mut self) -> (Reply, Option<Connection>) {
        self.progress
            .until(DEADLINE, "the end of the answer", |progress| {
                progress.ended.as_ref().map(|_| ())
            })
            .await;
        let reply = self.enter(false);
        if !reply.keeps_connection() || !reply.uploaded {
            return (reply, None);
        }
        let halves = (
            self.reading.take().expect("taken once"),
            self.writing.take().expect("taken once"),
        );
        let (reader, buffer) = halves.0.await.expect("the reading task is well");
        let writer = halves.1.await.expect("the writing task is well");
        (
            reply,
            Some(Connection {
                stream: reader.unsplit(writer),
                buffer,
            }),
        )
    }

    /// Leaves with a FIN; what had come until then.
    pub async fn leave(mut self) -> Reply {
        self.stop().await;
        self.enter(true)
    }

    /// Leaves with a RST; what had come until then.
    pub async fn leave_by_reset(mut self) -> Reply {
        reset_on_close(&SockRef::from(&self.handle));
        self.stop().await;
        self.enter(true)
    }

    /// Ends both tasks and waits for it, so that only `handle` is left of the socket.
    async fn stop(&mut self) {
        if let Some(reading) = self.reading.take() {
            reading.abort();
            let _ = reading.await;
        }
        if let Some(writing) = self.writing.take() {
            writing.abort();
            let _ = writing.await;
        }
    }

    fn enter(&mut self, left: bool) -> Reply {
        let mut reply = self.so_far();
        if left {
            reply.leave();
        }
        if let Some(ledger) = self.ledger.as_ref().filter(|_| !self.entered) {
            ledger.enter(&reply);
        }
        self.entered = true;
        reply
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.entered {
            self.enter(true);
        }
        self.reading.iter().for_each(JoinHandle::abort);
        self.writing.iter().for_each(JoinHandle::abort);
    }
}

/// Gives the writing half back, whether or not the other side took everything.
async fn write_request(
    mut writer: WriteHalf<Stream>,
    (head, body): (Bytes, Bytes),
    pace: Pace,
    progress: Arc<Board<Progress>>,
) -> WriteHalf<Stream> {
    let written = async {
        if !pace.expect_continue {
            return write_at(&mut writer, [head, body].concat().into(), &pace).await;
        }
        write_at(&mut writer, head, &pace).await?;
        match progress.seen(Progress::may_continue).await {
            true => write_at(&mut writer, body, &pace).await,
            false => Ok(()),
        }
    };
    let result = written.await;
    progress.change(|progress| progress.uploaded = Some(result.is_ok()));
    writer
}

async fn write_at(
    writer: &mut WriteHalf<Stream>,
    bytes: Bytes,
    pace: &Pace,
) -> std::io::Result<()> {
    let mut rest = bytes;
    if let Some((before, latch)) = &pace.pause {
        let first = rest.split_to((*before).min(rest.len()));
        writer.write_all(&first).await?;
        writer.flush().await?;
        latch.opened().await;
    }
    let (every, gap) = pace.split.unwrap_or((usize::MAX, Duration::ZERO));
    while !rest.is_empty() {
        let piece = rest.split_to(every.clamp(1, rest.len()));
        writer.write_all(&piece).await?;
        writer.flush().await?;
        if !rest.is_empty() {
            tokio::time::sleep(gap).await;
        }
    }
    Ok(())
}
