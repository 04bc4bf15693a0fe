//! Tells the client that its request failed.

use http::header::{HeaderName, HeaderValue};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorSource, ErrorType, Result};
use pingora_proxy::{FailToProxy, Session};

use super::{respond, skill_out};
use crate::attempt::{ErrorClass, Outcome};
use crate::clock;
use crate::context::RequestContext;
use crate::failure::{self, About, Code, Failure};
use crate::route::Shape;

/// Keeps the failure for [`after_error`], which Pingora calls for every error.
pub fn as_error(ctx: &mut RequestContext, failure: Failure) -> Box<Error> {
    ctx.fail(failure);
    Error::new(ErrorType::InternalError)
}

/// The last word of a request that an error ended.
pub async fn after_error(
    session: &mut Session,
    error: &Error,
    ctx: &mut RequestContext,
) -> FailToProxy {
    let nothing_else = |failure: &Failure| failure.code() == Code::ClientClosed;
    let gone = ctx.attempts.last == Some(Outcome::ClientLeft)
        || (*error.esource() == ErrorSource::Downstream
            && ctx.failure.as_ref().is_none_or(nothing_else));
    if gone {
        ctx.client_left();
        return FailToProxy {
            error_code: 0,
            can_reuse_downstream: false,
        };
    }
    let failure = last_failure(ctx);
    ctx.fail(failure);
    session.set_keepalive(None);
    let written = session
        .response_written()
        .filter(|head| !head.status.is_informational());
    match written.map(is_event_stream) {
        None => write(session, ctx).await,
        Some(true) => write_event(session, ctx).await,
        // Part of a plain answer is out: its missing rest says it all.
        Some(false) => {}
    }
    FailToProxy {
        error_code: ctx.status,
        can_reuse_downstream: false,
    }
}

fn is_event_stream(head: &ResponseHeader) -> bool {
    let kind = head.headers.get("content-type");
    kind.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// The failure as a whole answer.
pub async fn write(session: &mut Session, ctx: &mut RequestContext) {
    let Some(failure) = &ctx.failure else { return };
    let about = about(ctx);
    let body = failure::body(failure, &about, shape(ctx));
    let status = failure.http_status();
    let written = match head(failure, &about, body.len(), ctx) {
        Ok(head) => session.write_response_header(Box::new(head), false).await,
        Err(error) => Err(error),
    };
    ctx.status = status;
    ctx.bytes_out = body.len() as u64;
    if written.is_ok()
        && session
            .write_response_body(Some(body.into()), true)
            .await
            .is_ok()
    {
        return;
    }
    log::debug!("a failure summary could not be written: the client is gone");
}

fn head(
    failure: &Failure,
    about: &About<'_>,
    length: usize,
    ctx: &RequestContext,
) -> Result<ResponseHeader> {
    let mut head = ResponseHeader::build_no_case(failure.http_status(), Some(16))?;
    for (name, value) in failure::headers(failure, about) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            head.insert_header(HeaderName::from_static(name), value)?;
        }
    }
    head.insert_header("content-length", length.to_string())?;
    respond::add_ours(&mut head, ctx)?;
    Ok(head)
}

/// The failure as the last event of a stream. The body is not ended: a clean end would look like success.
async fn write_event(session: &mut Session, ctx: &mut RequestContext) {
    let Some(failure) = &ctx.failure else { return };
    let event = failure::event(failure, &about(ctx), shape(ctx));
    ctx.bytes_out += event.len() as u64;
    if session
        .write_response_body(Some(event.into()), false)
        .await
        .is_err()
    {
        log::debug!("a failure event could not be written: the client is gone");
    }
}

pub fn about(ctx: &RequestContext) -> About<'_> {
    let family = ctx
        .attempts
        .current
        .as_ref()
        .and_then(|current| ctx.snapshot.upstreams.get(current.upstream))
        .map_or("none", |upstream| upstream.config.family.as_str());
    About {
        route: ctx.route().map_or("none", |route| route.name.as_str()),
        provider_family: family,
        correlation_id: ctx.correlation.as_str(),
        attempts: ctx.attempts.count,
    }
}

fn shape(ctx: &RequestContext) -> failure::Shape {
    match ctx.shape() {
        Shape::OpenAi => failure::Shape::OpenAi,
        Shape::Responses => failure::Shape::Responses,
        Shape::Anthropic => failure::Shape::Anthropic,
    }
}

/// What the last attempt's outcome means for the client.
pub fn last_failure(ctx: &RequestContext) -> Failure {
    let Some(outcome) = ctx.attempts.last else {
        return Failure::new(Code::Internal);
    };
    let committed = ctx.attempts.report.committed && ctx.wants_stream();
    let code = match outcome {
        Outcome::TotalTimeout => Code::DeadlineExceeded,
        _ if committed => Code::StreamInterrupted,
        Outcome::Ok => Code::Internal,
        Outcome::ClientLeft => Code::ClientClosed,
        Outcome::Interrupted => Code::Draining,
        Outcome::ConnectRefused | Outcome::ConnectFailed => Code::UpstreamUnreachable,
        Outcome::ConnectTimeout => Code::UpstreamConnectTimeout,
        Outcome::NoAnswer { .. } | Outcome::Protocol => Code::UpstreamProtocolError,
        Outcome::HeaderTimeout => Code::UpstreamHeaderTimeout,
        Outcome::FirstTokenTimeout => Code::UpstreamFirstTokenTimeout,
        Outcome::IdleTimeout => Code::UpstreamIdleTimeout,
        Outcome::PlainTimeout => Code::UpstreamPlainTimeout,
        Outcome::ErrorEvent => Code::UpstreamError,
        Outcome::Misfit => Code::ResponseSchemaViolation,
        Outcome::Truncated => Code::UpstreamTruncated,
        Outcome::Error { class, .. } => error_code(class),
    };
    let mut failure = match code {
        Code::ResponseSchemaViolation => skill_out::failure(ctx),
        code => Failure::new(code),
    };
    if let Some(status) = ctx.attempts.upstream_status {
        failure = failure.upstream_status(status);
    }
    if let Outcome::Error { status, class } = outcome {
        failure = with_class(failure, status, class, ctx);
        failure = with_wait(failure, ctx);
    }
    failure
}

/// What the upstream asked for is the client's to wait too, as far as that makes sense.
fn with_wait(failure: Failure, ctx: &RequestContext) -> Failure {
    let target = ctx.attempts.current.as_ref().map(|current| current.target);
    let asked = target.and_then(|target| ctx.attempts.asked_by(target, clock::now()));
    match (asked, ctx.route()) {
        (Some(asked), Some(route)) => failure.retry_after(asked.min(route.retry.retry_after_cap)),
        _ => failure,
    }
}

/// Names the software that the failure is about, for its hint.
pub fn with_family(ctx: &RequestContext, failure: Failure) -> Failure {
    let target = ctx.route().and_then(|route| route.targets.first());
    let upstream = target.and_then(|target| ctx.snapshot.upstreams.get(target.upstream));
    match upstream {
        Some(upstream) => failure.family(upstream.config.family),
        None => failure,
    }
}

fn error_code(class: ErrorClass) -> Code {
    match class {
        ErrorClass::RateLimited => Code::RateLimited,
        ErrorClass::Overloaded | ErrorClass::Loading => Code::UpstreamOverloaded,
        ErrorClass::ServerError
        | ErrorClass::BadGateway
        | ErrorClass::Unavailable
        | ErrorClass::HtmlPage => Code::UpstreamError,
        ErrorClass::Auth => Code::UpstreamAuthFailed,
        ErrorClass::ModelMissing => Code::UpstreamModelMissing,
        ErrorClass::ContextLength => Code::ContextLengthExceeded,
        ErrorClass::ContentPolicy => Code::ContentPolicyViolation,
        ErrorClass::Rejected => Code::UpstreamRejected,
        ErrorClass::Redirect => Code::UpstreamRedirect,
    }
}

fn with_class(failure: Failure, status: u16, class: ErrorClass, ctx: &RequestContext) -> Failure {
    match class {
        ErrorClass::ContentPolicy | ErrorClass::Rejected if (400..500).contains(&status) => {
            failure.status(status)
        }
        ErrorClass::ContextLength => {
            // Some servers say it with a 500; it is the client's to mend all the same.
            let status = if (400..500).contains(&status) {
                status
            } else {
                400
            };
            let window = ctx.target().and_then(|target| target.context);
            let failure = failure.status(status);
            match window {
                Some(tokens) => failure.context_window(tokens),
                None => failure,
            }
        }
        ErrorClass::HtmlPage => failure.html_page(),
        ErrorClass::Loading => failure.loading(),
        _ => failure,
    }
}
