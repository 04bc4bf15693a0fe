//! Sends the request to a target: chooses it, makes the connection's description, gives the gate its order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pingora::protocols::Digest;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::{queue, respond, skill_out, spend, trip, turn, wait};
use crate::attempt::Outcome;
use crate::clock;
use crate::config::{Commit, Family, Route};
use crate::context::{Attempt, RequestContext};
use crate::failure::{Code, Failure};
use crate::gate::{self, Clocks, Order, Report, Watch, WhileClientStays};
use crate::platform::SocketWatch;
use crate::record::trace::SpanId;
use crate::route::{splice, Api, Edits};
use crate::snapshot::{Shared, Upstream};
use crate::stream::{Dialect, Wishes};

/// vLLM and llama.cpp close idle connections after 5 s: ours are gone before that.
pub const POOL_IDLE: Duration = Duration::from_millis(3500);

/// The description of the next attempt's connection.
pub async fn choose(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<Box<HttpPeer>> {
    loop {
        let turn = turn::take(shared, session, ctx).await?;
        let upstream =
            begin(ctx, turn).ok_or_else(|| refused(ctx, Failure::new(Code::Internal)))?;
        match upstream.resolver.address(clock::now()).await {
            Ok(address) => return Ok(peer(session, ctx, &upstream, address)),
            // A name that leads nowhere is a connection that failed.
            Err(_) => super::retry::end_attempt(ctx, Outcome::ConnectFailed),
        }
        if !super::retry::may_go_on(ctx) {
            return Error::err(ErrorType::ConnectError);
        }
        queue::step_back(ctx);
    }
}

/// The error that ends the loop with `failure` as its last word.
pub fn refused(ctx: &mut RequestContext, failure: Failure) -> Box<Error> {
    ctx.fail(failure);
    Error::new(ErrorType::InternalError)
}

/// Counts the attempt and enters the upstream.
fn begin(ctx: &mut RequestContext, turn: turn::Turn) -> Option<Arc<Upstream>> {
    let target = ctx.route()?.targets.get(turn.target)?;
    let index = target.upstream;
    let upstream = Arc::clone(ctx.snapshot.upstreams.get(index)?);
    if let Some(outcome) = ctx.attempts.last {
        let route = ctx.call.as_ref().map(|call| call.route);
        let handles = ctx.snapshot.handles.route(route);
        handles.retried(super::finish::retry_reason(outcome));
        if outcome == Outcome::Misfit {
            skill_out::set_aside(ctx);
        }
    }
    spend::sent(ctx);
    ctx.attempts.count += 1;
    ctx.attempts.report = Report::default();
    ctx.attempts.current = Some(Attempt {
        target: turn.target,
        upstream: index,
        span: SpanId::random(),
        started: clock::now(),
        reused: false,
        connected: false,
        watch: None,
        judged: ctx.skill.as_ref().map(|_| Arc::default()),
        inside: Some(ctx.snapshot.handles.upstream(index)?.begin()),
        permit: Some(turn.permit),
    });
    Some(upstream)
}

fn peer(
    session: &Session,
    ctx: &RequestContext,
    upstream: &Upstream,
    address: std::net::SocketAddr,
) -> Box<HttpPeer> {
    let mut peer = upstream.peer(address);
    peer.group_key = upstream.group_key;
    let options = &mut peer.options;
    options.alpn = gate::gate_alpn();
    options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    options.idle_timeout = Some(POOL_IDLE);
    if let Some(route) = ctx.route() {
        let timeouts = &route.timeouts;
        options.connection_timeout = Some(timeouts.connect);
        options.total_connection_timeout = Some(timeouts.connect);
        // Reads and writes have no timeout of Pingora's: from the first byte of the request on the gate's clocks run, which
        // `arm` sets before anything is written.
    }
    let descriptor = session
        .as_downstream()
        .stream()
        .map_or(-1, |stream| stream.id());
    if let Some(client) = SocketWatch::new(descriptor) {
        options.custom_l4 = Some(Arc::new(WhileClientStays::new(client)));
    }
    Box::new(peer)
}

/// Tells the gate of the connection what this attempt is about.
pub fn arm(ctx: &mut RequestContext, reused: bool, digest: Option<&Digest>) -> Result<()> {
    let watch = digest
        .and_then(Watch::of)
        .ok_or_else(|| Error::new(ErrorType::InternalError))?;
    let order = order(ctx).ok_or_else(|| Error::new(ErrorType::InternalError))?;
    watch.arm(order);
    if let Some(current) = &mut ctx.attempts.current {
        current.connected = true;
        current.reused = reused;
        current.watch = Some(watch);
    }
    Ok(())
}

fn order(ctx: &RequestContext) -> Option<Order> {
    let (route, target, call) = (ctx.route()?, ctx.target()?, ctx.call.as_ref()?);
    let upstream = ctx.snapshot.upstreams.get(target.upstream)?;
    let ask_usage = call.peek.stream
        && call.peek.api.asks_for_usage()
        && !call.peek.asked_for_usage
        && takes_usage_option(upstream.config.family);
    let edits = Edits {
        model: target.model.as_deref(),
        max_tokens: ctx.most_tokens(),
        fill_field: target.max_tokens_field,
        ask_usage,
        drop_service_tier: !upstream.config.family.is_hosted(),
    };
    let timeouts = &route.timeouts;
    let prefill = &upstream.runtime.prefill;
    let prompt_bytes = call.peek.body_bytes as u64;
    let grown = |limit| prefill.limit(limit, timeouts.first_token_max, prompt_bytes);
    Some(Order {
        body: splice(&call.body, &call.peek, &edits),
        commit: match route.commit {
            Commit::FirstToken => gate::Commit::FirstToken,
            Commit::Whole => gate::Commit::Whole,
        },
        clocks: Clocks {
            header: grown(timeouts.header),
            first_token: grown(timeouts.first_token),
            idle: timeouts.idle,
            plain: timeouts.plain,
            total_at: total_at(ctx)?,
        },
        wishes: Wishes {
            dialect: dialect(call.peek.api),
            choices: u32::try_from(call.peek.choices).unwrap_or(u32::MAX),
            hide_usage: ask_usage,
        },
        wants_stream: call.peek.stream,
        held_limit: usize::try_from(ctx.snapshot.config.limits.held_answer).unwrap_or(usize::MAX),
        heartbeat: wait::heartbeat(ctx),
        head_is_out: ctx.head_is_out,
        closing: respond::closing_comment(ctx).into(),
        on_content: trip::on_content(ctx),
        inspector: skill_out::inspector(ctx),
    })
}

/// When the request's time is up: its own total, or earlier where the client says so.
pub fn total_at(ctx: &RequestContext) -> Option<Instant> {
    Some(deadline(ctx, ctx.route()?))
}

/// The same for a request that is not on its route yet.
pub fn deadline(ctx: &RequestContext, route: &Route) -> Instant {
    let own = ctx.body_end.unwrap_or(ctx.started) + route.timeouts.total;
    ctx.client_deadline.map_or(own, |client| client.min(own))
}

/// Servers of these families know `stream_options`; an unknown one might refuse the whole request for it.
fn takes_usage_option(family: Family) -> bool {
    match family {
        Family::Vllm
        | Family::LlamaCpp
        | Family::Mlx
        | Family::LmStudio
        | Family::Ollama
        | Family::Sglang
        | Family::Openai => true,
        Family::Anthropic | Family::Other => false,
    }
}

fn dialect(api: Api) -> Dialect {
    match api {
        Api::Chat => Dialect::Chat,
        Api::Completions => Dialect::Completions,
        Api::Responses => Dialect::Responses,
        Api::Messages => Dialect::Messages,
        Api::CountTokens | Api::Embeddings | Api::Rerank | Api::Score => Dialect::Opaque,
    }
}
