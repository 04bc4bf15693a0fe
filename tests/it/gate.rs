//! The gate through the real binary: scripted upstreams do everything that servers do, and the client gets a whole
//! answer, an honest failure, or an honest cut.
//!
//! Two upstreams, `a` before `b`, each answering in its own name; a test says what they do and what became of the
//! request. The laws are checked after each.

use std::time::{Duration, Instant};

use serde_json::{json, Value};

use crate::support::gateway::Builder;
use crate::support::laws;
use crate::support::script::Step;
use crate::support::{
    eventually, many, plain, sse, Answer, Client, End, Exchange, Gateway, Latch, Reply, Request,
    Script, Upstream, DEADLINE,
};

mod after_commit;
mod before_commit;
mod client_errors;
mod connections;
mod drain;
mod events;
mod held;
mod keepalive;
mod leaving;
mod plain_answers;
mod request_bodies;
mod tls;
mod whole;

/// A gateway before two scripted upstreams.
pub struct Stage {
    pub gateway: Gateway,
    pub a: Upstream,
    pub b: Upstream,
}

/// A request that is over: what the client got, and what the access log says.
pub struct Told {
    pub reply: Reply,
    pub line: Value,
}

impl Stage {
    /// `a` is asked first, `b` where `a` failed.
    pub async fn start(a: impl Into<Script>, b: impl Into<Script>) -> Stage {
        Stage::set_up(a, b, |gateway| gateway).await
    }

    /// The same with more configuration.
    pub async fn set_up(
        a: impl Into<Script>,
        b: impl Into<Script>,
        more: impl FnOnce(Builder) -> Builder,
    ) -> Stage {
        let (a, b) = (Upstream::start(a).await, Upstream::start(b).await);
        Stage::before(a, b, more).await
    }

    /// Routes: `chat` and `whole` to both, `alone` to `a` only.
    pub async fn before(a: Upstream, b: Upstream, more: impl FnOnce(Builder) -> Builder) -> Stage {
        let builder = Gateway::builder()
            .upstream("a", &a)
            .upstream("b", &b)
            .route("chat", "chat", &["a", "b"])
            .route("whole", "whole", &["a", "b"])
            .set("routes.whole.commit", "whole")
            .route("alone", "alone", &["a"])
            // What protects upstreams from many failures is another test's matter.
            .set("breaker.threshold", 1000)
            .set("retry.budget.floor", 1000);
        let gateway = more(builder).start().await;
        Stage { gateway, a, b }
    }

    // What is asked.

    /// A stream that is committed at its first token.
    pub fn chat(&self) -> Request {
        self.gateway.client().chat("chat").stream()
    }

    /// A stream that is committed when it is whole.
    pub fn whole(&self) -> Request {
        self.gateway.client().chat("whole").stream()
    }

    /// A stream that only `a` can serve.
    pub fn alone(&self) -> Request {
        self.gateway.client().chat("alone").stream()
    }

    /// An answer in one piece.
    pub fn plain(&self) -> Request {
        self.gateway.client().chat("chat")
    }

    pub async fn tell(&self, request: Request) -> Told {
        self.told(request.send().await).await
    }

    /// So many at once.
    pub async fn tell_many(&self, count: usize, request: impl Fn() -> Request) -> Vec<Told> {
        let replies = many(count, |_| {
            let request = request();
            async move { request.send().await }
        });
        let mut all = Vec::new();
        for reply in replies.await {
            all.push(self.told(reply).await);
        }
        all
    }

    pub async fn told(&self, reply: Reply) -> Told {
        let id = reply.sent.correlation_id.clone().expect("an id");
        let line = self.gateway.wait_access(&id).await;
        Told { reply, line }
    }

    // What came of it.

    /// How often a request was tried again for this reason.
    pub async fn retries(&self, reason: &str) -> f64 {
        let metrics = self.gateway.metrics().await;
        metrics.sum("sidegate_retries_total", &[("reason", reason)])
    }

    /// How many attempts ended so.
    pub async fn attempts(&self, outcome: &str) -> f64 {
        let metrics = self.gateway.metrics().await;
        metrics.sum("sidegate_upstream_attempts_total", &[("outcome", outcome)])
    }

    pub fn expect_b_unasked(&self) {
        assert!(self.b.requests().is_empty(), "b was asked");
    }

    pub async fn end(&self) {
        laws::check(&self.gateway, &[&self.a, &self.b]).await;
    }
}

impl Told {
    /// The whole stream of `name`; whatever was tried before it doesn't show.
    pub fn expect_whole(&self, name: &str, tokens: usize) -> &Told {
        let Told { reply, line } = self;
        assert_eq!((reply.status, &reply.end), (200, &End::Whole), "{reply:?}");
        assert_eq!(reply.text(), text_of(name, tokens), "{reply:?}");
        assert!(
            reply.has_done() && reply.interim.is_empty(),
            "{:?}",
            reply.interim
        );
        assert_eq!(line["code"], "ok", "{line}");
        assert_eq!(line["upstream"], name.to_lowercase(), "{line}");
        self
    }

    /// So many tokens of `a`, our error event, and an end that nobody takes for a good one.
    pub fn expect_interrupted(&self, tokens: usize, code: &str) -> &Told {
        let Told { reply, line } = self;
        assert_eq!(
            (reply.status, &reply.end),
            (200, &End::CutChunked),
            "{reply:?}"
        );
        assert_eq!(reply.text(), text_of("A", tokens), "{reply:?}");
        assert_eq!(reply.code().as_deref(), Some(code), "{reply:?}");
        let last = reply.all_events().pop().expect("an event");
        assert!(last.is_error() && !reply.has_done(), "{reply:?}");
        assert_eq!(
            (&line["code"], &line["status"]),
            (&json!(code), &json!(200))
        );
        self
    }

    /// Nothing but a failure summary.
    pub fn expect_failure(&self, status: u16, code: &str) -> &Told {
        let Told { reply, line } = self;
        assert_eq!(
            (reply.status, &reply.end),
            (status, &End::Whole),
            "{reply:?}"
        );
        assert_eq!(reply.code().as_deref(), Some(code), "{reply:?}");
        assert!(!reply.is_stream(), "{reply:?}");
        assert_eq!(line["code"], code, "{line}");
        self
    }

    pub fn expect_attempts(&self, attempts: u64) -> &Told {
        assert_eq!(self.line["attempts"], attempts, "{}", self.line);
        self
    }

    /// It took at least the limit that ended something, and not so much more that another one could have.
    pub fn expect_took_about(&self, limit: Duration) -> &Told {
        let took = self.reply.took();
        let late = limit + Duration::from_millis(2500);
        assert!((limit..late).contains(&took), "it took {took:?}");
        self
    }
}

/// What a stream of so many tokens says.
pub fn text_of(name: &str, tokens: usize) -> String {
    (1..=tokens).map(|n| format!("{name}{n} ")).collect()
}

/// The head of a stream, and nothing behind it yet.
pub fn stream_head() -> Answer {
    Answer::new().send(sse::head(("transfer-encoding", "chunked")))
}

/// `stream`, which ends in a hang, goes on with `step` when the latch opens instead.
pub fn then_when(stream: sse::Stream, latch: &Latch, step: Step) -> Answer {
    let mut answer = stream.answer();
    let hang = answer.steps.pop();
    assert!(
        matches!(hang, Some(Step::Hang)),
        "a stream that ends in a hang"
    );
    answer.wait_for(latch).step(step)
}
