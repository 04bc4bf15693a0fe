//! The laws that hold after every test, whatever it did: three ledgers (client, gateway, scripted upstreams)
//! joined by correlation id.
//!
//! All broken laws are told at once. A test that can't keep one says which and why, in its own text.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::capacity;
use super::client::Reply;
use super::gateway::{Gateway, Metrics};
use super::upstream::{SeenRequest, Upstream};
use super::wait::try_eventually;

mod admitted;
mod attempts;
mod bytes;
mod lines;
mod places;
mod secrets;

/// How long the gateway has to come to rest.
const REST: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// One terminal access line for each request; it says what the client saw; in-flight gauges are back at 0.
    L1,
    /// What the client got is a prefix of what the upstream sent, all of it when the line says `ok`.
    L2,
    /// Attempts seen upstream = logged = counted, and never more than 1 + `retry.max`.
    L3,
    /// Lanes have the capacity that was configured, and all of it is free; nobody waits. With few places
    /// ([`super::capacity`]) one more request for each upstream shows it.
    L4,
    /// No probe is left over; the breaker file can be read.
    L5,
    /// Canaries stand nowhere but where they may.
    L6,
    /// Nothing of one request in another's answer, no key at another upstream, no client's bearer at any.
    L7,
    /// File descriptors and threads are back to where they were.
    L8,
    /// Every log line is whole JSON, and numbered lines have no gap.
    L9,
}

const ALL: [Law; 9] = [
    Law::L1,
    Law::L2,
    Law::L3,
    Law::L4,
    Law::L5,
    Law::L6,
    Law::L7,
    Law::L8,
    Law::L9,
];

/// Checks all of them; call it at the end of every test.
pub async fn check(gateway: &Gateway, upstreams: &[&Upstream]) {
    of(gateway, upstreams).check().await;
}

/// For a test that has something to say first.
pub fn of<'a>(gateway: &'a Gateway, upstreams: &'a [&'a Upstream]) -> Laws<'a> {
    Laws {
        gateway,
        upstreams,
        skipped: BTreeMap::new(),
        retry_max: gateway.retry_max(),
        spare_fds: 8,
        spare_threads: 8,
    }
}

pub struct Laws<'a> {
    gateway: &'a Gateway,
    upstreams: &'a [&'a Upstream],
    skipped: BTreeMap<Law, String>,
    retry_max: u64,
    spare_fds: usize,
    spare_threads: usize,
}

impl Laws<'_> {
    /// The test can't keep this one, because of `reason`.
    pub fn skip(mut self, law: Law, reason: &str) -> Self {
        assert!(!reason.is_empty(), "a law is skipped for a reason");
        self.skipped.insert(law, reason.to_string());
        self
    }

    /// The retry ceiling of a configuration that the test wrote as text.
    pub fn retry_max(mut self, most: u64) -> Self {
        self.retry_max = most;
        self
    }

    /// File descriptors that the test's own open connections hold at the gateway.
    pub fn spare_fds(mut self, more: usize) -> Self {
        self.spare_fds += more;
        self
    }

    pub async fn check(self) {
        let mut broken = Vec::new();
        for law in ALL
            .into_iter()
            .filter(|law| !self.skipped.contains_key(law))
        {
            // What isn't so yet may be so in a moment: the last line is written after the last byte.
            let kept = try_eventually(REST, async || match self.complaints(law).await {
                complaints if complaints.is_empty() => Ok(()),
                complaints => Err(complaints.join("\n    ")),
            });
            if let Err(complaints) = kept.await {
                broken.push(format!("{law:?}: {complaints}"));
            }
        }
        if broken.is_empty() && capacity::is_small() && !self.skipped.contains_key(&Law::L4) {
            let complaints = admitted::one_more_each(self.gateway, self.upstreams).await;
            broken.extend(
                complaints
                    .into_iter()
                    .map(|text| format!("{:?}: {text}", Law::L4)),
            );
        }
        let skipped = self
            .skipped
            .iter()
            .map(|(law, reason)| format!("\n  ({law:?} was skipped: {reason})"));
        let skipped = skipped.collect::<String>();
        assert!(
            broken.is_empty(),
            "laws broken:\n  {}{skipped}",
            broken.join("\n  ")
        );
    }

    /// How one law is broken now; nothing when it is kept.
    pub async fn complaints(&self, law: Law) -> Vec<String> {
        let facts = Facts::gather(self).await;
        match law {
            Law::L1 => lines::one_each(&facts),
            Law::L2 => bytes::prefixes(&facts),
            Law::L3 => attempts::agree(&facts),
            Law::L4 => places::free(&facts).await,
            Law::L5 => places::breakers(&facts).await,
            Law::L6 => secrets::canaries(&facts).await,
            Law::L7 => secrets::separate(&facts),
            Law::L8 => places::resources(&facts),
            Law::L9 => lines::whole(&facts),
        }
    }
}

/// The three ledgers at one moment.
struct Facts<'a> {
    laws: &'a Laws<'a>,
    gateway: &'a Gateway,
    replies: Vec<Reply>,
    access: Vec<Value>,
    /// Index of its upstream beside each request.
    seen: Vec<(usize, SeenRequest)>,
    /// `None` once the gateway has ended.
    metrics: Option<Metrics>,
    by_id: ById,
}

/// Where each correlation id stands in the ledgers: some tests have thousands of requests.
struct ById {
    replies: Index,
    access: Index,
    seen: Index,
}

type Index = HashMap<String, Vec<usize>>;

fn index<'a>(ids: impl Iterator<Item = Option<&'a str>>) -> Index {
    let mut index = Index::new();
    for (place, id) in ids.enumerate() {
        if let Some(id) = id {
            index.entry(id.to_string()).or_default().push(place);
        }
    }
    index
}

impl<'a> Facts<'a> {
    async fn gather(laws: &'a Laws<'a>) -> Self {
        let gateway = laws.gateway;
        let requests = |(i, upstream): (usize, &&Upstream)| {
            let requests = upstream.requests().into_iter();
            requests.map(|request| (i, request)).collect::<Vec<_>>()
        };
        let metrics = match gateway.is_running() {
            true => Some(gateway.metrics().await),
            false => None,
        };
        let access = gateway.access_lines();
        let seen = laws.upstreams.iter().enumerate().flat_map(requests);
        let seen = seen.collect::<Vec<_>>();
        let replies = gateway.ledger().replies();
        let by_id = ById {
            replies: index(replies.iter().map(id_of)),
            access: index(access.iter().map(|line| line["correlation_id"].as_str())),
            seen: index(seen.iter().map(|(_, request)| request.correlation_id())),
        };
        Facts {
            laws,
            gateway,
            replies,
            access,
            seen,
            metrics,
            by_id,
        }
    }

    fn lines_of(&self, id: &str) -> Vec<&Value> {
        let places = self.by_id.access.get(id).into_iter().flatten();
        places.map(|place| &self.access[*place]).collect()
    }

    /// The attempts of one request that an upstream saw, in no order.
    fn attempts_of(&self, id: &str) -> Vec<&SeenRequest> {
        let places = self.by_id.seen.get(id).into_iter().flatten();
        places.map(|place| &self.seen[*place].1).collect()
    }

    /// What clients got for this id: one reply, unless a test sent it more than once.
    fn replies_of(&self, id: &str) -> Vec<&Reply> {
        let places = self.by_id.replies.get(id).into_iter().flatten();
        places.map(|place| &self.replies[*place]).collect()
    }
}

/// The id that joins a reply with the other ledgers: the gateway's word for it, else the client's own.
fn id_of(reply: &Reply) -> Option<&str> {
    reply
        .correlation_id()
        .or(reply.sent.correlation_id.as_deref())
}
