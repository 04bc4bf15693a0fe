//! Pingora's hooks, in the order in which a request meets them.
//!
//! Each hook calls one stage and keeps what it decided in the [`RequestContext`]; no rule lives here. This folder is the
//! only place that knows every stage.
//!
//! | phase | hook | file |
//! |---|---|---|
//! | framing, Host, origin | `early_request_filter` | [`arrive`] |
//! | token, path, body, route, scope, skill | `request_filter` | [`accept`], [`body`], [`skill_in`] |
//! | which target, when, and a place | `upstream_peer` | [`turn`], [`queue`], [`forward`] |
//! | order for the gate, and who judges the answer | `connected_to_upstream` | [`forward`], [`skill_out`] |
//! | headers upstream | `upstream_request_filter` | [`forward`] |
//! | headers to the client | `response_filter` | [`respond`] |
//! | again, or the end | `fail_to_connect`, `error_while_proxy` | [`retry`] |
//! | failure summary | `fail_to_proxy` | [`refuse`] |
//! | record | `logging` | [`finish`] |

mod accept;
mod arrive;
mod body;
mod finish;
mod forward;
mod headers;
mod hop;
mod models;
mod queue;
mod refuse;
mod respond;
mod retry;
mod skill_in;
mod skill_out;
mod spend;
mod traced;
mod trip;
mod turn;
mod wait;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

use crate::context::RequestContext;
use crate::limits::ConnectionPermit;
use crate::record::trace::Trace;
use crate::snapshot::Shared;

/// The data listener's application.
pub struct Gateway {
    shared: Arc<Shared>,
}

impl Gateway {
    pub fn new(shared: Arc<Shared>) -> Gateway {
        Gateway { shared }
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        let watches = Arc::clone(&self.shared.watches);
        let mut ctx = RequestContext::new(self.shared.snapshot(), watches);
        ctx.under_way = self.shared.enter();
        ctx
    }

    /// No modules: answers are never compressed here.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    fn on_connection_reuse(
        &self,
        _session: &mut Session,
        ctx: &mut RequestContext,
        previous: Box<dyn Any + Send + Sync>,
    ) {
        ctx.connection = previous
            .downcast::<Arc<ConnectionPermit>>()
            .ok()
            .map(|permit| *permit);
    }

    async fn early_request_filter(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        arrive::set_limits(session);
        if ctx.snapshot.config.telemetry.is_some() {
            ctx.trace = Trace::begin(&session.req_header().headers);
        }
        match arrive::check(&self.shared, session, ctx) {
            Ok(()) => Ok(()),
            Err(failure) => Err(refuse::as_error(ctx, failure)),
        }
    }

    async fn request_filter(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<bool> {
        match accept::accept(&self.shared, session, ctx).await? {
            accept::Accepted::Forward => Ok(false),
            accept::Accepted::Answered => Ok(true),
            accept::Accepted::Refused(failure) => {
                ctx.fail(failure);
                // Kept out of the future that every request carries around.
                Box::pin(refuse::write(session, ctx)).await;
                Ok(true)
            }
        }
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<Box<HttpPeer>> {
        forward::choose(&self.shared, session, ctx).await
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut RequestContext,
        error: Box<Error>,
    ) -> Box<Error> {
        retry::after_connect(ctx, error)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        reused: bool,
        _peer: &HttpPeer,
        _fd: std::os::fd::RawFd,
        digest: Option<&Digest>,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        forward::arm(ctx, reused, digest)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        headers::to_upstream(session, request, ctx, &self.shared.hop_name)
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        respond::rewrite(response, ctx)
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        _end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<Option<Duration>> {
        ctx.bytes_out += body.as_ref().map_or(0, |piece| piece.len() as u64);
        ctx.made_progress();
        Ok(None)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut RequestContext,
        _client_reused: bool,
    ) -> Box<Error> {
        retry::after_attempt(&self.shared, session, ctx, error)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut RequestContext,
    ) -> FailToProxy {
        refuse::after_error(session, error, ctx).await
    }

    async fn logging(
        &self,
        session: &mut Session,
        error: Option<&Error>,
        ctx: &mut RequestContext,
    ) {
        finish::record(&self.shared, session, error, ctx);
    }

    /// Pingora's own lines hold addresses, paths and raw bytes: ours say what there is to say.
    fn suppress_error_log(&self, _: &Session, _: &RequestContext, _: &Error) -> bool {
        true
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &RequestContext,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    fn request_summary(&self, _: &Session, ctx: &RequestContext) -> String {
        ctx.correlation.to_string()
    }

    fn persist_connection_context(
        &self,
        _session: &Session,
        ctx: &RequestContext,
    ) -> Option<Box<dyn Any + Send + Sync>> {
        let permit = ctx.connection.clone()?;
        Some(Box::new(permit))
    }
}
