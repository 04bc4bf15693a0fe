//! The stage of most tests: one gateway, one scripted upstream `a`, one route `chat` whose alias is `m`.

use serde_json::Value;

use crate::support::gateway::Builder;
use crate::support::laws;
use crate::support::{Client, Gateway, Reply, Request, Script, Upstream};

pub struct Stage {
    pub gateway: Gateway,
    pub upstream: Upstream,
}

impl Stage {
    pub async fn start(script: impl Into<Script>) -> Stage {
        Stage::with(script, |builder| builder).await
    }

    /// The same with whatever else the test wants of the configuration.
    pub async fn with(script: impl Into<Script>, more: impl FnOnce(Builder) -> Builder) -> Stage {
        let upstream = Upstream::start(script).await;
        // Each request is to find the upstream as it is, not its breaker open or its retries used up by the one before.
        let builder = Gateway::builder()
            .upstream("a", &upstream)
            .route("chat", "m", &["a"])
            .set("breaker.threshold", 1000)
            .set("retry.budget.floor", 1000);
        let gateway = more(builder).start().await;
        Stage { gateway, upstream }
    }

    pub fn client(&self) -> Client {
        self.gateway.client()
    }

    pub fn chat(&self) -> Request {
        self.client().chat("m")
    }

    /// Sends it; the answer, and what the access log says of it.
    pub async fn tell(&self, request: &Request) -> (Reply, Value) {
        let reply = request.send().await;
        let line = self.line_of(&reply).await;
        (reply, line)
    }

    pub async fn line_of(&self, reply: &Reply) -> Value {
        let id = reply
            .correlation_id()
            .or(reply.sent.correlation_id.as_deref());
        let id = id.unwrap_or_else(|| panic!("an answer with an id: {reply:?}"));
        self.gateway.wait_access(id).await
    }

    /// The last request that the upstream saw.
    pub fn last_seen(&self) -> crate::support::upstream::SeenRequest {
        let mut seen = self.upstream.requests();
        seen.pop().expect("the upstream saw a request")
    }

    /// Not even a connection was made to the upstream.
    pub fn expect_untouched_upstream(&self) {
        let (connections, requests) = (self.upstream.connections(), self.upstream.requests());
        assert!(
            connections.is_empty() && requests.is_empty(),
            "the upstream was to hear of nothing: {connections:?} {requests:?}"
        );
    }

    /// Every test ends with it.
    pub async fn end(&self) {
        laws::check(&self.gateway, &[&self.upstream]).await;
    }
}

/// An answer that is a failure of ours, whole, with this status and code.
#[track_caller]
pub fn expect_failure(reply: &Reply, status: u16, code: &str) {
    let told = (reply.status, reply.code(), reply.is_whole());
    let expected = (status, Some(code.to_string()), true);
    assert_eq!(told, expected, "{reply:?}");
}
