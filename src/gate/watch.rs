//! What hooks and gate say to each other: the order for an attempt, and the report of what became of it.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pingora::protocols::Digest;
use tokio::sync::Notify;

use super::clocks::Clocks;
use super::inspect::Inspect;
use crate::stream::{FinishReason, Usage, Wishes};

/// Until when an answer is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Until the first event with content; a plain answer until its first body byte.
    FirstToken,
    /// Until it is complete.
    Whole,
}

/// One attempt, as the hooks want it.
#[derive(Debug)]
pub struct Order {
    /// The request's body, written right behind the head that Pingora writes.
    pub body: Bytes,
    pub commit: Commit,
    pub clocks: Clocks,
    pub wishes: Wishes,
    /// The client asked for a stream.
    pub wants_stream: bool,
    /// An answer that is held back grows to this at most; then it is committed as it stands.
    pub held_limit: usize,
    /// How often a waiting stream gets a comment.
    pub heartbeat: Option<Duration>,
    /// An earlier attempt or the queue already sent a 200 head for an event stream.
    pub head_is_out: bool,
    /// A comment that closes a stream whose head went out before anything was known of its answer.
    pub closing: Bytes,
    /// Told as soon as a stream's first content is here, held back or not.
    pub on_content: Option<OnContent>,
    /// Has to agree before a plain answer, or one that is held back until it is whole, goes out.
    pub inspector: Option<Box<dyn Inspect>>,
}

/// What the hooks want done at a stream's first content.
pub struct OnContent(Box<dyn FnOnce() + Send + Sync>);

impl OnContent {
    pub fn new(act: impl FnOnce() + Send + Sync + 'static) -> OnContent {
        OnContent(Box::new(act))
    }

    pub(super) fn tell(self) {
        (self.0)();
    }
}

impl fmt::Debug for OnContent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("OnContent")
    }
}

/// Why an attempt ended badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    HeaderTimeout,
    FirstTokenTimeout,
    IdleTimeout,
    PlainTimeout,
    TotalTimeout,
    /// The answer is an error by its status; [`Report::evidence`] holds it.
    Status,
    /// The upstream reported a failure inside its stream.
    ErrorEvent,
    /// The connection ended before any byte of an answer.
    NoAnswer,
    /// The connection ended, or the stream did, and the answer isn't whole.
    Cut,
    /// Not HTTP/1, or framing that can't be trusted.
    Protocol,
    /// It is whole, and its inspector refuses it.
    Misfit,
    /// The gateway is ending and gives up what still runs.
    Interrupted,
}

/// An answer that the client doesn't get, for classification and the restricted log.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub retry_after_ms: Option<String>,
    pub date: Option<String>,
    /// At most [`super::answer::EVIDENCE_BYTES`].
    pub body: Vec<u8>,
}

/// What became of an attempt.
#[derive(Debug, Default)]
pub struct Report {
    pub fault: Option<Fault>,
    /// Bytes of the answer itself were handed on.
    pub committed: bool,
    /// The answer came to its end as its dialect and framing want it.
    pub finished: bool,
    /// Its inspector refused it, be it too late.
    pub is_misfit: bool,
    /// The answer is an event stream.
    pub is_stream: bool,
    pub status: Option<u16>,
    pub head_at: Option<Instant>,
    pub first_content_at: Option<Instant>,
    pub last_read_at: Option<Instant>,
    pub usage: Usage,
    /// Events with content, for an estimate where no usage came.
    pub content_events: u64,
    pub finish_reason: Option<FinishReason>,
    /// Events that were dropped because they were no JSON.
    pub dropped_events: u64,
    /// Heartbeats handed on; the client has a head then.
    pub beats: u32,
    pub evidence: Option<Box<Evidence>>,
}

#[derive(Debug, Default)]
struct Shared {
    order: Option<Box<Order>>,
    report: Option<Box<Report>>,
    /// Whoever waits for the connection.
    waker: Option<Waker>,
}

/// Belongs to a connection; orders and reports of its attempts pass through it one after the other.
#[derive(Debug, Default)]
pub struct Watch {
    shared: Mutex<Shared>,
    interrupted: AtomicBool,
}

impl Watch {
    /// Ends the attempt under way with [`Fault::Interrupted`].
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
        if let Some(waker) = self.lock().waker.take() {
            waker.wake();
        }
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Remembers whom to wake for an interruption.
    pub(super) fn wait_with(&self, waker: &Waker) {
        let mut shared = self.lock();
        if !shared
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            shared.waker = Some(waker.clone());
        }
    }

    /// The watch of the connection that Pingora's digest describes, new or reused.
    pub fn of(digest: &Digest) -> Option<Arc<Watch>> {
        let user_data = digest.proxy_digest.as_ref()?.user_data.as_ref()?;
        let any: &(dyn Any + Send + Sync) = user_data.as_ref();
        any.downcast_ref::<Arc<Watch>>().cloned()
    }

    /// Gives the gate its order; what an earlier attempt on this connection left is gone.
    pub fn arm(&self, order: Order) {
        let mut shared = self.lock();
        shared.order = Some(Box::new(order));
        shared.report = None;
    }

    /// The report of the attempt, once.
    pub fn take_report(&self) -> Option<Box<Report>> {
        self.lock().report.take()
    }

    pub(super) fn take_order(&self) -> Option<Box<Order>> {
        self.lock().order.take()
    }

    pub(super) fn set_report(&self, report: Report) {
        self.lock().report = Some(Box::new(report));
    }

    /// A panic while the lock was held leaves plain values behind: they are as good as before.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections to upstreams, so that the end of the process can tell their clients.
#[derive(Debug, Default)]
pub struct Watches {
    list: Mutex<Vec<Weak<Watch>>>,
    interrupted: AtomicBool,
    /// Wakes those who have no connection yet.
    ending: Notify,
}

impl Watches {
    pub(super) fn add(&self) -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        let mut list = self.list();
        // Those of closed connections go whenever the list would have to grow.
        if list.len() == list.capacity() {
            list.retain(|known| known.strong_count() > 0);
        }
        list.push(Arc::downgrade(&watch));
        drop(list);
        // Whoever connects while all are being interrupted is one of them.
        if self.interrupted.load(Ordering::SeqCst) {
            watch.interrupt();
        }
        watch
    }

    /// Ends every attempt that is under way, and every wait for one.
    pub fn interrupt_all(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.ending.notify_waiters();
        for watch in self.list().iter().filter_map(Weak::upgrade) {
            watch.interrupt();
        }
    }

    /// Ends with [`Watches::interrupt_all`]: for whoever waits and has no connection to be interrupted at.
    pub async fn interrupted(&self) {
        let ending = self.ending.notified();
        tokio::pin!(ending);
        // From here on no notification is missed, so the flag tells of all earlier ones.
        ending.as_mut().enable();
        if !self.interrupted.load(Ordering::SeqCst) {
            ending.await;
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Weak<Watch>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
