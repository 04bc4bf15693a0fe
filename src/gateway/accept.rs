//! From the token to the budget: everything that is decided before an upstream hears of the request.
//!
//! The order is part of the contract: a caller who may not speak learns nothing but that, and no body is read for one
//! who may invoke nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pingora::http::RequestHeader;
use pingora::Result;
use pingora_proxy::Session;

use super::{arrive, body, forward, models, respond, skill_in, skill_out, spend};
use crate::caller::{bearer, Refused as TokenRefused};
use crate::clock;
use crate::config::{Balance, Lane};
use crate::context::{Call, RequestContext};
use crate::failure::{Code, Failure, Pointer};
use crate::limits::BodyMemory;
use crate::route::{self, match_target, peek, prefix_key, Api, Endpoint, Peek, Unknown};
use crate::skill::Claim;
use crate::snapshot::Shared;

/// What becomes of a request.
pub enum Accepted {
    /// It goes to an upstream.
    Forward,
    /// The gateway answered it itself.
    Answered,
    Refused(Failure),
}

impl From<Code> for Accepted {
    fn from(code: Code) -> Accepted {
        Accepted::Refused(Failure::new(code))
    }
}

/// An SDK's own timeout less what an answer of ours needs to arrive in time.
const CLIENT_MARGIN: Duration = Duration::from_secs(1);

pub async fn accept(
    shared: &Arc<Shared>,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<Accepted> {
    let header = session.req_header();
    let endpoint = match_target(header.method.as_str(), header.raw_path());
    if let (Endpoint::Preflight, Some(_)) = (&endpoint, &ctx.origin) {
        Box::pin(respond::preflight(session, ctx)).await?;
        return Ok(Accepted::Answered);
    }
    if let Err(code) = identify(session, ctx) {
        return Ok(code.into());
    }
    // Whatever becomes of it, a request of a bound token is recorded as its skill's.
    ctx.skill = skill_in::bound(ctx);
    match endpoint {
        Endpoint::Api { api, query } => {
            ctx.query = query;
            match call(shared, session, ctx, api).await? {
                Accepted::Forward => match spend::reserve(shared, ctx).await {
                    Ok(()) => Ok(Accepted::Forward),
                    Err(failure) => Ok(Accepted::Refused(failure)),
                },
                accepted => Ok(accepted),
            }
        }
        Endpoint::Models => Box::pin(models::list(shared, session, ctx)).await,
        Endpoint::Model(id) => Box::pin(models::one(shared, session, ctx, &id)).await,
        Endpoint::Preflight | Endpoint::NotFound => Ok(Code::UnknownPath.into()),
        Endpoint::MethodNotAllowed { allow } => Ok(Accepted::Refused(
            Failure::new(Code::MethodNotAllowed).allow(allow),
        )),
        Endpoint::NotOrigin => Ok(Code::InvalidRequest.into()),
    }
}

fn identify(session: &Session, ctx: &mut RequestContext) -> Result<(), Code> {
    let header = session.req_header();
    let messages = matches!(ctx.api, Some(Api::Messages | Api::CountTokens));
    let presented = bearer(
        arrive::single(header, "authorization"),
        arrive::single(header, "x-api-key"),
        messages,
    );
    let caller = presented.and_then(|token| ctx.snapshot.tokens.identify(token, ctx.started_wall));
    if let (Ok(token), Err(TokenRefused::Expired)) = (presented, &caller) {
        ctx.expired = ctx.snapshot.tokens.owner_of(token);
    }
    ctx.caller = Some(caller.map_err(|refused| match refused {
        TokenRefused::Missing => Code::MissingToken,
        TokenRefused::Invalid => Code::InvalidToken,
        TokenRefused::Expired => Code::ExpiredToken,
    })?);
    Ok(())
}

async fn call(
    shared: &Arc<Shared>,
    session: &mut Session,
    ctx: &mut RequestContext,
    api: Api,
) -> Result<Accepted> {
    let checked = match check_head(session, ctx) {
        Ok(declared) => {
            let limit = ctx.snapshot.config.limits.request_body;
            let memory = memory(shared, ctx);
            body::read(session, &memory, declared, limit).await
        }
        Err(unread) => Err(unread),
    };
    let (body, memory) = match checked {
        Ok(read) => read,
        Err(body::Unread::Refused(failure)) => return Ok(Accepted::Refused(failure)),
        Err(body::Unread::Connection(error)) => return Err(error.into_down()),
    };
    ctx.bytes_in = body.len() as u64;
    ctx.body_end = Some(clock::now());
    read_client_clock(session, ctx);
    let peek = match peek(api, &body) {
        Ok(peek) => peek,
        Err(refused) => return Ok(Accepted::Refused(body_failure(&refused))),
    };
    let decided = decide(shared, session, ctx, &peek, &body).await;
    let (placed, refused) = match decided {
        Ok((route, lane)) => (Some((route, lane)), None),
        Err(refusal) => (route_and_lane(ctx, refusal.route), Some(refusal.failure)),
    };
    let prefix = placed.and_then(|(route, _)| prefix(session, ctx, route, &peek, &body));
    // What is refused has no answer to judge, and may be large.
    let claim = match refused {
        None => skill_out::claim(ctx, &body),
        Some(_) => Claim::Text,
    };
    // A refusal that knows the route is recorded under it.
    ctx.call = placed.map(|(route, lane)| Call {
        route,
        lane,
        peek,
        claim,
        body,
        prefix,
        has_idempotency_key: session.req_header().headers.contains_key("idempotency-key"),
        memory,
    });
    Ok(refused.map_or(Accepted::Forward, Accepted::Refused))
}

/// A caller that the snapshot doesn't know can't be: it was identified by it.
fn memory(shared: &Shared, ctx: &RequestContext) -> BodyMemory {
    let name = ctx.caller.as_ref().map(|caller| &*caller.name);
    let own = name.and_then(|name| ctx.snapshot.bodies_of(name));
    BodyMemory {
        callers: own.unwrap_or_else(|| Arc::clone(&shared.bodies)),
        all: Arc::clone(&shared.bodies),
    }
}

/// What the request begins with, where that decides who gets it.
fn prefix(
    session: &Session,
    ctx: &RequestContext,
    route: usize,
    peek: &Peek,
    body: &[u8],
) -> Option<u64> {
    let route = ctx.snapshot.config.routes.get(route)?;
    if route.balance != Balance::Prefix || route.targets.len() < 2 {
        return None;
    }
    let name = route.affinity.as_deref();
    let affinity = name.and_then(|name| arrive::single(session.req_header(), name));
    prefix_key(affinity, peek, body)
}

fn route_and_lane(ctx: &RequestContext, route: Option<usize>) -> Option<(usize, Lane)> {
    let index = route?;
    Some((index, ctx.snapshot.config.routes.get(index)?.lane))
}

/// Scope, content type, declared size.
fn check_head(session: &Session, ctx: &RequestContext) -> Result<Option<u64>, body::Unread> {
    if !ctx
        .caller
        .as_ref()
        .is_some_and(|caller| caller.may_invoke_any())
    {
        return Err(Code::InsufficientScope.into());
    }
    let headers = &session.req_header().headers;
    let mut kinds = headers.get_all("content-type").iter();
    let kind = kinds.next().map(|value| value.as_bytes());
    let unsure = kinds.next().is_some() || headers.contains_key("content-encoding");
    if unsure || !kind.is_none_or(is_json) {
        return Err(Code::UnsupportedMediaType.into());
    }
    body::declared_length(session, ctx.snapshot.config.limits.request_body)
}

/// `application/json` or any `+json`, with whatever parameters.
fn is_json(content_type: &[u8]) -> bool {
    let kind = content_type
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default();
    let kind = kind.trim_ascii().to_ascii_lowercase();
    kind == b"application/json" || kind.ends_with(b"+json")
}

/// SDKs say how long they wait; an answer after that helps nobody.
fn read_client_clock(session: &Session, ctx: &mut RequestContext) {
    let header = session.req_header();
    let number = |name| {
        let text = std::str::from_utf8(arrive::single(header, name)?).ok()?;
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|n| n.is_finite() && *n >= 0.0)
    };
    ctx.client_retry = number("x-stainless-retry-count").map(|n| n.min(f64::from(u32::MAX)) as u32);
    let seconds = number("x-stainless-read-timeout").or_else(|| number("x-stainless-timeout"));
    ctx.client_deadline = seconds
        .filter(|seconds| *seconds > 0.0 && *seconds < 1e9)
        .map(|seconds| {
            ctx.started + Duration::from_secs_f64(seconds).saturating_sub(CLIENT_MARGIN)
        });
}

/// A refusal and the route that it is recorded under, once that is known.
struct Refusal {
    route: Option<usize>,
    failure: Failure,
}

/// Route, scope, size, skill, lane.
async fn decide(
    shared: &Shared,
    session: &Session,
    ctx: &mut RequestContext,
    peek: &Peek,
    body: &Bytes,
) -> Result<(usize, Lane), Box<Refusal>> {
    let header = session.req_header();
    let unskilled = skill_in::pick(header, ctx).err();
    let index = match (pick_route(header, ctx, peek), &unskilled) {
        (Ok(index), _) => index,
        // It names no route because its skill was to.
        (Err(failure), Some(unskilled)) if failure.code() == Code::InvalidRequest => {
            return Err(refusal(None, unskilled.clone()));
        }
        (Err(failure), _) => return Err(refusal(None, failure)),
    };
    let refuse = |failure| refusal(Some(index), failure);
    may_send(ctx, index, peek).map_err(refuse)?;
    if let Some(failure) = unskilled {
        return Err(refuse(failure));
    }
    let route = ctx.snapshot.config.routes.get(index);
    if let (Some(skill), Some(route)) = (&ctx.skill, route) {
        let until = forward::deadline(ctx, route);
        let checked = skill_in::check(shared, skill, index, body, until).await;
        checked.map_err(refuse)?;
    }
    let lane = pick_lane(header, ctx, index, peek.wished_lane);
    lane.map(|lane| (index, lane)).map_err(refuse)
}

fn refusal(route: Option<usize>, failure: Failure) -> Box<Refusal> {
    Box::new(Refusal { route, failure })
}

fn pick_route(header: &RequestHeader, ctx: &RequestContext, peek: &Peek) -> Result<usize, Failure> {
    let named = arrive::single(header, "x-sidegate-route");
    let named = named.and_then(|value| std::str::from_utf8(value).ok());
    let (config, skill) = (&ctx.snapshot.config, ctx.skill.as_deref());
    let picked = skill_in::pick_route(config, skill, peek.model.as_deref(), named);
    picked.map_err(|unknown| unknown_model(ctx, &unknown))
}

/// Scope and size.
fn may_send(ctx: &RequestContext, index: usize, peek: &Peek) -> Result<(), Failure> {
    let route = ctx.snapshot.config.routes.get(index);
    let (Some(route), Some(caller)) = (route, &ctx.caller) else {
        return Err(Failure::new(Code::Internal));
    };
    if !caller.may_invoke(&route.name) {
        return Err(Failure::new(Code::InsufficientScope));
    }
    if peek.body_bytes as u64 > route.max_prompt_bytes {
        return Err(Failure::new(Code::BodyTooLarge).config_key("max_prompt_bytes"));
    }
    Ok(())
}

/// The header is an order, `service_tier` a wish.
fn pick_lane(
    header: &RequestHeader,
    ctx: &RequestContext,
    index: usize,
    wished: Option<Lane>,
) -> Result<Lane, Failure> {
    let ordered = match header.headers.get("x-sidegate-lane").map(|v| v.as_bytes()) {
        None => None,
        Some(b"interactive") => Some(Lane::Interactive),
        Some(b"batch") => Some(Lane::Batch),
        Some(_) => return Err(Failure::new(Code::InvalidRequest)),
    };
    let route = ctx.snapshot.config.routes.get(index);
    let (Some(route), Some(caller)) = (route, &ctx.caller) else {
        return Err(Failure::new(Code::Internal));
    };
    match &ctx.skill {
        Some(skill) => skill_in::pick_lane(skill, route.lane, ordered, wished, caller),
        None => caller
            .pick_lane(route.lane, ordered.or(wished), ordered.is_some())
            .map_err(|_| Failure::new(Code::InsufficientScope)),
    }
}

/// A name that the caller may not use is not told to it.
fn unknown_model(ctx: &RequestContext, unknown: &Unknown<'_>) -> Failure {
    let may_use = |name: &str| {
        let mut routes = ctx.snapshot.config.routes.iter();
        let route = routes
            .find(|route| route.name == name || route.aliases.iter().any(|alias| alias == name));
        let caller = ctx.caller.as_ref();
        route
            .zip(caller)
            .is_some_and(|(route, caller)| caller.may_invoke(&route.name))
    };
    match unknown {
        Unknown::Nameless => {
            Failure::new(Code::InvalidRequest).pointer(Pointer::from_static("/model"))
        }
        Unknown::Model { nearest } | Unknown::Route { nearest } => {
            let failure = Failure::new(Code::UnknownModel);
            match nearest {
                Some(name) if may_use(name) => failure.nearest(name),
                _ => failure,
            }
        }
    }
}

fn body_failure(refused: &route::Refused) -> Failure {
    let code = match refused {
        route::Refused::DuplicateKey { .. } | route::Refused::DuplicateUsageFlag => {
            Code::DuplicateKey
        }
        route::Refused::NotJson(_)
        | route::Refused::NotAnObject
        | route::Refused::TooDeep
        | route::Refused::TooManyKeys
        | route::Refused::ForbiddenKey { .. }
        | route::Refused::MistakableKey { .. }
        | route::Refused::WrongType { .. }
        | route::Refused::WrongUsageFlag => Code::InvalidRequest,
    };
    Failure::new(code).pointer(Pointer::from_static(refused.pointer()))
}
