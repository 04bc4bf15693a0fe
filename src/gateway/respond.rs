//! The answer's head as the client gets it.

use http::header::{HeaderName, HeaderValue};
use pingora::http::ResponseHeader;
use pingora::Result;
use pingora_proxy::Session;

use super::trip;
use crate::caller::{answer_headers, preflight_headers, PREFLIGHT_STATUS};
use crate::clock;
use crate::context::RequestContext;
use crate::gate::{Report, HEARTBEAT_MARK};

/// What an upstream may say to a client.
const PASSED: [&str; 6] = [
    "content-type",
    "content-length",
    "content-disposition",
    "cache-control",
    "openai-processing-ms",
    "openai-version",
];

/// Replaces the upstream's head by what of it may pass and what we have to say.
pub fn rewrite(response: &mut ResponseHeader, ctx: &mut RequestContext) -> Result<()> {
    let upstream = ctx
        .target()
        .and_then(|target| ctx.snapshot.upstreams.get(target.upstream));
    let hosted = upstream.is_some_and(|upstream| upstream.config.family.is_hosted());
    let extra = upstream
        .map(|upstream| upstream.extra_response_headers.as_slice())
        .unwrap_or_default();
    // What the gateway counts goes before what the provider does: it is what this caller will be refused by.
    let hosted_limits = hosted && ctx.spending.is_none();
    let mut head = ResponseHeader::build_no_case(response.status, Some(16))?;
    for (name, value) in &response.headers {
        let passes = PASSED.contains(&name.as_str())
            || name == http::header::TRANSFER_ENCODING
            || (hosted_limits && name.as_str().starts_with("x-ratelimit-"))
            || extra.contains(name);
        if passes {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    if head
        .headers
        .get("content-type")
        .is_some_and(|v| v.as_bytes().starts_with(b"text/event-stream"))
    {
        // Proxies on the way to the client must not collect events (nginx's own switch for it).
        head.insert_header("x-accel-buffering", HeaderValue::from_static("no"))?;
    }
    head.set_version(response.version);
    ctx.status = head.status.as_u16();
    let is_heartbeat = response.headers.contains_key(HEARTBEAT_MARK);
    if is_heartbeat {
        add_ours_early(&mut head, ctx)?;
    } else {
        add_ours(&mut head, ctx)?;
        ctx.attempts.report = Report {
            head_at: Some(clock::now()),
            committed: true,
            ..Report::default()
        };
        trip::answered(ctx);
    }
    ctx.head_is_out = true;
    *response = head;
    Ok(())
}

/// The head of a stream that has nothing to show yet but must not stay silent.
pub fn early_head(ctx: &RequestContext) -> Result<ResponseHeader> {
    let mut head = ResponseHeader::build_no_case(200, Some(8))?;
    head.insert_header(
        "content-type",
        HeaderValue::from_static("text/event-stream"),
    )?;
    head.insert_header("cache-control", HeaderValue::from_static("no-cache"))?;
    head.insert_header("transfer-encoding", HeaderValue::from_static("chunked"))?;
    head.insert_header("x-accel-buffering", HeaderValue::from_static("no"))?;
    add_ours_early(&mut head, ctx)?;
    Ok(head)
}

/// What is known before an answer is: upstream, attempts and queue time follow in the closing comment.
fn add_ours_early(head: &mut ResponseHeader, ctx: &RequestContext) -> Result<()> {
    add_ours(head, ctx)?;
    for name in [
        "x-sidegate-upstream",
        "x-sidegate-attempts",
        "x-sidegate-queue-ms",
    ] {
        head.remove_header(name);
    }
    Ok(())
}

/// The comment that closes such a stream.
pub fn closing_comment(ctx: &RequestContext) -> String {
    let upstream = ctx
        .target()
        .and_then(|target| ctx.snapshot.upstreams.get(target.upstream))
        .map_or("none", |upstream| upstream.config.name.as_str());
    let attempts = ctx.attempts.count;
    let queue_ms = queue_ms(ctx);
    format!(": sidegate upstream={upstream} attempts={attempts} queue_ms={queue_ms}\n\n")
}

/// Whole milliseconds in the lane's queue.
fn queue_ms(ctx: &RequestContext) -> u128 {
    ctx.attempts.queued.unwrap_or_default().as_millis()
}

/// The headers that every answer has, a failure's too.
pub fn add_ours(head: &mut ResponseHeader, ctx: &RequestContext) -> Result<()> {
    head.insert_header("x-correlation-id", ctx.correlation.to_header())?;
    head.insert_header("x-request-id", ctx.correlation.to_header())?;
    let mut set = |name: &'static str, value: &str| -> Result<()> {
        if let Ok(value) = HeaderValue::from_str(value) {
            head.insert_header(HeaderName::from_static(name), value)?;
        }
        Ok(())
    };
    if let Some(route) = ctx.route() {
        set("x-sidegate-route", &route.name)?;
        set("x-sidegate-attempts", &ctx.attempts.count.to_string())?;
        set("x-sidegate-queue-ms", &queue_ms(ctx).to_string())?;
    }
    let upstream = ctx
        .attempts
        .current
        .as_ref()
        .map(|current| current.upstream);
    if let Some(upstream) = upstream.and_then(|index| ctx.snapshot.upstreams.get(index)) {
        set("x-sidegate-upstream", &upstream.config.name)?;
    }
    if let Some(spending) = &ctx.spending {
        for (name, value) in spending.remaining.headers() {
            set(name, &value)?;
        }
    }
    if let Some(origin) = &ctx.origin {
        for (name, value) in answer_headers(origin) {
            set(name, value)?;
        }
    }
    Ok(())
}

/// The answer to a browser's question whether it may ask.
pub async fn preflight(session: &mut Session, ctx: &mut RequestContext) -> Result<()> {
    let mut head = ResponseHeader::build_no_case(PREFLIGHT_STATUS, Some(8))?;
    for (name, value) in preflight_headers(ctx.origin.as_deref().unwrap_or_default()) {
        if let Ok(value) = HeaderValue::from_str(value) {
            head.insert_header(HeaderName::from_static(name), value)?;
        }
    }
    add_ours(&mut head, ctx)?;
    ctx.status = PREFLIGHT_STATUS;
    session.write_response_header(Box::new(head), true).await
}

/// A JSON answer of the gateway's own.
pub async fn json(session: &mut Session, ctx: &mut RequestContext, body: Vec<u8>) -> Result<()> {
    let mut head = ResponseHeader::build_no_case(200, Some(8))?;
    head.insert_header("content-type", HeaderValue::from_static("application/json"))?;
    head.insert_header("content-length", body.len().to_string())?;
    add_ours(&mut head, ctx)?;
    ctx.status = 200;
    ctx.bytes_out = body.len() as u64;
    session.write_response_header(Box::new(head), false).await?;
    session.write_response_body(Some(body.into()), true).await
}
