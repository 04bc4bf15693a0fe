//! The first look at a request: can its bytes be understood in one way only, and may its sender speak here at all.

use std::sync::Arc;
use std::time::Duration;

use pingora::http::RequestHeader;
use pingora_proxy::Session;

use super::hop;
use crate::caller::origin_allowed;
use crate::context::RequestContext;
use crate::correlation::CorrelationId;
use crate::failure::{Code, Failure};
use crate::route::{match_target, Endpoint};
use crate::snapshot::Shared;

/// Between two requests of a connection. Also the longest pause inside a later request's head.
const KEEP_ALIVE_SECONDS: u64 = 60;
/// Between two reads of a body.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that takes nothing for this long has left.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// What an unread body may cost after an early refusal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Pingora's own limits are off or endless: ours hold from the first request on.
pub fn set_limits(session: &mut Session) {
    let downstream = session.as_downstream_mut();
    downstream.set_keepalive(Some(KEEP_ALIVE_SECONDS));
    downstream.set_read_timeout(Some(READ_TIMEOUT));
    downstream.set_write_timeout(Some(WRITE_TIMEOUT));
    downstream.set_total_drain_timeout(Some(DRAIN_TIMEOUT));
}

/// Framing, then Host, then origin.
pub fn check(
    shared: &Arc<Shared>,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<(), Failure> {
    let header = session.req_header();
    if let Some(id) = single(header, "x-correlation-id").and_then(CorrelationId::try_new) {
        ctx.correlation = id;
    }
    ctx.method = known_method(header.method.as_str());
    // A refusal has the shape that the path's clients know, whether or not they may speak.
    ctx.api = match match_target(header.method.as_str(), header.raw_path()) {
        Endpoint::Api { api, .. } => Some(api),
        _ => None,
    };
    take_place(shared, ctx)?;
    check_size(session, ctx)?;
    let header = session.req_header();
    check_framing(header, &session.as_downstream().to_h1_raw())?;
    ctx.hops = hop::check(header, &shared.hop_name)?;
    check_host(header, ctx)?;
    check_origin(session.req_header(), ctx)
}

/// A connection counts from its first request until it is closed.
fn take_place(shared: &Arc<Shared>, ctx: &mut RequestContext) -> Result<(), Failure> {
    if shared.is_draining() {
        return Err(Failure::new(Code::Draining));
    }
    if ctx.connection.is_none() {
        let place = shared.connections.try_take(1);
        ctx.connection = Some(Arc::new(
            place.ok_or(Failure::new(Code::TooManyConnections))?,
        ));
    }
    Ok(())
}

fn check_size(session: &Session, ctx: &RequestContext) -> Result<(), Failure> {
    let limits = &ctx.snapshot.config.limits;
    let bytes = session.as_downstream().to_h1_raw().len() as u64;
    let count = session.req_header().headers.len() as u64;
    let too_large = Failure::new(Code::HeadersTooLarge);
    if bytes > limits.header_bytes {
        return Err(too_large);
    }
    if count > u64::from(limits.headers) {
        return Err(too_large.config_key("limits.headers"));
    }
    Ok(())
}

/// Refuses what two parsers could read differently (RFC 9112, sections 3.2, 6.1 and 6.3).
fn check_framing(header: &RequestHeader, raw: &[u8]) -> Result<(), Failure> {
    let headers = &header.headers;
    let lengths = raw_lines_of(raw, b"content-length");
    let codings = raw_lines_of(raw, b"transfer-encoding");
    let chunked = headers.get("transfer-encoding").is_none_or(|value| {
        value
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked")
    });
    let bare_line_feeds =
        memchr::memchr_iter(b'\n', raw).any(|at| at == 0 || raw.get(at - 1) != Some(&b'\r'));
    let twins = headers
        .keys()
        .any(|name| name.as_str().contains('_') && is_twin(name.as_str()));
    let broken = lengths > 1
        || codings > 1
        || (lengths > 0 && codings > 0)
        || !chunked
        || bare_line_feeds
        || twins
        || headers.get_all("host").iter().count() != 1
        || headers.contains_key("upgrade")
        || !matches!(header.raw_path().first(), Some(b'/'));
    if broken {
        return Err(Failure::new(Code::InvalidRequest));
    }
    Ok(())
}

/// How many header lines have this name, in the bytes as they came: Pingora drops a length that stands beside an encoding.
fn raw_lines_of(raw: &[u8], name: &[u8]) -> usize {
    raw.split(|&byte| byte == b'\n')
        .filter(|line| {
            line.get(name.len()) == Some(&b':')
                && line
                    .get(..name.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
        .count()
}

/// A name that some servers take for one of ours, because CGI spells `-` as `_`.
fn is_twin(name: &str) -> bool {
    let spelled = name.replace('_', "-");
    const OURS: [&str; 6] = [
        "authorization",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "x-api-key",
    ];
    OURS.contains(&spelled.as_str())
        || spelled.starts_with("x-sidegate-")
        || spelled == "x-correlation-id"
        || spelled == "idempotency-key"
}

fn check_host(header: &RequestHeader, ctx: &RequestContext) -> Result<(), Failure> {
    let host = single(header, "host").unwrap_or_default();
    if ctx.snapshot.hosts.allows(host) {
        return Ok(());
    }
    Err(Failure::new(Code::HostDenied).config_key("callers.allowed_hosts"))
}

/// No `Origin`: not a browser. With one, it has to be on the list; no browser sends two.
fn check_origin(header: &RequestHeader, ctx: &mut RequestContext) -> Result<(), Failure> {
    let mut origins = header.headers.get_all("origin").iter();
    let Some(origin) = origins.next() else {
        return Ok(());
    };
    let allowed = &ctx.snapshot.config.callers.allowed_origins;
    if origins.next().is_some() || !origin_allowed(origin.as_bytes(), allowed) {
        return Err(Failure::new(Code::OriginDenied).config_key("callers.allowed_origins"));
    }
    ctx.origin = origin.to_str().ok().map(str::to_owned);
    Ok(())
}

/// The header's value where it stands there once.
pub fn single<'a>(header: &'a RequestHeader, name: &str) -> Option<&'a [u8]> {
    let mut values = header.headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.as_bytes())
}

fn known_method(method: &str) -> Option<&'static str> {
    const METHODS: [&str; 8] = [
        "POST", "GET", "OPTIONS", "HEAD", "PUT", "DELETE", "PATCH", "TRACE",
    ];
    METHODS.into_iter().find(|known| *known == method)
}
