//! Heads have a size: bytes and lines.

use crate::stage::{expect_failure, Stage};
use crate::support::plain;

#[tokio::test]
async fn heads_up_to_the_limit_pass_and_larger_ones_are_refused_with_the_key_to_raise() {
    let stage = Stage::start(plain::chat("yes")).await;
    let large = |bytes: usize| stage.chat().header("x-large", &"a".repeat(bytes));

    assert_eq!(large(31 * 1024).send().await.status, 200);
    let (refused, line) = stage.tell(&large(33 * 1024)).await;

    expect_failure(&refused, 431, "headers_too_large");
    assert_eq!(line["code"], "headers_too_large");
    let hint = refused.json()["remediation_hint"].to_string();
    assert!(hint.contains("limits.header_bytes"), "{hint}");
    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn as_many_headers_as_allowed_pass_and_one_more_is_refused() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.set("limits.headers", 20)
    })
    .await;
    // host, authorization, x-correlation-id, x-from-the-client, content-type, content-length
    let own = 6;
    let with = |count: usize| {
        (own..count).fold(stage.chat(), |request, n| {
            request.another_header(&format!("x-{n}"), "1")
        })
    };

    assert_eq!(with(20).send().await.status, 200);
    let refused = with(21).send().await;
    expect_failure(&refused, 431, "headers_too_large");
    let hint = refused.json()["remediation_hint"].to_string();
    assert!(hint.contains("limits.headers"), "{hint}");
    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_flood_of_headers_is_refused_whoever_counts_it_first() {
    let stage = Stage::start(plain::chat("never")).await;
    for count in [101, 250, 257, 2000] {
        let request = (0..count).fold(stage.chat(), |request, n| {
            request.another_header(&format!("x-{n}"), "1")
        });
        let reply = request.send().await;
        assert!(matches!(reply.status, 400 | 431), "{count}: {reply:?}");
    }
    let megabytes = stage
        .chat()
        .header("x-large", &"a".repeat(3 << 20))
        .send()
        .await;
    assert!(matches!(megabytes.status, 0 | 400 | 431), "{megabytes:?}");
    stage.expect_untouched_upstream();
    stage.end().await;
}
