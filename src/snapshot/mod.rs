//! What the gateway runs with: one immutable [`Snapshot`] a request, and what outlives them all in [`Shared`].
//!
//! A snapshot is the checked configuration together with what was made of it: tokens, upstream keys, certificates, metric
//! handles. It is built whole, then swapped in; a request keeps the one it started with.

mod build;
mod disks;
pub mod last_good;
mod model_list;
mod pressure;
mod prober;
mod reload;
mod rounds;
mod runtime;
mod shared;
mod slots;
mod spending;
mod tls;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use http::header::{HeaderName, HeaderValue};
use pingora::upstreams::peer::HttpPeer;

use crate::admit::{UpstreamLimits, UpstreamPlaces};
use crate::attempt::{self, Load, Pace, Reading, Resolver, Seen};
use crate::breaker::{Condition, Slot, View};
use crate::caller::{HostRule, TokenTable};
use crate::clock;
use crate::config::{self, Config, Family, Target};
use crate::http_client::Client;
use crate::limits::Pool;
use crate::record::labels::BreakerState;
use crate::record::{trace, Handles};
use crate::skill::Skills;

pub use build::{build, examine, sound_upstreams, BuildError, Findings, Ingredients};
pub use disks::measure_disks_for_ever;
pub use pressure::read_pressure_for_ever;
pub use prober::{get, probe_for_ever};
pub use reload::{Change, Earlier, Reloaded, Reloader};
pub use runtime::Runtime;
pub use shared::{Lasting, Shared};
pub use slots::learn_slots_for_ever;
pub use spending::{save_budgets_for_ever, share_budgets_for_ever};
pub use tls::ClientTls;

/// One generation of everything that a request depends on.
pub struct Snapshot {
    pub generation: u64,
    /// Seconds since 1970 at which it was made: the `created` of our models.
    pub made_at: u64,
    pub config: Config,
    pub tokens: TokenTable,
    /// The caller's place in the metric handles.
    pub caller_places: HashMap<String, usize>,
    /// Memory for each caller's bodies, by that place.
    caller_bodies: Vec<Arc<Pool>>,
    pub hosts: HostRule,
    pub skills: Skills,
    /// In the order of the configuration.
    pub upstreams: Vec<Arc<Upstream>>,
    /// By route and target.
    targets: Vec<Vec<TargetState>>,
    /// Whose turn it is, by route.
    turns: Vec<AtomicUsize>,
    pub handles: Handles,
}

/// One upstream, ready to be spoken to.
pub struct Upstream {
    pub name: Arc<str>,
    pub config: config::Upstream,
    pub resolver: Arc<Resolver>,
    /// For the gateway's own questions; the same for all upstreams.
    pub client: Arc<Client>,
    pub runtime: Arc<Runtime>,
    /// Its places for requests.
    pub places: Arc<UpstreamPlaces>,
    /// The `Host` of requests.
    pub host: HeaderValue,
    /// The key as the header's value; marked sensitive, so that no debug output shows it.
    pub authorization: Option<HeaderValue>,
    pub tls: ClientTls,
    /// What spans say of it.
    pub traced: Arc<trace::Server>,
    /// Connections of different keys, certificates or names never mix.
    pub group_key: u64,
    pub extra_request_headers: Vec<HeaderName>,
    pub extra_response_headers: Vec<HeaderName>,
}

impl Upstream {
    /// A connection there: who it must be, who we are. Probes and requests add what is theirs.
    pub fn peer(&self, address: SocketAddr) -> HttpPeer {
        let https = self.config.url.https;
        let name = self.config.tls.server_name.clone();
        let name = name.filter(|_| https).unwrap_or_default();
        let mut peer = HttpPeer::new(address, https, name);
        peer.client_cert_key = self.tls.client_cert.clone();
        peer.options.ca = self.tls.ca.clone();
        peer
    }

    /// Requests in flight there at most: as configured, or as the server itself says.
    pub fn streams(&self) -> u32 {
        let learned = self.runtime.slots();
        let learned = learned.filter(|_| self.config.streams_are_its_own);
        learned.unwrap_or(self.config.streams)
    }

    /// What the server last said of how busy it is; none where it doesn't say, or too long ago.
    fn pressure(&self, now: Instant) -> Option<Seen> {
        let every = self.config.pressure.as_ref()?.every;
        self.runtime.pressure.fresh(now, every)
    }

    /// The header with the key, as its family wants it; none where it has no key.
    pub fn key(&self) -> Option<(&'static str, HeaderValue)> {
        let name = match self.config.family {
            Family::Anthropic => "x-api-key",
            _ => "authorization",
        };
        Some((name, self.authorization.clone()?))
    }
}

/// What is shared by all requests to one model of one upstream.
pub struct TargetState {
    pub pace: Arc<Pace>,
    pub breaker: Slot,
}

/// A breaker as metrics, `/status` and commands name it: half-open means that a probe is out; one whose time is over stays
/// open until somebody asks.
pub fn breaker_state(view: &View) -> BreakerState {
    match (view.condition, view.probe_for) {
        (Condition::Closed, _) => BreakerState::Closed,
        (Condition::HalfOpen, Some(_)) => BreakerState::HalfOpen,
        (Condition::Open | Condition::HalfOpen, _) => BreakerState::Open,
    }
}

impl Snapshot {
    /// The part of the memory for bodies that one caller may have.
    pub fn bodies_of(&self, caller: &str) -> Option<Arc<Pool>> {
        let place = *self.caller_places.get(caller)?;
        self.caller_bodies.get(place).cloned()
    }

    /// What each upstream takes at most.
    fn upstream_limits(&self) -> Vec<UpstreamLimits> {
        let limits = |upstream: &Arc<Upstream>| UpstreamLimits {
            upstream: upstream.places.id(),
            streams: upstream.streams(),
            prompt_bytes: upstream.config.prompt_bytes_in_flight,
        };
        self.upstreams.iter().map(limits).collect()
    }

    pub fn target_state(&self, route: usize, target: usize) -> Option<&TargetState> {
        self.targets.get(route)?.get(target)
    }

    /// How busy the targets of a route are, for the choice among them; `prefix` is what the request begins with.
    pub fn load(&self, route: usize, prefix: Option<u64>) -> RouteLoad<'_> {
        RouteLoad {
            snapshot: self,
            route,
            prefix,
            now: clock::now(),
        }
    }

    /// Our requests in flight at an upstream.
    pub fn in_flight(&self, upstream: usize) -> u32 {
        let series = self.handles.upstream(upstream);
        series.map_or(0, |series| {
            u32::try_from(series.in_flight()).unwrap_or(u32::MAX)
        })
    }

    /// What an upstream last said of how busy it is; none where it doesn't say, or too long ago.
    pub fn pressure(&self, upstream: usize) -> Option<Reading> {
        let seen = self.upstreams.get(upstream)?.pressure(clock::now())?;
        Some(seen.reading)
    }

    /// Moves the turn on; called once a request.
    pub fn take_turn(&self, route: usize) {
        if let Some(turn) = self.turns.get(route) {
            turn.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// [`Load`] as the metrics count it: one truth for balance and dashboards.
pub struct RouteLoad<'a> {
    snapshot: &'a Snapshot,
    route: usize,
    prefix: Option<u64>,
    now: Instant,
}

impl Load for RouteLoad<'_> {
    fn requests(&self, target: &Target) -> u32 {
        let ours = self.snapshot.in_flight(target.upstream);
        let upstream = self.snapshot.upstreams.get(target.upstream);
        let seen = upstream.and_then(|upstream| upstream.pressure(self.now));
        attempt::load(ours, seen)
    }

    fn prefix(&self) -> Option<u64> {
        self.prefix
    }

    fn identity(&self, target: &Target) -> u64 {
        let upstream = self.snapshot.upstreams.get(target.upstream);
        let name = upstream.map_or("", |upstream| upstream.config.name.as_str());
        attempt::identity(name, target.model.as_deref())
    }

    fn is_behind(&self, target: &Target) -> bool {
        let upstream = self.snapshot.upstreams.get(target.upstream);
        upstream.is_some_and(|upstream| upstream.runtime.health().is_behind())
    }

    fn turn(&self) -> usize {
        self.snapshot
            .turns
            .get(self.route)
            .map_or(0, |turn| turn.load(Ordering::Relaxed))
    }
}
