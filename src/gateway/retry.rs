//! The end of an attempt: what it came to, and whether Pingora's loop goes round again.

use pingora::{Error, ErrorSource, ErrorType};

use super::{finish, forward};
use crate::attempt::{classify, classify_event, verdict, Outcome};
use crate::clock;
use crate::context::RequestContext;
use crate::gate::{Fault, Report};

/// No connection was made.
pub fn after_connect(ctx: &mut RequestContext, mut error: Box<Error>) -> Box<Error> {
    let outcome = match error.etype() {
        ErrorType::ConnectionClosed => Outcome::ClientLeft,
        ErrorType::ConnectRefused => Outcome::ConnectRefused,
        ErrorType::ConnectTimedout => Outcome::ConnectTimeout,
        _ => Outcome::ConnectFailed,
    };
    end_attempt(ctx, outcome);
    error.set_retry(goes_on(ctx, outcome));
    error
}

/// A connection was made, and something went wrong after that.
pub fn after_attempt(ctx: &mut RequestContext, mut error: Box<Error>) -> Box<Error> {
    let (report, reused) = take_report(ctx);
    let outcome = if *error.esource() == ErrorSource::Downstream {
        Outcome::ClientLeft
    } else {
        outcome_of(&report, reused)
    };
    ctx.attempts.upstream_status = report.status.or(ctx.attempts.upstream_status);
    let committed = report.committed;
    keep(ctx, report);
    end_attempt(ctx, outcome);
    error.set_retry(!committed && goes_on(ctx, outcome));
    error
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

/// Writes the attempt into the trail.
pub fn end_attempt(ctx: &mut RequestContext, outcome: Outcome) {
    ctx.attempts.last = Some(outcome);
    count_time(ctx);
    if let Some(current) = &ctx.attempts.current {
        ctx.attempts.trail.push(current.target, verdict(outcome));
        if let Some(series) = ctx.snapshot.handles.upstream(current.upstream) {
            finish::count_attempt(series, outcome);
        }
    }
}

/// The attempt's time was the upstream's, up to the last that it said.
fn count_time(ctx: &mut RequestContext) {
    let Some(current) = &ctx.attempts.current else {
        return;
    };
    let end = ctx.attempts.report.last_read_at.unwrap_or_else(clock::now);
    ctx.attempts.elsewhere += end.saturating_duration_since(current.started);
}

/// As [`may_go_on`], and counts the retry that follows.
fn goes_on(ctx: &RequestContext, outcome: Outcome) -> bool {
    if !may_go_on(ctx) {
        return false;
    }
    let route = ctx.call.as_ref().map(|call| call.route);
    ctx.snapshot
        .handles
        .route(route)
        .retried(finish::retry_reason(outcome));
    true
}

/// A retry is left, there is time, and somewhere to go.
pub fn may_go_on(ctx: &RequestContext) -> bool {
    let Some(route) = ctx.route() else {
        return false;
    };
    let in_time = forward::total_at(ctx).is_some_and(|at| clock::now() < at);
    ctx.attempts.count <= route.retry.max && in_time && forward::next(ctx).is_some()
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
