//! The exporter's thread: takes what waits, sends it in batches, says once what goes wrong.
//!
//! A batch that failed is tried again after a wait that grows, and nothing else is tried meanwhile: an absent collector sees
//! one connection every half minute. What doesn't fit into the queue by then is lost and counted.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::clock;

use super::exporter::{Counts, Process};
use super::link::{Link, News, Trouble, CALM};
use super::post::Collector;
use super::queue::{Queue, Waiting, BATCH_SPANS, MOST_SPANS};
use super::span::RequestSpan;
use super::wire;

/// An idle exporter with nothing on its mind sleeps this long; spans wake it at once.
const LONG: Duration = Duration::from_secs(3600);

const TARGET: &str = "sidegate::record";

/// Sends until the queue is closed.
pub struct Worker {
    pub queue: Arc<Queue>,
    pub counts: Arc<Counts>,
    pub collector: Collector,
    pub process: Process,
    pub link: Link,
}

/// Starts the thread.
///
/// # Errors
/// The system has none to give.
pub fn start(worker: Worker) -> io::Result<()> {
    thread::Builder::new()
        .name("span-exporter".to_owned())
        .spawn(move || worker.run())
        .map(drop)
}

impl Drop for Worker {
    /// Also when it panicked: nobody may wait for it then.
    fn drop(&mut self) {
        self.counts.lose(self.queue.exporter_ended());
    }
}

impl Worker {
    fn run(mut self) {
        loop {
            let round = self.queue.next_round(self.patience());
            self.send_all(round.requests);
            self.look();
            if round.last {
                return;
            }
        }
    }

    fn patience(&self) -> Duration {
        match self.link.is_troubled() {
            true => CALM,
            false => LONG,
        }
    }

    fn send_all(&mut self, requests: Waiting) {
        let mut batch = Vec::new();
        let mut spans = 0;
        for request in requests {
            spans += request.count();
            batch.push(*request);
            if spans >= BATCH_SPANS {
                self.send(&batch, spans);
                batch.clear();
                spans = 0;
            }
        }
        if !batch.is_empty() {
            self.send(&batch, spans);
        }
    }

    /// Until the batch is sent, refused for good, or given up because the process ends.
    fn send(&mut self, batch: &[RequestSpan], spans: usize) {
        let body = wire::encode(batch, &self.process);
        let sent = loop {
            let closing = self.queue.pause(self.link.wait(clock::now()));
            if closing && self.link.is_failing() {
                break 0;
            }
            match self.collector.post(&body) {
                Ok(rejected) => {
                    self.link.sent(clock::now());
                    break spans.saturating_sub(usize::try_from(rejected).unwrap_or(usize::MAX));
                }
                Err(failed) => {
                    let news = self.link.failed(failed.problem, failed.asked, clock::now());
                    self.tell(news);
                    if !failed.is_worth_another_try() {
                        break 0;
                    }
                }
            }
        };
        self.counts.send(sent);
        self.counts.lose(spans - sent);
        self.queue.settled(spans);
        self.look();
    }

    fn look(&mut self) {
        let news = self.link.look(self.counts.lost(), clock::now());
        self.tell(news);
    }

    fn tell(&self, news: Option<News>) {
        let collector = &self.collector;
        match news {
            None => {}
            Some(News::Began(Trouble::Unreachable(problem))) => log::warn!(
                target: TARGET,
                "spans don't reach {collector}: {problem}; {MOST_SPANS} may wait, more are dropped and counted"
            ),
            Some(News::Began(Trouble::TooMany)) => log::warn!(
                target: TARGET,
                "spans come faster than {collector} takes them; some are dropped and counted"
            ),
            Some(News::Over { lost }) => log::info!(
                target: TARGET,
                "spans reach {collector} again; {lost} were lost meanwhile"
            ),
        }
    }
}
