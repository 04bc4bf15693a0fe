//! Whose turn it is: which target may be asked now, and what has to be waited for first.
//!
//! Everything that speaks against asking a target at this moment is looked at here: its pace after a 429, its model still
//! loading, the wait that it asked for, the retry budget. Places are the queue's business ([`queue`]). While a request
//! waits it holds nothing upstream, its client is watched, and its stream is kept alive.

use std::time::{Duration, Instant};

use pingora::{Error, Result};
use pingora_proxy::Session;

use super::forward::{refused, total_at};
use super::{queue, refuse, trip, wait as waiting};
use crate::attempt::{wait, Backoff, Choice, Load, Outcome, Pass, Wait, WaitLimits};
use crate::breaker::{lease, BootMillis, Condition, Permit, View};
use crate::clock;
use crate::config::Target;
use crate::context::RequestContext;
use crate::failure::{Code, Failure};
use crate::limits::Share;
use crate::record::labels::WaitFor;
use crate::snapshot::Shared;

/// What an answer needs of the time that is left, to be worth a wait.
const USEFUL_ANSWER: Duration = Duration::from_secs(1);

/// A request keeps its lane place for so long while it waits for a server that wants to be left alone.
const SHORT_PAUSE: Duration = Duration::from_secs(3);

/// What a client is told while a breaker's probe is out.
const PROBE_OUT: Duration = Duration::from_secs(1);

/// How often a wait looks whether the breaker has opened meanwhile.
const BREAKER_LOOK: Duration = Duration::from_millis(250);

/// A target that may be asked now.
pub struct Turn {
    pub target: usize,
    pub permit: Permit,
}

/// Why a target can't be asked now.
enum Closed {
    /// It said 429: the target, by its index, not before this.
    Paced(usize, Instant),
    /// Its model is being loaded.
    Loading,
    /// An operator has taken its upstream out of use.
    Drained,
    /// Its breaker lets nobody through before that.
    Broken(Duration),
    /// The wait that it asked for is longer than ours may be.
    NotWorthIt(Duration),
}

/// What there is to choose.
enum Chosen {
    /// Any of these, as soon as there is a place.
    Ask(Open),
    /// This one once more, after a pause.
    Again(usize),
    Wait(Closed),
    Nothing,
}

/// Targets that may be asked now, by their index in the route, best first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// Of the lowest tier that has any.
    pub first: Vec<usize>,
    /// Of later tiers, and those whose health probe fails: for when there was no place at the first in time.
    pub later: Vec<usize>,
    /// Where there are none: the one that wants to be left alone for the shortest time, and until when.
    pub paced: Option<(usize, Instant)>,
}

/// Waits until a target may be asked and has a place for the request, or ends the request.
pub async fn take(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<Turn> {
    loop {
        let open = match choose(ctx) {
            Chosen::Ask(open) => open,
            Chosen::Again(target) => {
                spend_retry(ctx, target)?;
                let _resting = resting(shared, ctx);
                pause(session, ctx, target).await?;
                Open {
                    first: vec![target],
                    ..Open::default()
                }
            }
            // It waits in the lane, for a model that is on its way is like a place that will fall free.
            Chosen::Wait(Closed::Loading) => Open::default(),
            // The same for a server that wants to be left alone, so that those who wait for it are bounded and seen.
            Chosen::Wait(Closed::Paced(target, at)) if ctx.attempts.last.is_none() => {
                in_line_until(ctx, target, at)?
            }
            Chosen::Wait(closed) => {
                let _resting = resting(shared, ctx);
                outwait(session, ctx, &closed).await?;
                continue;
            }
            Chosen::Nothing => return Err(ended(ctx)),
        };
        let target = queue::enter(shared, session, ctx, open).await?;
        spend_retry(ctx, target)?;
        if let Some(turn) = pass(ctx, target) {
            return Ok(turn);
        }
        queue::step_back(ctx);
    }
}

/// Counts a request that waits between two attempts, in its lane.
fn resting(shared: &Shared, ctx: &RequestContext) -> Option<Share> {
    let lane = ctx.call.as_ref()?.lane;
    shared.resting.of(lane).try_take(1)
}

/// Nothing is open before `at`: worth a wait in the lane only if its patience lasts so long.
fn in_line_until(ctx: &mut RequestContext, target: usize, at: Instant) -> Result<Open> {
    let now = clock::now();
    let in_time = total_at(ctx).is_some_and(|end| at + USEFUL_ANSWER <= end);
    if !in_time || at > now + queue::patience(ctx, now) {
        return Err(not_worth_it(ctx, at.saturating_duration_since(now)));
    }
    Ok(Open {
        paced: Some((target, at)),
        ..Open::default()
    })
}

/// How long every target still wants to be left alone; none where something else keeps the request waiting.
pub fn left_alone_for(ctx: &RequestContext) -> Option<Duration> {
    match choose(ctx) {
        Chosen::Wait(Closed::Paced(_, at)) => Some(at.saturating_duration_since(clock::now())),
        _ => None,
    }
}

/// What is open now, for a request that waits in the queue; the error that ends it when nothing will be.
pub fn look_again(ctx: &mut RequestContext) -> Result<Open> {
    match choose(ctx) {
        Chosen::Ask(open) => Ok(open),
        Chosen::Again(target) => Ok(Open {
            first: vec![target],
            ..Open::default()
        }),
        Chosen::Wait(Closed::Loading) => Ok(Open::default()),
        Chosen::Wait(Closed::Paced(target, at)) => Ok(Open {
            paced: Some((target, at)),
            ..Open::default()
        }),
        Chosen::Wait(Closed::Drained) => Err(ended(ctx)),
        Chosen::Wait(Closed::NotWorthIt(retry_after)) => Err(not_worth_it(ctx, retry_after)),
        Chosen::Wait(Closed::Broken(retry_in)) => Err(circuit_open(ctx, retry_in)),
        Chosen::Nothing => Err(ended(ctx)),
    }
}

/// Whether the request waits for a model that is being loaded.
pub fn waits_for_a_model(ctx: &RequestContext) -> bool {
    matches!(choose(ctx), Chosen::Wait(Closed::Loading))
}

/// All targets that are open; else the closed one that opens first.
fn choose(ctx: &RequestContext) -> Chosen {
    let (Some(route), Some(call)) = (ctx.route(), ctx.call.as_ref()) else {
        return Chosen::Nothing;
    };
    let load = ctx.snapshot.load(call.route, call.prefix);
    let mut seen = Vec::new();
    let mut open = Vec::new();
    let mut nearest: Option<Closed> = None;
    let trail = &ctx.attempts.trail;
    while let Some(choice) = trail.next(&route.targets, route.balance, &load, &seen) {
        seen.push(choice.target);
        match closed(ctx, choice) {
            None if choice.wait && open.is_empty() => return Chosen::Again(choice.target),
            // Others can be asked without a wait.
            None if choice.wait => {}
            None => open.push(choice.target),
            Some(closed) => {
                nearest = Some(match nearest {
                    Some(before) => nearer(before, closed),
                    None => closed,
                });
            }
        }
    }
    match (open.is_empty(), nearest) {
        (false, _) => Chosen::Ask(by_tier(open, &route.targets, &load)),
        (true, Some(closed)) => Chosen::Wait(closed),
        (true, None) => Chosen::Nothing,
    }
}

/// Those that are as good as the first, and the rest.
fn by_tier(open: Vec<usize>, targets: &[Target], load: &impl Load) -> Open {
    let rank = |target: &usize| {
        let target = targets.get(*target)?;
        Some((load.is_behind(target), target.tier))
    };
    let best = open.first().and_then(rank);
    let (first, later) = open.into_iter().partition(|target| rank(target) == best);
    Open {
        first,
        later,
        paced: None,
    }
}

fn nearer(one: Closed, other: Closed) -> Closed {
    match (&one, &other) {
        (Closed::Drained, _) => other,
        (_, Closed::Drained) => one,
        (Closed::Loading, _) => one,
        (_, Closed::Loading) => other,
        (Closed::Paced(_, a), Closed::Paced(_, b)) if b < a => other,
        (Closed::NotWorthIt(_) | Closed::Broken(_), Closed::Paced(..)) => other,
        (Closed::Broken(a), Closed::Broken(b)) if b < a => other,
        (Closed::Broken(_), Closed::NotWorthIt(_)) => other,
        (Closed::NotWorthIt(a), Closed::NotWorthIt(b)) if b < a => other,
        _ => one,
    }
}

/// Why this target can't be asked now; none when it can.
fn closed(ctx: &RequestContext, choice: Choice) -> Option<Closed> {
    let route = ctx.route()?;
    let target = route.targets.get(choice.target)?;
    let upstream = ctx.snapshot.upstreams.get(target.upstream)?;
    if upstream.runtime.is_drained() {
        return Some(Closed::Drained);
    }
    if upstream.runtime.health().is_loading() {
        return Some(Closed::Loading);
    }
    let state = ctx
        .snapshot
        .target_state(ctx.call.as_ref()?.route, choice.target)?;
    if let Some(retry_in) = broken(&state.breaker.look(now())) {
        return Some(Closed::Broken(retry_in));
    }
    if choice.wait {
        if let Wait::NotWorthIt { retry_after } = wait_for(ctx, choice.target, 0.0) {
            return Some(Closed::NotWorthIt(retry_after));
        }
        // Its own wait is at least as long as the pace.
        return None;
    }
    let ready_at = state.pace.ready_at(clock::now());
    ready_at.map(|at| Closed::Paced(choice.target, at))
}

/// When it may be worth asking again; none when the breaker lets a request through, be it as its probe.
fn broken(view: &View) -> Option<Duration> {
    match view.condition {
        Condition::Closed => None,
        Condition::Open => view.open_for,
        // Nobody queues behind a probe: it may be a ten-minute answer.
        Condition::HalfOpen => view.probe_for.map(|_| PROBE_OUT),
    }
}

fn now() -> BootMillis {
    clock::since_boot().into()
}

/// A retry is counted before anybody waits for it: an outage is multiplied by the budget, not by every caller's patience.
fn spend_retry(ctx: &mut RequestContext, target: usize) -> Result<()> {
    let Some(upstream) = upstream_of(ctx, target) else {
        return Err(refused(ctx, Failure::new(Code::Internal)));
    };
    let now = clock::now();
    let budget = ctx.snapshot.upstreams.get(upstream);
    let budget = budget.map(|upstream| &upstream.runtime.retry_budget);
    let granted = match (budget, ctx.attempts.last) {
        (None, _) => true,
        (Some(budget), None) => {
            if !ctx.attempts.is_counted {
                budget.first_attempt(now);
            }
            true
        }
        // The server never saw that one: nothing is multiplied.
        (Some(_), Some(Outcome::NoAnswer { reused: true })) => true,
        (Some(budget), Some(_)) => ctx.attempts.is_counted || budget.try_retry(now),
    };
    if granted {
        // Once an attempt, however often its turn is put off.
        ctx.attempts.is_counted = true;
        return Ok(());
    }
    if let Some(series) = ctx.snapshot.handles.upstream(upstream) {
        series.retry_budget_exhausted();
    }
    let failure = match ctx.attempts.last {
        // The server did its part: what it said is what there is to tell.
        Some(Outcome::Misfit) => refuse::last_failure(ctx),
        _ => with_last_status(ctx, Failure::new(Code::RetryBudgetExhausted)),
    };
    Err(refused(ctx, failure))
}

/// Takes the target's turn; none when somebody else was first and the choice has to be made again.
fn pass(ctx: &mut RequestContext, target: usize) -> Option<Turn> {
    let route = ctx.call.as_ref()?.route;
    let base = ctx.route()?.retry.base;
    let state = ctx.snapshot.target_state(route, target)?;
    match state.pace.try_pass(clock::now(), base) {
        Pass::WaitUntil(_) => return None,
        Pass::Go => {}
    }
    let permit = state
        .breaker
        .ask(now(), lease(limit_of(ctx, target)?))
        .ok()?;
    if permit.is_probe() {
        trip::probes(ctx, target);
    }
    if ctx.attempts.count == 0 {
        ctx.snapshot.take_turn(route);
    }
    ctx.attempts.is_counted = false;
    Some(Turn { target, permit })
}

/// How long an answer may take to begin there: a probe may hold its place for so long.
fn limit_of(ctx: &RequestContext, target: usize) -> Option<Duration> {
    let timeouts = &ctx.route()?.timeouts;
    if !ctx.wants_stream() {
        return Some(timeouts.plain);
    }
    let upstream = ctx.snapshot.upstreams.get(upstream_of(ctx, target)?)?;
    let bytes = ctx.call.as_ref()?.peek.body_bytes as u64;
    let prefill = &upstream.runtime.prefill;
    Some(prefill.limit(timeouts.first_token, timeouts.first_token_max, bytes))
}

/// Waits before the same target is asked again.
async fn pause(session: &mut Session, ctx: &mut RequestContext, target: usize) -> Result<()> {
    match wait_for(ctx, target, rand::random()) {
        Wait::Now => Ok(()),
        Wait::After(pause) => {
            give_way(ctx, pause);
            let began = clock::now();
            let what = match ctx.attempts.asked_by(target, began) {
                Some(asked) if !asked.is_zero() => WaitFor::RetryAfter,
                _ => WaitFor::Backoff,
            };
            let waited = wait_for_target(session, ctx, target, began + pause).await;
            ctx.waited(what, Some(target), began);
            waited
        }
        Wait::NotWorthIt { retry_after } => Err(not_worth_it(ctx, retry_after)),
    }
}

/// Waits, but not for a target whose breaker opens meanwhile: then the choice is made again.
async fn wait_for_target(
    session: &mut Session,
    ctx: &mut RequestContext,
    target: usize,
    until: Instant,
) -> Result<()> {
    while clock::now() < until {
        let look = (clock::now() + BREAKER_LOOK).min(until);
        waiting::until(session, ctx, look).await?;
        let route = ctx.call.as_ref().map_or(0, |call| call.route);
        let state = ctx.snapshot.target_state(route, target);
        if state.is_some_and(|state| broken(&state.breaker.look(now())).is_some()) {
            return Ok(());
        }
    }
    Ok(())
}

fn wait_for(ctx: &RequestContext, target: usize, random: f64) -> Wait {
    let (Some(route), Some(end)) = (ctx.route(), total_at(ctx)) else {
        return Wait::Now;
    };
    let backoff = Backoff {
        base: route.retry.base,
        cap: route.retry.cap,
    };
    let jitter = backoff.wait(ctx.attempts.count.saturating_sub(1), random);
    let limits = WaitLimits {
        retry_after_cap: route.retry.retry_after_cap,
        left: end.saturating_duration_since(clock::now()),
        useful_answer: USEFUL_ANSWER,
    };
    wait(ctx.attempts.asked_by(target, clock::now()), jitter, limits)
}

/// Every target is closed: waits for the one that opens first, if that is worth it.
async fn outwait(session: &mut Session, ctx: &mut RequestContext, closed: &Closed) -> Result<()> {
    let now = clock::now();
    let end = total_at(ctx).unwrap_or(now);
    let (target, until) = match closed {
        Closed::NotWorthIt(retry_after) => return Err(not_worth_it(ctx, *retry_after)),
        Closed::Broken(retry_in) => return Err(circuit_open(ctx, *retry_in)),
        Closed::Paced(target, at) if *at + USEFUL_ANSWER <= end => (*target, *at),
        Closed::Paced(_, at) => {
            let retry_after = at.saturating_duration_since(now);
            return Err(not_worth_it(ctx, retry_after));
        }
        Closed::Loading => return Ok(()),
        Closed::Drained => return Err(ended(ctx)),
    };
    give_way(ctx, until.saturating_duration_since(now));
    let waited = waiting::until(session, ctx, until).await;
    ctx.waited(WaitFor::Pace, Some(target), now);
    waited
}

/// A long wait is no reason to keep others out of the lane: the place comes back, and is asked for again afterwards.
fn give_way(ctx: &mut RequestContext, pause: Duration) {
    if pause > SHORT_PAUSE {
        ctx.places = None;
    }
}

/// A wait that is too long is told to the client instead.
fn not_worth_it(ctx: &mut RequestContext, retry_after: Duration) -> Box<Error> {
    let cap = ctx
        .route()
        .map_or(retry_after, |route| route.retry.retry_after_cap);
    let failure = match ctx.attempts.last {
        Some(_) => refuse::last_failure(ctx),
        // Nobody was asked: an earlier request's 429 still holds.
        None => Failure::new(Code::RateLimited),
    };
    let failure = failure.retry_after(retry_after.min(cap));
    refused(ctx, failure)
}

/// Every target is left alone for now.
fn circuit_open(ctx: &mut RequestContext, retry_in: Duration) -> Box<Error> {
    let failure = match ctx.attempts.last {
        Some(_) => refuse::last_failure(ctx),
        None => {
            let failure = Failure::new(Code::CircuitOpen).retry_after(retry_in);
            refuse::with_family(ctx, failure)
        }
    };
    refused(ctx, failure)
}

/// Nothing is left to try.
fn ended(ctx: &mut RequestContext) -> Box<Error> {
    let failure = match ctx.attempts.last {
        Some(_) => refuse::last_failure(ctx),
        None => Failure::new(Code::NoUpstream),
    };
    refused(ctx, failure)
}

fn with_last_status(ctx: &RequestContext, failure: Failure) -> Failure {
    match ctx.attempts.upstream_status {
        Some(status) => failure.upstream_status(status),
        None => failure,
    }
}

fn upstream_of(ctx: &RequestContext, target: usize) -> Option<usize> {
    Some(ctx.route()?.targets.get(target)?.upstream)
}
