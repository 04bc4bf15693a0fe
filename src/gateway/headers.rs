//! The request's head as the upstream gets it: made anew from a short list, so that nothing else can travel.

use http::header::{HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::hop::{self, HOP_HEADER};
use crate::context::RequestContext;

/// What a client may say to an upstream.
const PASSED: [&str; 11] = [
    "accept",
    "content-type",
    "user-agent",
    "traceparent",
    "tracestate",
    "openai-beta",
    "openai-organization",
    "openai-project",
    "anthropic-version",
    "anthropic-beta",
    "idempotency-key",
];

/// Replaces Pingora's copy of the client's head.
pub fn to_upstream(
    session: &Session,
    request: &mut RequestHeader,
    ctx: &RequestContext,
    hop_name: &str,
) -> Result<()> {
    let (Some(api), Some(target)) = (ctx.api, ctx.target()) else {
        return Error::err(ErrorType::InternalError);
    };
    let upstream = ctx.snapshot.upstreams.get(target.upstream);
    let upstream = upstream.ok_or_else(|| Error::new(ErrorType::InternalError))?;
    let mut path = format!("{}/{}", upstream.config.url.base_path, api.suffix());
    if let Some(query) = ctx.query {
        path.push('?');
        path.push_str(query);
    }
    let client = &session.req_header().headers;
    let mut head = RequestHeader::build_no_case("POST", path.as_bytes(), Some(24))?;
    head.insert_header("host", upstream.host.clone())?;
    for name in PASSED {
        copy(client, &HeaderName::from_static(name), &mut head)?;
    }
    let stainless = client
        .keys()
        .filter(|name| name.as_str().starts_with("x-stainless-"));
    let extra = upstream.extra_request_headers.iter();
    for name in stainless.chain(extra) {
        copy(client, name, &mut head)?;
    }
    name_trace(&mut head, ctx)?;
    if !client.contains_key("content-type") {
        head.insert_header("content-type", HeaderValue::from_static("application/json"))?;
    }
    head.insert_header("accept-encoding", HeaderValue::from_static("identity"))?;
    let correlation = ctx.correlation.to_header();
    head.insert_header("x-correlation-id", correlation.clone())?;
    head.insert_header("x-request-id", correlation)?;
    head.insert_header(HOP_HEADER, hop::value(ctx.hops.as_deref(), hop_name))?;
    if let Some((name, key)) = upstream.key() {
        head.insert_header(name, key)?;
    }
    // The gate writes the body and its length; Pingora has none to send.
    head.insert_header("content-length", HeaderValue::from_static("0"))?;
    *request = head;
    Ok(())
}

/// What the upstream records hangs below this attempt. Where nothing is recorded the client's own headers travel on.
fn name_trace(head: &mut RequestHeader, ctx: &RequestContext) -> Result<()> {
    let (Some(trace), Some(current)) = (&ctx.trace, &ctx.attempts.current) else {
        return Ok(());
    };
    head.insert_header("traceparent", trace.traceparent(current.span))?;
    head.remove_header("tracestate");
    if let Some(state) = trace.tracestate() {
        head.insert_header("tracestate", state)?;
    }
    Ok(())
}

fn copy(from: &http::HeaderMap, name: &HeaderName, to: &mut RequestHeader) -> Result<()> {
    for value in from.get_all(name) {
        to.append_header(name.clone(), value.clone())?;
    }
    Ok(())
}
