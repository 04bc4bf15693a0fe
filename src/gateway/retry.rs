//! The end of an attempt: what it came to, and whether Pingora's loop goes round again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::http::RequestHeader;
use pingora::{Error, ErrorSource, ErrorType};
use pingora_proxy::Session;

use super::{finish, forward, queue, refuse, skill_out, traced, trip};
use crate::attempt::{
    asked, classify, classify_event, fresh_bytes, verdict_for, ErrorClass, Limits, Outcome, Verdict,
};
use crate::clock;
use crate::context::RequestContext;
use crate::gate::{Fault, Report, INTERRUPTED};
use crate::record::labels::LogFile;
use crate::record::status::LastFailure;
use crate::record::{RawError, Try};
use crate::route::Api;
use crate::snapshot::Shared;

/// A wait that is worth more than the answer of another model: people hardly notice it.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// No connection was made.
pub fn after_connect(ctx: &mut RequestContext, mut error: Box<Error>) -> Box<Error> {
    let outcome = match error.etype() {
        ErrorType::ConnectionClosed => Outcome::ClientLeft,
        ErrorType::ConnectRefused => Outcome::ConnectRefused,
        ErrorType::ConnectTimedout => Outcome::ConnectTimeout,
        kind if *kind == INTERRUPTED => Outcome::Interrupted,
        _ => Outcome::ConnectFailed,
    };
    end_attempt(ctx, outcome);
    error.set_retry(goes_on(ctx));
    error
}

/// A connection was made, and something went wrong after that.
pub fn after_attempt(
    shared: &Shared,
    session: &Session,
    ctx: &mut RequestContext,
    mut error: Box<Error>,
) -> Box<Error> {
    let (report, reused) = take_report(ctx);
    let outcome = if *error.esource() == ErrorSource::Downstream {
        Outcome::ClientLeft
    } else {
        outcome_of(&report, reused)
    };
    ctx.attempts.upstream_status = report.status.or(ctx.attempts.upstream_status);
    let committed = report.committed;
    keep(ctx, report);
    let token = presented_token(session.req_header());
    write_raw_error(shared, ctx, token);
    learn(ctx, outcome);
    if outcome == Outcome::Misfit {
        skill_out::refused(shared, ctx);
    }
    end_attempt(ctx, outcome);
    error.set_retry(!committed && goes_on(ctx));
    error
}

/// What an attempt teaches about its upstream: how long it wants to be left alone, how long its prompts take.
pub fn learn(ctx: &mut RequestContext, outcome: Outcome) {
    let now = clock::now();
    let (Some(current), Some(call)) = (&ctx.attempts.current, &ctx.call) else {
        return;
    };
    let (target, started, bytes) = (current.target, current.started, call.peek.body_bytes as u64);
    let Some(upstream) = ctx.snapshot.upstreams.get(current.upstream) else {
        return;
    };
    upstream.runtime.made_progress(now);
    match outcome {
        Outcome::HeaderTimeout | Outcome::FirstTokenTimeout => {
            let silence = now.saturating_duration_since(started);
            upstream.runtime.prefill.learn(bytes, silence);
        }
        Outcome::Ok => {
            let report = &ctx.attempts.report;
            if let Some(at) = report.first_content_at.filter(|_| report.is_stream) {
                let usage = report.usage;
                let (prompt, cached) = (usage.prompt.unwrap_or(0), usage.cached.unwrap_or(0));
                let fresh = fresh_bytes(bytes, prompt, cached);
                upstream
                    .runtime
                    .prefill
                    .learn(fresh, at.saturating_duration_since(started));
            }
        }
        Outcome::Error { class, .. } => {
            let asked = ctx.attempts.report.evidence.as_ref().and_then(|evidence| {
                let (after, ms) = (&evidence.retry_after, &evidence.retry_after_ms);
                asked(
                    after.as_deref(),
                    ms.as_deref(),
                    evidence.date.as_deref(),
                    clock::wall(),
                )
            });
            let cap = ctx
                .route()
                .map_or(Duration::ZERO, |route| route.retry.retry_after_cap);
            let state = ctx.snapshot.target_state(call.route, target);
            if let Some(state) = state.filter(|_| class == ErrorClass::RateLimited) {
                state.pace.on_429(now, asked, cap);
            }
            ctx.attempts
                .asked
                .extend(asked.map(|asked| (target, now + asked)));
        }
        _ => {}
    }
}

/// What the client authenticated with, which servers may echo although they never got it from us.
fn presented_token(header: &RequestHeader) -> Option<&[u8]> {
    let authorization = header.headers.get("authorization")?.as_bytes();
    let space = authorization.iter().rposition(|&byte| byte == b' ')?;
    authorization.get(space + 1..)
}

/// The report of the attempt under way, and whether its connection had been used before.
pub fn take_report(ctx: &mut RequestContext) -> (Report, bool) {
    let Some(current) = &ctx.attempts.current else {
        return (Report::default(), false);
    };
    let report = current.watch.as_ref().and_then(|watch| watch.take_report());
    (
        report.map(|report| *report).unwrap_or_default(),
        current.reused,
    )
}

/// What the answer said stays with the request.
pub fn keep(ctx: &mut RequestContext, report: Report) {
    ctx.attempts.first_content_at = report.first_content_at.or(ctx.attempts.first_content_at);
    ctx.attempts.report = report;
}

/// Writes the attempt into the trail and gives its place back.
pub fn end_attempt(ctx: &mut RequestContext, outcome: Outcome) {
    ctx.attempts.last = Some(outcome);
    remember(ctx, outcome);
    let verdict = verdict_of(ctx, outcome);
    trip::report(ctx, outcome, verdict);
    let Some(current) = &mut ctx.attempts.current else {
        return;
    };
    current.inside = None;
    let target = current.target;
    ctx.attempts.trail.push(target, verdict);
    if let Some(series) = ctx.snapshot.handles.upstream(current.upstream) {
        finish::count_attempt(series, outcome);
    }
    let report = &ctx.attempts.report;
    let end = end_of_upstreams_part(outcome, report);
    let took = end.saturating_duration_since(current.started);
    ctx.attempts.elsewhere += took;
    if let Some(upstream) = ctx.snapshot.upstreams.get(current.upstream) {
        let told = Try {
            upstream: Arc::clone(&upstream.name),
            outcome: finish::attempt_label(outcome),
            status: report.status,
            began: current.started.saturating_duration_since(ctx.started),
            took,
            reused: current.reused,
        };
        traced::attempted(ctx, &told);
        ctx.attempts.tries.push(told);
    }
}

/// For `/status`: an upstream that fails shows it there, also while others serve its requests.
fn remember(ctx: &RequestContext, outcome: Outcome) {
    let current = ctx.attempts.current.as_ref();
    let upstream = current.and_then(|current| ctx.snapshot.upstreams.get(current.upstream));
    if let Some(upstream) = upstream.filter(|_| outcome.is_upstreams()) {
        upstream.runtime.failed(LastFailure {
            at: clock::wall(),
            code: refuse::last_failure(ctx).code().as_str(),
            correlation_id: ctx.correlation.as_str().to_owned(),
        });
    }
}

/// The attempt's time was the upstream's up to the last that it said; where it was given up, its silence too.
fn end_of_upstreams_part(outcome: Outcome, report: &Report) -> Instant {
    let given_up = matches!(
        outcome,
        Outcome::HeaderTimeout
            | Outcome::FirstTokenTimeout
            | Outcome::IdleTimeout
            | Outcome::PlainTimeout
            | Outcome::TotalTimeout
            | Outcome::Interrupted
            | Outcome::ClientLeft
    );
    let last = report.last_read_at.filter(|_| !given_up);
    last.unwrap_or_else(clock::now)
}

fn verdict_of(ctx: &RequestContext, outcome: Outcome) -> Verdict {
    let statuses = ctx.route().map_or(&[][..], |route| &route.retry.statuses);
    verdict_for(
        outcome,
        &Limits {
            resendable: is_resendable(ctx),
            statuses,
            short_wait: asks_short_wait(ctx),
            misfit_stays: ctx.attempts.misfit_stays,
        },
    )
}

/// The upstream wants to be left alone for a moment only, and after that a retry is left for another one.
fn asks_short_wait(ctx: &RequestContext) -> bool {
    let (Some(route), Some(current)) = (ctx.route(), &ctx.attempts.current) else {
        return false;
    };
    let asked = ctx.attempts.asked_by(current.target, clock::now());
    asked.is_some_and(|asked| asked <= SHORT_WAIT) && ctx.attempts.count < route.retry.max
}

/// A server may keep a response that is to be stored, or work on it in the background: a second one would be another.
fn is_resendable(ctx: &RequestContext) -> bool {
    let (Some(call), Some(route)) = (&ctx.call, ctx.route()) else {
        return false;
    };
    let keeps_state =
        call.peek.api == Api::Responses && (call.peek.background || call.peek.store == Some(true));
    !keeps_state || (call.has_idempotency_key && route.resend_with_idempotency_key)
}

/// The restricted log gets what the upstream said, the client never.
fn write_raw_error(shared: &Shared, ctx: &RequestContext, client_token: Option<&[u8]>) {
    let (Some(evidence), Some(current)) = (&ctx.attempts.report.evidence, &ctx.attempts.current)
    else {
        return;
    };
    let upstream = ctx.snapshot.upstreams.get(current.upstream);
    let key = upstream.and_then(|upstream| upstream.authorization.as_ref());
    let key = key.map(|key| {
        key.as_bytes()
            .strip_prefix(b"Bearer ")
            .unwrap_or(key.as_bytes())
    });
    let secrets: Vec<&[u8]> = key.into_iter().chain(client_token).collect();
    let bodies = shared.logs.allowance().has_bodies();
    let error = RawError {
        at: clock::wall(),
        correlation_id: ctx.correlation.as_str(),
        attempt: ctx.attempts.count,
        upstream: upstream.map_or("none", |upstream| &upstream.name),
        status: evidence.status,
        content_type: &evidence.content_type,
        body: bodies.then_some(&*evidence.body),
        secrets: &secrets,
    };
    shared.logs.send(LogFile::RawErrors, &error.to_line());
}

/// Whether another attempt follows; if so, the place at the upstream comes back now, else with the lane's at the end.
fn goes_on(ctx: &mut RequestContext) -> bool {
    let goes_on = may_go_on(ctx);
    if goes_on {
        queue::step_back(ctx);
    }
    goes_on
}

/// A retry is left, there is time, and somewhere to go.
pub fn may_go_on(ctx: &RequestContext) -> bool {
    let Some(route) = ctx.route() else {
        return false;
    };
    let in_time = forward::total_at(ctx).is_some_and(|at| clock::now() < at);
    ctx.attempts.count <= route.retry.max && in_time && has_target(ctx)
}

/// The trail leaves a target to ask, now or after a wait.
fn has_target(ctx: &RequestContext) -> bool {
    let (Some(route), Some(call)) = (ctx.route(), &ctx.call) else {
        return false;
    };
    let load = ctx.snapshot.load(call.route, call.prefix);
    let next = ctx
        .attempts
        .trail
        .next(&route.targets, route.balance, &load, &[]);
    next.is_some()
}

fn outcome_of(report: &Report, reused: bool) -> Outcome {
    match report.fault {
        Some(Fault::HeaderTimeout) => Outcome::HeaderTimeout,
        Some(Fault::FirstTokenTimeout) => Outcome::FirstTokenTimeout,
        Some(Fault::IdleTimeout) => Outcome::IdleTimeout,
        Some(Fault::PlainTimeout) => Outcome::PlainTimeout,
        Some(Fault::TotalTimeout) => Outcome::TotalTimeout,
        Some(Fault::ErrorEvent) => event_outcome(report),
        Some(Fault::NoAnswer) => Outcome::NoAnswer { reused },
        Some(Fault::Cut) => Outcome::Truncated,
        Some(Fault::Protocol) => Outcome::Protocol,
        Some(Fault::Misfit) => Outcome::Misfit,
        Some(Fault::Interrupted) => Outcome::Interrupted,
        Some(Fault::Status) => status_outcome(report),
        // Pingora's own doing between the gate and the client.
        None => Outcome::Truncated,
    }
}

fn event_outcome(report: &Report) -> Outcome {
    let named = report
        .evidence
        .as_ref()
        .and_then(|evidence| classify_event(&evidence.body));
    named.map_or(Outcome::ErrorEvent, |(status, class)| Outcome::Error {
        status,
        class,
    })
}

fn status_outcome(report: &Report) -> Outcome {
    let Some(evidence) = &report.evidence else {
        return Outcome::Protocol;
    };
    let class = classify(evidence.status, &evidence.content_type, &evidence.body);
    Outcome::Error {
        status: evidence.status,
        class,
    }
}
