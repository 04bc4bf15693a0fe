//! The last hook of every request: one access line, the metrics, the recent failures.

use std::sync::Arc;
use std::time::Duration;

use pingora::{Error, ErrorSource};
use pingora_proxy::Session;

use super::spend::{self, BYTES_PER_TOKEN};
use super::{refuse, retry, skill_out, traced};
use crate::attempt::{ErrorClass, Outcome};
use crate::clock;
use crate::config::Family;
use crate::context::RequestContext;
use crate::failure;
use crate::record::labels::{self, RetryReason, TokenKind, UsageSource};
use crate::record::status::RecentFailure;
use crate::record::{AccessLine, RouteHandles, UpstreamSeries};
use crate::snapshot::Shared;

/// Tokens of a request, and who says so.
#[derive(Clone, Copy)]
pub struct Tokens {
    pub prompt: Option<u64>,
    pub completion: Option<u64>,
    pub cached: Option<u64>,
    pub source: UsageSource,
}

impl Tokens {
    /// All that was used, as far as it is known.
    pub fn spent(&self) -> Option<u64> {
        match (self.prompt, self.completion) {
            (None, None) => None,
            (prompt, completion) => {
                Some(prompt.unwrap_or(0).saturating_add(completion.unwrap_or(0)))
            }
        }
    }
}

pub fn record(
    shared: &Arc<Shared>,
    session: &Session,
    error: Option<&Error>,
    ctx: &mut RequestContext,
) {
    conclude(session, error, ctx);
    // Before the line: whoever reads it finds the place free.
    ctx.places = None;
    let took = clock::now().saturating_duration_since(ctx.started);
    let tokens = tokens(ctx);
    spend::settle(ctx, tokens.spent());
    let hint = hint(ctx);
    write_line(shared, ctx, took, tokens, hint.as_deref());
    count(shared, ctx, took, tokens);
    traced::send(shared, ctx, took, &tokens);
    remember(shared, ctx, hint);
    ctx.attempts.current = None;
}

/// Takes in what the last attempt came to, if nobody has yet.
fn conclude(session: &Session, error: Option<&Error>, ctx: &mut RequestContext) {
    if error.is_some_and(|error| *error.esource() == ErrorSource::Downstream)
        && ctx.failure.is_none()
    {
        ctx.client_left();
    }
    if error.is_none() && ctx.attempts.current.is_some() && ctx.failure.is_none() {
        let (report, _) = retry::take_report(ctx);
        let status = report.status;
        retry::keep(ctx, report);
        ctx.attempts.upstream_status = status.or(ctx.attempts.upstream_status);
        retry::learn(ctx, Outcome::Ok);
        retry::end_attempt(ctx, Outcome::Ok);
    }
    if ctx.status == 0 {
        ctx.status = session
            .response_written()
            .map_or(499, |head| head.status.as_u16());
    }
}

/// What the last answer used.
pub fn tokens(ctx: &RequestContext) -> Tokens {
    let report = &ctx.attempts.report;
    let usage = report.usage;
    if usage.is_known() {
        // What a stream said of itself at its beginning isn't what it came to.
        let is_cut = report.is_stream && !report.finished;
        let (completion, source) = match is_cut {
            true => (
                usage.completion.max(Some(report.content_events)),
                UsageSource::Estimated,
            ),
            false => (usage.completion, UsageSource::Reported),
        };
        return Tokens {
            prompt: usage.prompt,
            completion,
            cached: usage.cached,
            source,
        };
    }
    if report.content_events > 0 {
        return Tokens {
            prompt: Some(ctx.bytes_in / BYTES_PER_TOKEN),
            completion: Some(report.content_events),
            cached: None,
            source: UsageSource::Estimated,
        };
    }
    Tokens {
        prompt: None,
        completion: None,
        cached: None,
        source: UsageSource::None,
    }
}

fn first_token(ctx: &RequestContext) -> Option<Duration> {
    let at = ctx.attempts.first_content_at?;
    Some(at.saturating_duration_since(ctx.started))
}

/// What the client was told to do, where it failed.
fn hint(ctx: &RequestContext) -> Option<String> {
    let failure = ctx.failure.as_ref()?;
    Some(failure::hint(failure, &refuse::about(ctx)))
}

/// The upstream of the last attempt.
fn upstream(ctx: &RequestContext) -> Option<&str> {
    let current = ctx.attempts.current.as_ref()?;
    let upstream = ctx.snapshot.upstreams.get(current.upstream)?;
    Some(&upstream.config.name)
}

/// Who asked, also with a token that no longer counts.
fn caller(ctx: &RequestContext) -> Option<&str> {
    let identified = ctx.caller.as_ref().map(|caller| &*caller.name);
    identified.or(ctx.expired.as_deref())
}

fn upload(ctx: &RequestContext) -> Option<Duration> {
    Some(ctx.body_end?.saturating_duration_since(ctx.started))
}

fn write_line(
    shared: &Shared,
    ctx: &RequestContext,
    took: Duration,
    tokens: Tokens,
    hint: Option<&str>,
) {
    let line = AccessLine {
        started: ctx.started_wall,
        correlation_id: ctx.correlation.as_str(),
        caller: caller(ctx),
        route: ctx.route().map(|route| route.name.as_str()),
        lane: ctx.call.as_ref().map(|call| call.lane),
        upstream: upstream(ctx),
        status: ctx.status,
        code: ctx.code(),
        attempts: ctx.attempts.count,
        queue: ctx.attempts.queued,
        first_token: first_token(ctx),
        duration: took,
        bytes_in: ctx.bytes_in,
        bytes_out: ctx.bytes_out,
        prompt_tokens: tokens.prompt,
        completion_tokens: tokens.completion,
        usage_source: tokens.source,
        finish_reason: ctx
            .attempts
            .report
            .finish_reason
            .map(|reason| reason.as_str()),
        config_generation: ctx.snapshot.generation,
        seq: shared.access_sequence.next(),
        method: ctx.method,
        path: ctx.path_name(),
        stream: ctx.wants_stream(),
        tier: ctx.target().map(|target| target.tier),
        client_retry: ctx.client_retry,
        phase: (ctx.status == 499).then(|| ctx.phase()),
        upstream_status: ctx.attempts.upstream_status,
        dropped_events: ctx.attempts.report.dropped_events,
        skill: ctx.skill.as_ref().map(|skill| &*skill.name),
        answer_fits: skill_out::fits(ctx),
        refused_answers: ctx.attempts.misfits,
        discarded_tokens: ctx.attempts.discarded_tokens,
        tries: &ctx.attempts.tries,
        upload: upload(ctx),
        waits: ctx.attempts.waits.all(),
        hint,
    };
    shared.logs.send(labels::LogFile::Access, &line.to_line());
}

fn count(shared: &Shared, ctx: &RequestContext, took: Duration, tokens: Tokens) {
    let handles = ctx
        .snapshot
        .handles
        .route(ctx.call.as_ref().map(|call| call.route));
    let code = match &ctx.failure {
        None => shared.metrics.codes().at(0),
        Some(failure) => shared.metrics.codes().index_of(failure.code().as_str()),
    };
    count_answer(handles, ctx, tokens);
    handles.overhead(overhead(ctx, took));
    if ctx.status == 499 {
        shared.metrics.client_aborted(ctx.phase());
    }
    let Some(code) = code else { return };
    if ctx.failure.is_some() {
        handles.failed(family(ctx), code);
    }
    skill_out::count(ctx);
    if let (Some(call), Some(queued)) = (&ctx.call, ctx.attempts.queued) {
        shared.metrics.lane(call.lane).queued(queued);
    }
    // Last: whoever sees the request counted sees all of it.
    let lane = ctx.call.as_ref().map(|call| call.lane);
    handles.ended(lane, ctx.status, code, took);
}

/// What of the request's time was the gateway's own: not the client's upload, not an upstream's answer, not a pause.
fn overhead(ctx: &RequestContext, took: Duration) -> Duration {
    took.saturating_sub(upload(ctx).unwrap_or_default())
        .saturating_sub(ctx.attempts.elsewhere)
}

/// Counts tokens for the caller; those of an answer that it didn't get were used too.
pub fn count_tokens(ctx: &RequestContext, tokens: Tokens) {
    let handles = ctx
        .snapshot
        .handles
        .route(ctx.call.as_ref().map(|call| call.route));
    let place = ctx
        .caller
        .as_ref()
        .and_then(|caller| ctx.snapshot.caller_places.get(&*caller.name));
    if let Some(&place) = place {
        let kinds = [
            (TokenKind::Prompt, tokens.prompt),
            (TokenKind::Completion, tokens.completion),
            (TokenKind::Cached, tokens.cached),
        ];
        for (kind, amount) in kinds {
            handles.used_tokens(place, kind, amount.unwrap_or(0));
        }
    }
}

fn count_answer(handles: &RouteHandles, ctx: &RequestContext, tokens: Tokens) {
    let Some(current) = &ctx.attempts.current else {
        return;
    };
    count_tokens(ctx, tokens);
    let report = &ctx.attempts.report;
    let (Some(first), Some(last)) = (report.first_content_at, report.last_read_at) else {
        return;
    };
    if !report.is_stream {
        return;
    }
    if let Some(time) = first_token(ctx) {
        handles.first_token(current.target, time);
    }
    // The mean over the tokens after the first: that one waited for the whole prompt.
    let rest = tokens.completion.unwrap_or(0).saturating_sub(1);
    if let Some(rest) = u32::try_from(rest)
        .ok()
        .filter(|rest| *rest > 0 && report.finished)
    {
        handles.per_output_token(current.target, last.saturating_duration_since(first) / rest);
    }
}

fn family(ctx: &RequestContext) -> Option<Family> {
    let current = ctx.attempts.current.as_ref()?;
    Some(ctx.snapshot.upstreams.get(current.upstream)?.config.family)
}

/// A client that left is no failure.
fn remember(shared: &Shared, ctx: &RequestContext, hint: Option<String>) {
    let failure = ctx.failure.as_ref().filter(|_| ctx.status != 499);
    let (Some(failure), Some(hint)) = (failure, hint) else {
        return;
    };
    shared.recent_failures.push(RecentFailure {
        ts: clock::wall(),
        route: ctx.route().map(|route| route.name.clone()),
        upstream: upstream(ctx).map(str::to_owned),
        code: failure.code().as_str(),
        http_status: failure.http_status(),
        correlation_id: ctx.correlation.as_str().to_owned(),
        hint,
    });
}

/// Counts an attempt that ended.
pub fn count_attempt(series: &UpstreamSeries, outcome: Outcome) {
    series.attempted(attempt_label(outcome));
    if outcome == Outcome::Truncated {
        series.truncated();
    }
}

pub fn attempt_label(outcome: Outcome) -> labels::Outcome {
    match outcome {
        Outcome::Ok => labels::Outcome::Ok,
        Outcome::ConnectRefused | Outcome::ConnectFailed => labels::Outcome::ConnectError,
        Outcome::ConnectTimeout
        | Outcome::HeaderTimeout
        | Outcome::FirstTokenTimeout
        | Outcome::IdleTimeout
        | Outcome::PlainTimeout => labels::Outcome::Timeout,
        Outcome::TotalTimeout | Outcome::Interrupted | Outcome::ClientLeft => {
            labels::Outcome::Cancelled
        }
        Outcome::ErrorEvent => labels::Outcome::ServerError,
        Outcome::Misfit => labels::Outcome::Schema,
        Outcome::Truncated => labels::Outcome::Truncated,
        // There was a connection; an upstream that hangs up without a word breaks the protocol.
        Outcome::NoAnswer { .. } | Outcome::Protocol => labels::Outcome::ProtocolError,
        Outcome::Error { class, .. } => match class {
            ErrorClass::RateLimited => labels::Outcome::RateLimited,
            ErrorClass::Overloaded
            | ErrorClass::Loading
            | ErrorClass::ServerError
            | ErrorClass::BadGateway
            | ErrorClass::Unavailable => labels::Outcome::ServerError,
            ErrorClass::HtmlPage => labels::Outcome::ProtocolError,
            ErrorClass::Auth
            | ErrorClass::ModelMissing
            | ErrorClass::ContextLength
            | ErrorClass::ContentPolicy
            | ErrorClass::Rejected
            | ErrorClass::Redirect => labels::Outcome::Rejected,
        },
    }
}

/// Why a further attempt follows `outcome`.
pub fn retry_reason(outcome: Outcome) -> RetryReason {
    match outcome {
        Outcome::ConnectRefused | Outcome::ConnectTimeout | Outcome::ConnectFailed => {
            RetryReason::Connect
        }
        Outcome::NoAnswer { .. } => RetryReason::Reset,
        Outcome::HeaderTimeout => RetryReason::HeaderTimeout,
        Outcome::FirstTokenTimeout | Outcome::IdleTimeout => RetryReason::FirstTokenTimeout,
        Outcome::ErrorEvent => RetryReason::Status500,
        Outcome::Protocol => RetryReason::ProtocolError,
        Outcome::Misfit => RetryReason::Schema,
        Outcome::Error { status: 429, .. } => RetryReason::Status429,
        Outcome::Error {
            status: 503 | 529, ..
        } => RetryReason::Status503,
        Outcome::Error { status: 500, .. } => RetryReason::Status500,
        Outcome::Error { .. } => RetryReason::StatusOther,
        Outcome::Truncated
        | Outcome::Ok
        | Outcome::PlainTimeout
        | Outcome::TotalTimeout
        | Outcome::Interrupted
        | Outcome::ClientLeft => RetryReason::Truncated,
    }
}
