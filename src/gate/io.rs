//! The stream that stands between an upstream connection and Pingora's HTTP/1 parser.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use async_trait::async_trait;
use pingora::http::ResponseHeader;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType, ALPN,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::answer::Answer;
use super::outgoing::Outgoing;
use super::watch::{OnContent, Watch};
use crate::clock;

/// One read from the upstream. As large as Pingora's own read buffer below us, which is skipped by reads of that size and
/// then never touched: a waiting connection costs no buffer at all.
const READ_BYTES: usize = 64 * 1024;

/// One upstream connection, from its first request to its last.
pub struct Gate {
    inner: Stream,
    watch: Arc<Watch>,
    digest: Arc<ProxyDigest>,
    outgoing: Option<Outgoing>,
    answer: Option<Box<Answer>>,
    on_content: Option<OnContent>,
    /// One timer a connection. It is moved only when a nearer deadline comes up; a later one is looked at when it fires.
    timer: Option<Timer>,
    /// Something happened after which the connection must carry no other request: to the pool it looks closed.
    spent: bool,
}

struct Timer {
    sleep: Pin<Box<Sleep>>,
    set_to: Instant,
}

impl Gate {
    pub fn try_new(inner: Stream, watch: Arc<Watch>) -> pingora::Result<Gate> {
        let head = Box::new(ResponseHeader::build(200, Some(0))?);
        let digest = ProxyDigest::new(head, Some(Box::new(Arc::clone(&watch))));
        Ok(Gate {
            inner,
            watch,
            digest: Arc::new(digest),
            outgoing: None,
            answer: None,
            on_content: None,
            timer: None,
            spent: false,
        })
    }

    /// Sends what is left of the request. A failure isn't one yet: the upstream may have answered before it hung up.
    fn drive_request(&mut self, cx: &mut Context<'_>) {
        if let Some(outgoing) = &mut self.outgoing {
            match outgoing.poll_send(&mut self.inner, cx) {
                Poll::Ready(Ok(())) => self.outgoing = None,
                Poll::Ready(Err(_)) => {
                    self.outgoing = None;
                    self.spent = true;
                }
                Poll::Pending => {}
            }
        }
    }

    fn poll_answer(
        &mut self,
        mut answer: Box<Answer>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            self.drive_request(cx);
            if !answer.ready().is_empty() {
                let count = answer.ready().len().min(buf.remaining());
                buf.put_slice(answer.ready().get(..count).unwrap_or_default());
                answer.took(count);
                if answer.is_over() && answer.ready().is_empty() && answer.fault().is_none() {
                    self.conclude(answer);
                } else {
                    self.answer = Some(answer);
                }
                return Poll::Ready(Ok(()));
            }
            if answer.is_over() {
                self.spent = true;
                self.conclude(answer);
                return Poll::Ready(Err(io::Error::other("the gate ended this attempt")));
            }
            if self.watch.is_interrupted() {
                answer.interrupt();
            } else if self.poll_input(&mut answer, cx).is_pending() {
                self.watch.wait_with(cx.waker());
                self.answer = Some(answer);
                return Poll::Pending;
            }
        }
    }

    /// Waits for bytes, the end of the connection or the deadline, and tells the answer.
    fn poll_input(&mut self, answer: &mut Answer, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [MaybeUninit::<u8>::uninit(); READ_BYTES];
        let mut read = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.inner).poll_read(cx, &mut read) {
            Poll::Ready(Ok(())) if read.filled().is_empty() => answer.end_of_input(true),
            Poll::Ready(Ok(())) => {
                answer.feed(read.filled(), clock::now());
                if let Some(told) = self.on_content.take_if(|_| answer.has_content()) {
                    told.tell();
                }
            }
            Poll::Ready(Err(_)) => answer.end_of_input(false),
            Poll::Pending => {
                std::task::ready!(self.poll_deadline(answer.deadline(), cx));
                answer.tick(clock::now());
            }
        }
        Poll::Ready(())
    }

    fn poll_deadline(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Timer {
            sleep: Box::pin(tokio::time::sleep_until(deadline.into())),
            set_to: deadline,
        });
        loop {
            if deadline < timer.set_to {
                timer.set(deadline);
            }
            std::task::ready!(timer.sleep.as_mut().poll(cx));
            if timer.set_to >= deadline {
                // Fired for good; the next wait has to set it anew.
                timer.set(deadline + std::time::Duration::from_secs(86_400));
                return Poll::Ready(());
            }
            timer.set(deadline);
        }
    }

    /// The attempt is over: says what became of it and makes the connection ready for the next.
    fn conclude(&mut self, answer: Box<Answer>) {
        self.spent |= !answer.leaves_connection_usable() || self.outgoing.is_some();
        self.outgoing = None;
        self.watch.set_report(answer.into_report());
    }
}

impl Timer {
    fn set(&mut self, deadline: Instant) {
        self.set_to = deadline;
        self.sleep.as_mut().reset(deadline.into());
    }
}

impl Drop for Gate {
    /// An attempt that was left in the middle still has something to tell: how far it came.
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            self.watch.set_report(answer.into_report());
        }
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let gate = &mut *self;
        match gate.answer.take() {
            Some(answer) => gate.poll_answer(answer, cx, buf),
            // In the pool: an end or unexpected bytes are the pool's to see.
            None if gate.spent => Poll::Ready(Ok(())),
            None => Pin::new(&mut gate.inner).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let gate = &mut *self;
        if let Some(mut order) = gate.watch.take_order() {
            gate.outgoing = Some(Outgoing::new(std::mem::take(&mut order.body)));
            gate.on_content = order.on_content.take();
            gate.answer = Some(Box::new(Answer::new(order, clock::now())));
        }
        match &mut gate.outgoing {
            Some(outgoing) => Poll::Ready(outgoing.push_head(buf).map(|()| buf.len())),
            None => Pin::new(&mut gate.inner).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.outgoing.is_some() {
            self.drive_request(cx);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("id", &self.inner.id())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Shutdown for Gate {
    async fn shutdown(&mut self) {
        self.inner.shutdown().await;
    }
}

impl UniqueID for Gate {
    /// The connection's own: the pool checks by it that a descriptor still leads where it should.
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for Gate {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl GetTimingDigest for Gate {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }
}

impl GetProxyDigest for Gate {
    /// Carries the watch to the hooks: it is the one piece of a connection's digest that may hold something of ours.
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.digest))
    }
}

impl GetSocketDigest for Gate {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}

#[async_trait]
impl Peek for Gate {}
