//! Tells the breaker of the target how an attempt went.

use std::sync::Arc;

use crate::attempt::{ErrorClass, Outcome, Verdict};
use crate::breaker::{BootMillis, Opened, Permit, Rule};
use crate::clock;
use crate::context::RequestContext;
use crate::gate::OnContent;
use crate::record::labels::BreakerState;
use crate::record::BreakerSeries;

/// The next attempt is the one that finds out whether the target works again.
pub fn probes(ctx: &RequestContext, target: usize) {
    went_to(ctx, target, BreakerState::HalfOpen);
}

/// The answer has begun: if the attempt is a probe, its breaker closes now and not when a long stream ends.
pub fn answered(ctx: &mut RequestContext) {
    let Some(current) = &mut ctx.attempts.current else {
        return;
    };
    let closed = current
        .permit
        .as_mut()
        .is_some_and(|permit| permit.answered(now()));
    let target = current.target;
    if closed {
        went_to(ctx, target, BreakerState::Closed);
    }
}

/// What the gate is to do at the first content: an answer that is held back until it is whole would leave its breaker
/// half-open for as long, although it is well.
pub fn on_content(ctx: &RequestContext) -> Option<OnContent> {
    let current = ctx.attempts.current.as_ref()?;
    let sign = current.permit.as_ref()?.sign()?;
    let (snapshot, target) = (Arc::clone(&ctx.snapshot), current.target);
    let route = ctx.call.as_ref().map(|call| call.route);
    Some(OnContent::new(move || {
        if sign.answered(now()) {
            if let Some(series) = snapshot.handles.route(route).breaker(target) {
                series.went_to(BreakerState::Closed);
            }
        }
    }))
}

/// Gives the permit back with what `outcome` means for it.
pub fn report(ctx: &mut RequestContext, outcome: Outcome, verdict: Verdict) {
    let Some(current) = &mut ctx.attempts.current else {
        return;
    };
    let (target, upstream) = (current.target, current.upstream);
    let Some(permit) = current.permit.take() else {
        return;
    };
    let Some(rule) = ctx.route().map(|route| Rule::from(&route.breaker)) else {
        return;
    };
    if is_success(ctx, outcome, &permit) {
        if permit.success(now()) {
            went_to(ctx, target, BreakerState::Closed);
        }
    } else if is_failure(ctx, outcome, verdict, target, upstream) {
        let opened = fail(permit, outcome, rule);
        if opened {
            went_to(ctx, target, BreakerState::Open);
            let name = ctx
                .snapshot
                .upstreams
                .get(upstream)
                .map(|upstream| &*upstream.name);
            let name = name.unwrap_or("none");
            log::warn!(
                "the breaker of upstream {name} opened (request {})",
                ctx.correlation
            );
        }
    }
    // Anything else says nothing about the upstream: the permit is dropped without a word.
}

fn fail(permit: Permit, outcome: Outcome, rule: Rule) -> bool {
    match outcome {
        Outcome::ConnectRefused | Outcome::ConnectTimeout | Outcome::ConnectFailed => {
            let Opened { own, .. } = permit.failed_to_connect(now(), rule);
            own
        }
        _ => permit.failure(now(), rule),
    }
}

/// A plain answer below 500 proves to a probe that the server works, whatever it thinks of the request.
fn is_success(ctx: &RequestContext, outcome: Outcome, permit: &Permit) -> bool {
    match outcome {
        Outcome::Ok => true,
        // It neither opens a breaker nor resets its count; to a probe it proves that the server works.
        Outcome::Misfit => permit.is_probe(),
        Outcome::Error { status, class } => {
            permit.is_probe()
                && !ctx.wants_stream()
                && status < 500
                && class != ErrorClass::RateLimited
                && class != ErrorClass::HtmlPage
        }
        _ => false,
    }
}

fn is_failure(
    ctx: &mut RequestContext,
    outcome: Outcome,
    verdict: Verdict,
    target: usize,
    upstream: usize,
) -> bool {
    match outcome {
        // A long answer is no dead server, unless a probe says so as well.
        Outcome::PlainTimeout => {
            let upstream = ctx.snapshot.upstreams.get(upstream);
            upstream.is_some_and(|upstream| upstream.runtime.health().is_behind())
        }
        Outcome::Error {
            class: ErrorClass::ServerError,
            ..
        } => {
            let again = ctx.attempts.failed_once.contains(&target);
            ctx.attempts.failed_once.push(target);
            !again
        }
        _ => verdict.failure,
    }
}

fn went_to(ctx: &RequestContext, target: usize, state: BreakerState) {
    if let Some(series) = series(ctx, target) {
        series.went_to(state);
    }
}

fn series(ctx: &RequestContext, target: usize) -> Option<&BreakerSeries> {
    let route = ctx.call.as_ref().map(|call| call.route);
    ctx.snapshot.handles.route(route).breaker(target)
}

fn now() -> BootMillis {
    clock::since_boot().into()
}
