//! A request's spans, made of what its other records are made of.

use std::sync::Arc;
use std::time::Duration;

use super::finish::Tokens;
use crate::attempt::Outcome;
use crate::context::RequestContext;
use crate::gate::Report;
use crate::record::labels::UsageSource;
use crate::record::trace::{Answer, AttemptSpan, Operation, RequestSpan, Trace};
use crate::record::Try;
use crate::route::Api;
use crate::snapshot::Shared;

/// Keeps the attempt that has just ended, where the request is traced.
pub fn attempted(ctx: &mut RequestContext, told: &Try) {
    if ctx.trace.is_none() {
        return;
    }
    let (Some(current), Some(target)) = (&ctx.attempts.current, ctx.target()) else {
        return;
    };
    let Some(upstream) = ctx.snapshot.upstreams.get(current.upstream) else {
        return;
    };
    let span = AttemptSpan {
        id: current.span,
        began: told.began,
        took: told.took,
        server: Arc::clone(&upstream.traced),
        model: target.model.as_deref().map(Box::from),
        tier: target.tier,
        outcome: told.outcome,
        status: told.status,
        reused: told.reused,
        answer: None,
    };
    ctx.attempts.spans.push(span);
}

/// Hands all of it over, once a request.
pub fn send(shared: &Shared, ctx: &mut RequestContext, took: Duration, tokens: &Tokens) {
    let Some(trace) = ctx.trace.take() else {
        return;
    };
    let mut attempts = std::mem::take(&mut ctx.attempts.spans);
    if let Some(last) = attempts.last_mut() {
        last.answer = answer(ctx, last.began, tokens);
    }
    shared.spans.send(request(ctx, trace, took, attempts));
}

fn request(
    ctx: &RequestContext,
    trace: Trace,
    took: Duration,
    attempts: Vec<AttemptSpan>,
) -> RequestSpan {
    let route = ctx.route();
    let first_content = ctx.attempts.first_content_at;
    RequestSpan {
        trace,
        started: ctx.started_wall,
        took,
        method: ctx.method,
        path: ctx.path_name(),
        https: ctx.snapshot.config.tls.is_some(),
        operation: ctx.api.map(operation),
        alias: alias(ctx),
        stream: ctx.wants_stream(),
        status: ctx.status,
        code: ctx.code(),
        correlation_id: ctx.correlation.as_str().into(),
        caller: ctx.caller.as_ref().map(|caller| Arc::clone(&caller.name)),
        route: route.map(|route| route.name.as_str().into()),
        skill: ctx.skill.as_ref().map(|skill| Arc::clone(&skill.name)),
        lane: ctx.call.as_ref().map(|call| call.lane),
        queued: ctx.attempts.queued,
        first_token: first_content.map(|at| at.saturating_duration_since(ctx.started)),
        config_generation: ctx.snapshot.generation,
        attempts,
    }
}

/// The name that the client used, where it is one of ours and no passed-through word.
fn alias(ctx: &RequestContext) -> Option<Box<str>> {
    let named = ctx.call.as_ref()?.peek.model.as_deref()?;
    let aliases = &ctx.route()?.aliases;
    let known = aliases
        .iter()
        .find(|alias| *alias == named && *alias != "*");
    known.map(|alias| alias.as_str().into())
}

fn answer(ctx: &RequestContext, began: Duration, tokens: &Tokens) -> Option<Answer> {
    if ctx.attempts.last != Some(Outcome::Ok) {
        return None;
    }
    let report = &ctx.attempts.report;
    let reported = tokens.source == UsageSource::Reported;
    let said = |tokens: Option<u64>| tokens.filter(|_| reported);
    Some(Answer {
        finish_reason: report.finish_reason.map(|reason| reason.as_str()),
        first_chunk: first_chunk(ctx, report, began),
        input_tokens: said(tokens.prompt),
        output_tokens: said(tokens.completion),
        cached_tokens: said(tokens.cached),
    })
}

fn first_chunk(ctx: &RequestContext, report: &Report, began: Duration) -> Option<Duration> {
    let at = report.first_content_at.filter(|_| report.is_stream)?;
    Some(at.saturating_duration_since(ctx.started + began))
}

fn operation(api: Api) -> Operation {
    match api {
        Api::Chat | Api::Responses | Api::Messages => Operation::Chat,
        Api::Completions => Operation::TextCompletion,
        Api::CountTokens => Operation::CountTokens,
        Api::Embeddings => Operation::Embeddings,
        Api::Rerank => Operation::Rerank,
        Api::Score => Operation::Score,
    }
}
