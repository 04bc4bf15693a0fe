//! What a connection may cost: places, time, and bodies that nobody reads.

use std::time::Duration;

use crate::stage::{expect_failure, Stage};
use crate::support::{eventually, plain, End};

/// The longest pause inside a body.
const PAUSE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn one_connection_more_than_allowed_is_told_so_and_gets_the_next_place() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.set("limits.connections", 2)
    })
    .await;
    let (_, one) = stage.chat().send_on(stage.client().connect().await).await;
    let (_, two) = stage.chat().send_on(stage.client().connect().await).await;
    assert!(one.is_some() && two.is_some(), "both connections are kept");

    let (refused, line) = stage.tell(&stage.chat()).await;

    expect_failure(&refused, 503, "too_many_connections");
    assert_eq!(refused.header("x-should-retry"), Some("true"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.header("retry-after-ms"), Some("1000"));
    assert_eq!(
        (&line["status"], &line["caller"]),
        (&503.into(), &serde_json::Value::Null)
    );
    drop(one);
    eventually("a place after one was given back", async || {
        match stage.chat().send().await.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    drop(two);
    stage.end().await;
}

#[tokio::test]
async fn a_place_serves_every_request_of_its_connection() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.set("limits.connections", 1)
    })
    .await;
    let mut connection = stage.client().connect().await;
    for _ in 0..5 {
        let (reply, kept) = stage.chat().send_on(connection).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        connection = kept.expect("a connection that is kept");
    }
    drop(connection);
    stage.end().await;
}

#[tokio::test]
async fn a_body_that_stops_on_its_way_is_given_up() {
    let stage = Stage::start(plain::chat("never")).await;
    let token = &stage.gateway.canaries().token;
    let half = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"model\":"
    );

    let exchange = stage.client().raw(half).start().await;
    let reply = exchange.finish_within(PAUSE * 2).await;

    expect_failure(&reply, 408, "request_timeout");
    assert!(
        reply.took() >= PAUSE - Duration::from_secs(1),
        "{:?}",
        reply.took()
    );
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_refusal_arrives_whole_although_its_request_was_still_being_sent() {
    let stage = Stage::start(plain::chat("never")).await;
    for bytes in [200 << 10, 4 << 20] {
        let request = stage.chat().body_bytes(bytes).token("wrong");
        let reply = request.send().await;
        expect_failure(&reply, 401, "invalid_token");
    }
    let chunked = stage
        .chat()
        .body_bytes(4 << 20)
        .token("wrong")
        .chunked(&[16 << 10]);
    expect_failure(&chunked.send().await, 401, "invalid_token");
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_a_body_that_never_comes() {
    let stage = Stage::start(plain::chat("never")).await;
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer wrong\r\n\
                content-type: application/json\r\ncontent-length: 1000000\r\n\r\n";

    let exchange = stage.client().raw(head).start().await;
    let reply = exchange
        .until("the whole refusal", |reply| reply.code().is_some())
        .await;

    assert_eq!(
        (reply.status, reply.code().as_deref()),
        (401, Some("invalid_token"))
    );
    assert!(reply.head_at.expect("a head") - reply.sent_at < Duration::from_secs(2));
    let end = exchange.finish().await.end;
    assert_eq!(end, End::Whole);
    stage.end().await;
}

#[tokio::test]
async fn a_body_that_waits_for_leave_is_asked_for_only_where_it_is_wanted() {
    let stage = Stage::start(plain::chat("yes")).await;

    let wanted = stage.chat().expecting_continue().send().await;
    let refused = stage
        .chat()
        .token("wrong")
        .expecting_continue()
        .send()
        .await;

    assert_eq!(
        (wanted.status, wanted.interim.len()),
        (200, 1),
        "{wanted:?}"
    );
    expect_failure(&refused, 401, "invalid_token");
    assert!(refused.interim.is_empty(), "{refused:?}");
    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}
