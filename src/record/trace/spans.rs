//! The exporter of the configuration that serves, if that has one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwapOption;

use crate::config::UpstreamUrl;

use super::exporter::{Counts, Exporter, Process};
use super::post::Collector;
use super::span::RequestSpan;

/// Owned by the process; a reload may change where spans go, or whether they do.
pub struct Spans {
    current: ArcSwapOption<Exporter>,
    /// The collector that it sends to; held while that changes.
    address: Mutex<Option<UpstreamUrl>>,
    process: Process,
    counts: Arc<Counts>,
}

impl Spans {
    /// Sends nothing before [`Spans::configure`].
    pub fn new(process: Process) -> Spans {
        Spans {
            current: ArcSwapOption::empty(),
            address: Mutex::default(),
            process,
            counts: Arc::default(),
        }
    }

    /// From now on spans go there. What waits for an address that has changed is still sent to the old one; an address
    /// that hasn't changed keeps everything as it is.
    pub fn configure(&self, address: Option<&UpstreamUrl>) {
        let mut current = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref() == address {
            return;
        }
        self.current
            .store(address.and_then(|address| self.start(address)));
        *current = address.cloned();
    }

    /// Hands over a request's spans. Never waits; without a collector they are forgotten.
    pub fn send(&self, request: RequestSpan) {
        if let Some(exporter) = &*self.current.load() {
            exporter.send(request);
        }
    }

    /// What became of them since the start, for the metrics.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// For the end of the process: see [`Exporter::flush_and_close`].
    pub fn flush_and_close(&self, deadline: Instant) -> bool {
        let exporter = self.current.load_full();
        exporter.is_none_or(|exporter| exporter.flush_and_close(deadline))
    }

    fn start(&self, address: &UpstreamUrl) -> Option<Arc<Exporter>> {
        let (process, counts) = (self.process.clone(), Arc::clone(&self.counts));
        match Exporter::start(Collector::new(address), process, counts) {
            Ok(exporter) => Some(Arc::new(exporter)),
            Err(error) => {
                log::error!("no spans are sent: {error}");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::record::trace::sample::{self, decode, StandIn, ACCEPTED, PATIENCE};

    fn received(stand_in: &StandIn) -> usize {
        let requests = stand_in.requests.try_iter();
        requests.map(|request| decode(&request.body).len()).sum()
    }

    #[test]
    fn without_a_collector_nothing_is_kept_or_counted() {
        let spans = Spans::new(sample::process());
        spans.send(sample::request());
        assert!(spans.flush_and_close(clock::now()));
        assert_eq!((spans.counts().sent(), spans.counts().lost()), (0, 0));
    }

    #[test]
    fn a_reload_moves_spans_to_another_collector_and_loses_none() {
        let (one, other) = (StandIn::start(&[ACCEPTED]), StandIn::start(&[ACCEPTED]));
        let spans = Spans::new(sample::process());
        spans.configure(Some(&sample::url(one.address.port())));
        spans.send(sample::request());
        spans.configure(Some(&sample::url(other.address.port())));
        spans.send(sample::request());
        spans.send(sample::request());

        assert!(spans.flush_and_close(clock::now() + PATIENCE));

        let each = sample::request().count();
        assert_eq!(decode(&one.next().body).len(), each);
        assert_eq!(received(&other), 2 * each);
    }

    #[test]
    fn a_reload_that_changes_nothing_keeps_what_waits() {
        let stand_in = StandIn::start(&[ACCEPTED]);
        let spans = Spans::new(sample::process());
        let address = sample::url(stand_in.address.port());
        spans.configure(Some(&address));
        let before = spans.current.load_full().unwrap();
        spans.configure(Some(&address));
        assert!(Arc::ptr_eq(&before, &spans.current.load_full().unwrap()));
        spans.configure(None);
        assert!(spans.current.load().is_none());
    }
}
