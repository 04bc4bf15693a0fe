//! Content type, content encoding, size: said by the head, refused before the body is read.

use std::time::Duration;

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::plain;

fn small_bodies(builder: Builder) -> Builder {
    builder
        .set("limits.request_body", "64KiB")
        .set("routes.chat.max_prompt_bytes", "64KiB")
}

#[tokio::test]
async fn json_by_any_name_is_json() {
    let stage = Stage::start(plain::chat("yes")).await;
    let kinds = [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON ;charset=latin1",
        "application/vnd.api+json",
        "application/json;boundary=x;x=y",
    ];
    for kind in kinds {
        let reply = stage.chat().header("content-type", kind).send().await;
        assert_eq!(reply.status, 200, "{kind}: {reply:?}");
        assert_eq!(stage.last_seen().header("content-type"), Some(kind));
    }
    let none = stage.chat().without("content-type").send().await;
    assert_eq!(none.status, 200, "{none:?}");
    assert_eq!(
        stage.last_seen().header("content-type"),
        Some("application/json")
    );
    stage.end().await;
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_the_option_that_curl_lacks() {
    let stage = Stage::start(plain::chat("never")).await;
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/x-ndjson",
        "json",
    ] {
        let (reply, line) = stage.tell(&stage.chat().header("content-type", kind)).await;
        expect_failure(&reply, 415, "unsupported_media_type");
        let hint = reply.json()["remediation_hint"].to_string();
        assert!(
            hint.contains("-H 'content-type: application/json'"),
            "{hint}"
        );
        assert_eq!(
            (&line["bytes_in"], &line["attempts"]),
            (&0.into(), &0.into())
        );
    }
    let two = stage.chat().another_header("content-type", "text/plain");
    expect_failure(&two.send().await, 415, "unsupported_media_type");
    for encoding in ["gzip", "zstd", "identity"] {
        let request = stage.chat().header("content-encoding", encoding);
        expect_failure(&request.send().await, 415, "unsupported_media_type");
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_body_of_the_largest_size_passes_and_one_byte_more_does_not() {
    let stage = Stage::with(plain::chat("yes"), small_bodies).await;
    let largest = stage.chat().body_bytes(64 << 10);

    assert_eq!(largest.send().await.status, 200);
    assert_eq!(stage.last_seen().body.len(), (64 << 10) + "-on-a".len());
    assert_eq!(largest.clone().chunked(&[1000]).send().await.status, 200);
    let over = stage.chat().body_bytes((64 << 10) + 1);
    for request in [over.clone(), over.clone().chunked(&[1000])] {
        let (reply, line) = stage.tell(&request).await;
        expect_failure(&reply, 413, "body_too_large");
        let hint = reply.json()["remediation_hint"].to_string();
        assert!(hint.contains("limits.request_body"), "{hint}");
        assert_eq!(line["status"], 413);
    }
    assert_eq!(stage.upstream.requests().len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_size_that_is_declared_too_large_is_refused_before_a_byte_of_it() {
    let stage = Stage::with(plain::chat("never"), small_bodies).await;
    let token = &stage.gateway.canaries().token;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 1000000000000\r\n\r\n"
    );

    let reply = stage.client().raw(head).send().await;

    expect_failure(&reply, 413, "body_too_large");
    assert!(reply.head_at.expect("a head") - reply.sent_at < Duration::from_secs(2));
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_route_has_its_own_limit_and_names_it() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder
            .route("large", "l", &["a"])
            .set("routes.chat.max_prompt_bytes", "4KiB")
    })
    .await;
    let of = |alias: &str, bytes: usize| stage.client().chat(alias).body_bytes(bytes);

    assert_eq!(of("m", 4 << 10).send().await.status, 200);
    assert_eq!(of("l", 5 << 10).send().await.status, 200);
    let (reply, line) = stage.tell(&of("m", (4 << 10) + 1)).await;

    expect_failure(&reply, 413, "body_too_large");
    assert_eq!(
        (&reply.json()["route"], &line["route"]),
        (&"chat".into(), &"chat".into())
    );
    let hint = reply.json()["remediation_hint"].to_string();
    assert!(hint.contains("max_prompt_bytes"), "{hint}");
    stage.end().await;
}
