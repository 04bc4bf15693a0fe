//! The way out for spans: a handle that never waits, and the counts of what became of them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

use super::link::Link;
use super::post::Collector;
use super::queue::Queue;
use super::span::RequestSpan;
use super::thread::{self, Worker};

/// Who sends: the resource that all spans belong to.
#[derive(Debug, Clone)]
pub struct Process {
    pub version: &'static str,
    /// This process among all gateways.
    pub instance: String,
}

/// Spans since the start of the process, whichever exporter had them.
#[derive(Debug, Default)]
pub struct Counts {
    sent: AtomicU64,
    lost: AtomicU64,
}

impl Counts {
    /// Taken by a collector.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Dropped because too many waited, or refused by the collector.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn send(&self, spans: usize) {
        self.sent.fetch_add(spans as u64, Ordering::Relaxed);
    }

    pub(super) fn lose(&self, spans: usize) {
        self.lost.fetch_add(spans as u64, Ordering::Relaxed);
    }
}

/// Spans on their way to one collector.
///
/// Dropped, it takes no more; its thread still sends what waits, if the process lives on, and gives up at the first failure.
pub struct Exporter {
    queue: Arc<Queue>,
    counts: Arc<Counts>,
}

impl Exporter {
    /// Starts the thread that sends. The collector isn't asked for before there is a span.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(
        collector: Collector,
        process: Process,
        counts: Arc<Counts>,
    ) -> io::Result<Exporter> {
        let queue = Arc::new(Queue::default());
        thread::start(Worker {
            queue: Arc::clone(&queue),
            counts: Arc::clone(&counts),
            collector,
            process,
            link: Link::new(counts.lost()),
        })?;
        Ok(Exporter { queue, counts })
    }

    /// Hands over a request's spans. Never waits; false when they were dropped, which is counted.
    pub fn send(&self, request: RequestSpan) -> bool {
        let spans = request.count();
        let taken = self.queue.push(Box::new(request));
        if !taken {
            self.counts.lose(spans);
        }
        taken
    }

    /// For the end of the process: takes no more spans and tries to send what waits. Returns whether that was done, sent or
    /// given up, by `deadline`.
    pub fn flush_and_close(&self, deadline: Instant) -> bool {
        self.queue.close();
        self.queue.wait_until_closed(deadline)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests;
