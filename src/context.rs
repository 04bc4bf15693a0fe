//! Everything about one request: what each stage decided for it, and what is given back when it ends.
//!
//! It begins with the request and is dropped with it, whatever way that goes: places, counts and buffers it holds come
//! back then. A stage writes its own field once; later stages read it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use crate::admit::Places;
use crate::attempt::{Outcome, Trail};
use crate::breaker::Permit;
use crate::budget::{Remaining, Reservation};
use crate::caller::Caller;
use crate::clock;
use crate::config::{Lane, Route, Target};
use crate::correlation::CorrelationId;
use crate::failure::{Code, Failure};
use crate::gate::{Report, Watch, Watches};
use crate::limits::{BodyPermit, ConnectionPermit, Share};
use crate::record::labels::{Phase, WaitFor};
use crate::record::trace::{AttemptSpan, SpanId, Trace};
use crate::record::{InFlight, Try, Wait, Waits};
use crate::route::{Api, Peek, Shape};
use crate::skill::{self, Claim, Manifest, Verdict};
use crate::snapshot::Snapshot;

/// One request.
pub struct RequestContext {
    /// The configuration that the request started with; it never sees another.
    pub snapshot: Arc<Snapshot>,
    pub started: Instant,
    pub started_wall: SystemTime,
    pub correlation: CorrelationId,
    /// Counts the request among those under way, which a drain waits for.
    pub under_way: Option<Share>,
    /// Tells whoever waits that the process ends.
    pub watches: Arc<Watches>,
    /// The connection's place among all; it stays with the connection when the request is over.
    pub connection: Option<Arc<ConnectionPermit>>,
    /// The gateways that the request has passed.
    pub hops: Option<String>,
    /// Where it stands in its trace; none where nothing is recorded.
    pub trace: Option<Trace>,
    pub method: Option<&'static str>,
    /// Decided by the path.
    pub api: Option<Api>,
    /// The path asks for models, which the gateway answers itself.
    pub asks_models: bool,
    pub query: Option<&'static str>,
    /// A browser's origin that may read the answer.
    pub origin: Option<String>,
    /// Decided by the token.
    pub caller: Option<Arc<Caller>>,
    /// Whose token it was that has expired: known to the access line alone.
    pub expired: Option<Arc<str>>,
    /// Decided by the token or a header: whose manifest holds for it.
    pub skill: Option<Arc<Manifest>>,
    /// Decided by the body.
    pub call: Option<Call>,
    /// How often the client's SDK has tried already, by its own word.
    pub client_retry: Option<u32>,
    pub attempts: Attempts,
    /// Its places in the lane and at an upstream, once it has them.
    pub places: Option<Places>,
    /// What it may spend, where its caller or route has a limit.
    pub spending: Option<Spending>,
    /// What the request failed with, once it has.
    pub failure: Option<Failure>,
    /// A 200 head for an event stream went out, maybe before any answer was there.
    pub head_is_out: bool,
    /// The status that the client got, or 499.
    pub status: u16,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// When the last byte of the request had been read: the total clock starts here.
    pub body_end: Option<Instant>,
    /// The client's own timeout, as far as it tells it.
    pub client_deadline: Option<Instant>,
}

/// What is to be done for the client.
pub struct Call {
    /// Index into the configuration's routes.
    pub route: usize,
    pub lane: Lane,
    pub peek: Peek,
    pub body: Bytes,
    /// What it says that its answer will be.
    pub claim: Claim,
    /// What it begins with, where its route sends alike ones to the same target.
    pub prefix: Option<u64>,
    /// The client named the request so that a server can tell a second copy.
    pub has_idempotency_key: bool,
    /// The bytes' share of the memory for bodies.
    pub memory: BodyPermit,
}

/// What a request may spend.
pub struct Spending {
    /// None when it was refused, or is settled.
    pub reservation: Option<Reservation>,
    /// Tokens.
    pub reserved: u64,
    /// What was left when it had reserved.
    pub remaining: Remaining,
}

/// The attempts so far and the one under way.
#[derive(Default)]
pub struct Attempts {
    pub count: u32,
    pub trail: Trail,
    pub current: Option<Attempt>,
    /// What the last attempt that ended came to.
    pub last: Option<Outcome>,
    pub upstream_status: Option<u16>,
    /// How long targets asked to be left alone, by index, until when.
    pub asked: Vec<(usize, Instant)>,
    /// How long it has waited in its lane's queue; none when it never asked for a place.
    pub queued: Option<Duration>,
    /// When a stream that waits for its turn gets its next comment.
    pub next_beat: Option<Instant>,
    /// The next attempt is counted in its upstream's retry budget.
    pub is_counted: bool,
    /// Answers that the skill didn't accept.
    pub misfits: u32,
    /// Another answer would be the same, or there is no budget for it.
    pub misfit_stays: bool,
    /// Tokens of answers that the client didn't get.
    pub discarded_tokens: u64,
    /// Targets that failed with a 500: one request counts once.
    pub failed_once: Vec<usize>,
    /// Each attempt that ended, for the log line.
    pub tries: Vec<Try>,
    /// Each wait before one, likewise.
    pub waits: Waits,
    /// The same for its spans, where it is traced.
    pub spans: Vec<AttemptSpan>,
    /// What the answer that the client gets said about itself.
    pub report: Report,
    pub first_content_at: Option<Instant>,
    /// Time spent waiting for upstreams, and between attempts: not the gateway's own.
    pub elsewhere: Duration,
}

/// One attempt under way.
pub struct Attempt {
    /// Index into the route's targets.
    pub target: usize,
    /// Index into the configuration's upstreams.
    pub upstream: usize,
    /// What it is called in the trace.
    pub span: SpanId,
    pub started: Instant,
    pub reused: bool,
    pub connected: bool,
    pub watch: Option<Arc<Watch>>,
    /// Counts it among the upstream's requests in flight.
    pub inside: Option<InFlight>,
    /// What the skill says of the answer, once it is whole; none where there is no skill.
    pub judged: Option<Arc<OnceLock<Verdict>>>,
    /// The breaker's leave; dropped without a word it says nothing.
    pub permit: Option<Permit>,
}

impl Attempts {
    /// The rest of the time that `target` asked for.
    pub fn asked_by(&self, target: usize, now: Instant) -> Option<Duration> {
        let (_, until) = self.asked.iter().rev().find(|(by, _)| *by == target)?;
        Some(until.saturating_duration_since(now))
    }
}

impl RequestContext {
    pub fn new(snapshot: Arc<Snapshot>, watches: Arc<Watches>) -> RequestContext {
        let wall = clock::wall();
        RequestContext {
            snapshot,
            started: clock::now(),
            started_wall: wall,
            correlation: CorrelationId::generate(wall),
            under_way: None,
            watches,
            connection: None,
            hops: None,
            trace: None,
            method: None,
            api: None,
            asks_models: false,
            query: None,
            origin: None,
            caller: None,
            expired: None,
            skill: None,
            call: None,
            client_retry: None,
            attempts: Attempts::default(),
            places: None,
            spending: None,
            failure: None,
            head_is_out: false,
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            body_end: None,
            client_deadline: None,
        }
    }

    pub fn route(&self) -> Option<&Route> {
        self.call
            .as_ref()
            .and_then(|call| self.snapshot.config.routes.get(call.route))
    }

    /// The most tokens that one answer may have, of what its route and its skill say.
    pub fn most_tokens(&self) -> Option<u64> {
        let route = self.route().and_then(|route| route.max_tokens);
        match &self.skill {
            Some(skill) => skill::limit(skill, route),
            None => route,
        }
    }

    /// The target of the attempt under way.
    pub fn target(&self) -> Option<&Target> {
        let current = self.attempts.current.as_ref()?;
        self.route()?.targets.get(current.target)
    }

    pub fn shape(&self) -> Shape {
        self.api.map_or(Shape::OpenAi, Api::shape)
    }

    /// The path's name for log lines; never the raw target.
    pub fn path_name(&self) -> Option<&'static str> {
        self.api
            .map(Api::suffix)
            .or(self.asks_models.then_some("models"))
    }

    /// The client asked for a stream.
    pub fn wants_stream(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.peek.stream)
    }

    /// The code for log and metrics.
    pub fn code(&self) -> &'static str {
        self.failure
            .as_ref()
            .map_or("ok", |failure| failure.code().as_str())
    }

    /// Where the request stands, for a client that leaves.
    pub fn phase(&self) -> Phase {
        let Some(current) = &self.attempts.current else {
            return Phase::Queue;
        };
        // An attempt that is over has given its place back; what is waited for then is the next one's turn.
        if current.inside.is_none() && self.attempts.last != Some(Outcome::ClientLeft) {
            return Phase::Queue;
        }
        if !current.connected {
            return Phase::Connect;
        }
        let report = &self.attempts.report;
        match (self.wants_stream(), report.head_at, report.committed) {
            (false, ..) => Phase::Plain,
            (true, None, _) => Phase::Header,
            (true, Some(_), false) => Phase::FirstToken,
            (true, Some(_), true) => Phase::Stream,
        }
    }

    /// It has waited since `began`, for the upstream of `target` where it was one.
    pub fn waited(&mut self, what: WaitFor, target: Option<usize>, began: Instant) {
        let ended = clock::now();
        let target = target.and_then(|target| self.route()?.targets.get(target));
        let upstream = target.and_then(|target| self.snapshot.upstreams.get(target.upstream));
        let wait = Wait {
            what,
            upstream: upstream.map(|upstream| Arc::clone(&upstream.name)),
            began: began.saturating_duration_since(self.started),
            took: ended.saturating_duration_since(began),
        };
        let asked = self.attempts.tries.last().map(|last| last.began);
        self.attempts.waits.add(wait, asked);
    }

    /// Something of the answer came from the upstream.
    pub fn made_progress(&self) {
        let current = self.attempts.current.as_ref();
        let upstream = current.and_then(|current| self.snapshot.upstreams.get(current.upstream));
        // Only probes ask for it.
        if let Some(upstream) = upstream.filter(|upstream| upstream.config.health.is_some()) {
            upstream.runtime.made_progress(clock::now());
        }
    }

    /// The request failed; the first failure is the one that counts.
    pub fn fail(&mut self, failure: Failure) -> &Failure {
        self.failure.get_or_insert(failure)
    }

    pub fn client_left(&mut self) {
        self.status = 499;
        self.failure = Some(Failure::new(Code::ClientClosed));
    }
}
