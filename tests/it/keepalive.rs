//! A stream that waits is kept alive by comments, and everything behind them goes on as before: retry, failover, the
//! failure summary (in the stream then), the client's leaving.

use std::time::Duration;

use serde_json::Value;

use crate::support::laws;
use crate::support::{plain, sse, End, Gateway, Reply, Script, Upstream};

struct Stage {
    gateway: Gateway,
    a: Upstream,
    b: Upstream,
}

impl Stage {
    async fn start(a: impl Into<Script>, b: impl Into<Script>) -> Stage {
        let (a, b) = (Upstream::start(a).await, Upstream::start(b).await);
        let gateway = Gateway::builder()
            .upstream("a", &a)
            .upstream("b", &b)
            .route("whole", "whole", &["a", "b"])
            .set("routes.whole.commit", "whole")
            .set("routes.whole.keepalive", "100ms")
            .route("chat", "chat", &["a", "b"])
            .set("routes.chat.keepalive", "100ms")
            .start()
            .await;
        Stage { gateway, a, b }
    }

    async fn ask(&self, model: &str) -> (Reply, Value) {
        let reply = self.gateway.client().chat(model).stream().send().await;
        let id = reply.sent.correlation_id.clone().expect("an id");
        let line = self.gateway.wait_access(&id).await;
        (reply, line)
    }

    async fn end(&self) {
        laws::check(&self.gateway, &[&self.a, &self.b]).await;
    }
}

fn comments(reply: &Reply) -> Vec<String> {
    reply
        .comments()
        .into_iter()
        .filter_map(|event| event.comment)
        .collect()
}

#[tokio::test]
async fn a_slow_whole_answer_is_announced_by_comments_and_closed_by_one() {
    let slow = sse::chat_saying("A", 12).every(Duration::from_millis(50));
    let stage = Stage::start(slow, sse::chat_saying("B", 1)).await;
    let (reply, line) = stage.ask("whole").await;
    assert_eq!(
        (reply.status, &reply.end, reply.tokens()),
        (200, &End::Whole, 12)
    );
    let comments = comments(&reply);
    assert!(comments.len() >= 3, "{comments:?}");
    assert!(
        comments
            .last()
            .unwrap()
            .contains("sidegate upstream=a attempts=1"),
        "{comments:?}"
    );
    assert_eq!(reply.header("x-sidegate-upstream"), None);
    assert_eq!(line["code"], "ok");
    stage.end().await;
}

#[tokio::test]
async fn behind_the_comments_a_stall_is_repeated_elsewhere() {
    let stall = sse::chat_saying("A", 60).hang_after_token(20);
    let stage = Stage::start(stall, sse::chat_saying("B", 60)).await;
    let (reply, line) = stage.ask("whole").await;
    assert_eq!((&reply.end, reply.tokens()), (&End::Whole, 60));
    assert!(!reply.text().contains('A'), "{}", reply.text());
    assert!(comments(&reply)
        .last()
        .unwrap()
        .contains("upstream=b attempts=2"));
    assert_eq!(line["attempts"], 2);
    stage.end().await;
}

#[tokio::test]
async fn after_the_first_comment_a_failure_is_an_event_in_the_stream() {
    let stall = sse::chat_saying("A", 60).hang_after_token(20);
    let stage = Stage::start(stall, plain::overloaded()).await;
    let (reply, line) = stage.ask("whole").await;
    assert_eq!((reply.status, &reply.end), (200, &End::CutChunked));
    assert_eq!(reply.code().as_deref(), Some("upstream_overloaded"));
    assert_eq!(reply.tokens(), 0);
    assert_eq!(line["code"], "upstream_overloaded");
    stage.end().await;
}

#[tokio::test]
async fn a_failure_before_the_first_comment_keeps_its_status() {
    let stage = Stage::start(
        plain::context_length_exceeded(),
        plain::context_length_exceeded(),
    )
    .await;
    let (reply, _) = stage.ask("whole").await;
    assert_eq!((reply.status, &reply.end), (400, &End::Whole));
    assert_eq!(reply.code().as_deref(), Some("context_length_exceeded"));
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_waits_for_its_first_token_is_kept_alive_too() {
    let late = sse::chat_saying("A", 5).wait_before_token(1, Duration::from_millis(500));
    let stage = Stage::start(late, sse::chat_saying("B", 5)).await;
    let (reply, line) = stage.ask("chat").await;
    assert_eq!((&reply.end, reply.tokens()), (&End::Whole, 5));
    assert!(comments(&reply).len() >= 3);
    assert!(
        line["first_token_seconds"].as_f64().unwrap() >= 0.5,
        "{line}"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_while_comments_come_ends_the_upstreams_work() {
    let stage = Stage::start(sse::chat_saying("A", 60).hang_after_token(20), sse::chat(1)).await;
    let exchange = stage.gateway.client().chat("whole").stream().start().await;
    exchange
        .until("two comments", |reply| reply.comments().len() >= 2)
        .await;
    let id = exchange.correlation_id().expect("an id").to_owned();
    exchange.leave().await;
    stage.a.wait_closed(0, Duration::from_millis(250)).await;
    assert_eq!(
        stage.gateway.wait_access(&id).await["code"],
        "client_closed"
    );
    assert!(stage.b.requests().is_empty());
    stage.end().await;
}
