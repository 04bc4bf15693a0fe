//! A stream that waits in the queue gets comments, where its route has `keepalive`; with `queue_position` they count down.

use super::*;
use crate::support::{laws, sse, End};

/// Streams of three tokens, the n-th of them when the n-th latch opens.
fn streams(count: usize) -> (Vec<Latch>, Script) {
    let gates = (0..count).map(|_| Latch::new()).collect::<Vec<_>>();
    let answer = |gate: &Latch| sse::chat(3).hold_before_head(gate).answer();
    let script = Script::sequence(gates.iter().map(answer));
    (gates, script)
}

async fn kept_company(script: Script, more: impl FnOnce(Builder) -> Builder) -> Stage {
    stage(script, |gateway| {
        more(
            gateway
                .set("upstreams.a.streams", 1)
                .set("routes.chat.keepalive", "100ms"),
        )
    })
    .await
}

fn comments(reply: &Reply) -> Vec<String> {
    let comments = reply.comments().into_iter();
    comments.filter_map(|event| event.comment).collect()
}

async fn until_told(exchange: &Exchange, comment: &str) {
    let told = |reply: &Reply| comments(reply).iter().any(|it| it == comment);
    exchange
        .until(&format!("the comment {comment:?}"), |reply| {
            told(reply) || reply.is_over()
        })
        .await;
    let reply = exchange.so_far();
    assert!(told(&reply), "{reply:?}");
}

/// The last comment says where the answer came from and how long the request had waited.
fn expect_closing(comments: &[String], line: &Value) {
    let closing = comments.last().expect("a comment");
    let wait = closing.strip_prefix("sidegate upstream=a attempts=1 queue_ms=");
    assert!(wait.is_some(), "{closing}");
    expect_same_wait(wait, line);
}

#[tokio::test]
async fn the_position_in_the_queue_is_told_and_falls_to_the_first() {
    let (gates, script) = streams(4);
    let stage = kept_company(script, |gateway| {
        gateway.set("routes.chat.queue_position", true)
    })
    .await;
    let holder = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;
    let mut before = Vec::new();
    for _ in 0..2 {
        before.push(queue_up(&stage.gateway, &stage.chat()).await);
    }
    let third = queue_up(&stage.gateway, &stage.chat().stream()).await;

    for (position, gate) in [3, 2, 1].into_iter().zip(&gates) {
        until_told(&third, &format!("queue position={position}")).await;
        gate.open();
    }
    gates[3].open();

    let reply = third.finish().await;
    let line = stage.line_of(&reply).await;
    let mut told = comments(&reply);
    expect_closing(&told, &line);
    told.retain(|comment| comment.starts_with("queue"));
    told.dedup();
    let positions = [3, 2, 1].map(|position| format!("queue position={position}"));
    assert_eq!(told, positions, "{reply:?}");
    assert_eq!((reply.tokens(), &reply.end), (3, &End::Whole), "{reply:?}");
    for served in before.into_iter().chain([holder]) {
        assert_eq!(served.finish().await.status, 200);
    }
    stage.end().await;
}

#[tokio::test]
async fn without_the_position_it_is_only_kept_alive() {
    let (gates, script) = streams(2);
    let stage = kept_company(script, |gateway| gateway).await;
    let holder = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;
    let waits = queue_up(&stage.gateway, &stage.chat().stream()).await;

    until_told(&waits, "keep-alive").await;
    gates.iter().for_each(Latch::open);

    let reply = waits.finish().await;
    let line = stage.line_of(&reply).await;
    let told = comments(&reply);
    expect_closing(&told, &line);
    assert!(queued(&line) >= Duration::from_millis(100), "{line}");
    assert!(!told.iter().any(|it| it.contains("position")), "{told:?}");
    assert_eq!(holder.finish().await.status, 200);
    stage.end().await;
}

/// The head is out: the failure is an event, and the end is none that anybody takes for a good one.
#[tokio::test]
async fn patience_that_ends_behind_comments_is_told_in_the_stream() {
    let (gates, script) = streams(1);
    let stage = kept_company(script, |gateway| {
        gateway.set("lanes.interactive.patience", "400ms")
    })
    .await;
    let holder = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;

    let (reply, line) = stage.tell(&stage.chat().stream()).await;

    assert_eq!(
        (reply.status, reply.code().as_deref(), &reply.end),
        (200, Some("queue_timeout"), &End::CutChunked),
        "{reply:?}"
    );
    assert_eq!(
        (&line["code"], &line["attempts"]),
        (&json!("queue_timeout"), &json!(0))
    );
    assert!(comments(&reply).len() >= 2, "{reply:?}");
    gates[0].open();
    assert_eq!(holder.finish().await.status, 200);
    laws::check(&stage.gateway, &[&stage.upstream]).await;
}
