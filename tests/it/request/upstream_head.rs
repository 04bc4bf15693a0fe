//! The head that an upstream gets: a short list, made anew, and nothing of the client's beside it.

use std::collections::BTreeSet;

use crate::stage::Stage;
use crate::support::upstream::SeenRequest;
use crate::support::{plain, Request};

/// What a client may say to an upstream, with values.
const PASSED: [(&str, &str); 15] = [
    ("accept", "application/json, text/event-stream"),
    ("content-type", "application/json; charset=utf-8"),
    ("user-agent", "an-agent/1.0 (of a test)"),
    (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ),
    ("tracestate", "a=1,b=2"),
    ("openai-beta", "assistants=v2"),
    ("openai-organization", "org-1"),
    ("openai-project", "proj-1"),
    ("anthropic-version", "2023-06-01"),
    ("anthropic-beta", "tools-2024"),
    ("idempotency-key", "once-only"),
    ("x-stainless-lang", "python"),
    ("x-stainless-retry-count", "0"),
    ("x-stainless-timeout", "600"),
    ("x-stainless-anything", "at all"),
];

/// What it may not: secrets, who it is, how it came, what a proxy would obey.
const DROPPED: [(&str, &str); 40] = [
    ("cookie", "session=1"),
    ("cookie2", "x"),
    ("x-api-key", "of-a-client"),
    ("api-key", "of-a-client"),
    ("proxy-authorization", "Basic eDp5"),
    ("x-amz-security-token", "t"),
    ("x-goog-api-key", "t"),
    ("x-forwarded-for", "10.0.0.1"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("forwarded", "for=10.0.0.1"),
    ("x-real-ip", "10.0.0.1"),
    ("via", "1.1 somebody"),
    ("cf-connecting-ip", "10.0.0.1"),
    ("true-client-ip", "10.0.0.1"),
    ("referer", "http://localhost/"),
    ("sec-fetch-site", "none"),
    ("accept-language", "de"),
    ("accept-encoding", "gzip, br"),
    ("accept-charset", "utf-8"),
    ("te", "trailers"),
    ("trailer", "x-late"),
    ("keep-alive", "timeout=1"),
    ("proxy-connection", "keep-alive"),
    ("max-forwards", "1"),
    ("range", "bytes=0-1"),
    ("if-none-match", "\"a\""),
    ("cache-control", "no-cache"),
    ("pragma", "no-cache"),
    ("dnt", "1"),
    ("x-request-id", "of-the-client"),
    ("x-sidegate-upstream", "b"),
    ("x-sidegate-attempts", "9"),
    ("x-sidegate-lane", "interactive"),
    ("x-http-method-override", "DELETE"),
    ("x-original-url", "/admin"),
    ("x-rewrite-url", "/admin"),
    ("x_underscored", "1"),
    ("baggage", "user=1"),
    ("x-anything-else", "1"),
];

/// What the gateway says itself.
const OWN: [&str; 7] = [
    "host",
    "authorization",
    "accept-encoding",
    "content-length",
    "x-correlation-id",
    "x-request-id",
    "x-sidegate-hop",
];

fn names(seen: &SeenRequest) -> BTreeSet<&str> {
    seen.headers.keys().map(String::as_str).collect()
}

fn with_all(request: Request, headers: &[(&str, &str)]) -> Request {
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    headers.iter().fold(request, add)
}

#[tokio::test]
async fn exactly_the_listed_headers_reach_the_upstream() {
    let stage = Stage::start(plain::chat("yes")).await;
    let request = with_all(with_all(stage.chat(), &PASSED), &DROPPED);
    // Hop-by-hop: what a proxy that obeys it would take out of our own head.
    let request = request.header(
        "connection",
        "keep-alive, authorization, x-sidegate-hop, content-length, x-named",
    );
    let request = request.header("x-named", "1");

    let reply = request.send().await;

    assert_eq!(reply.status, 200, "{reply:?}");
    let seen = stage.last_seen();
    let passed = PASSED.iter().map(|(name, _)| *name);
    assert_eq!(names(&seen), passed.chain(OWN).collect::<BTreeSet<_>>());
    for (name, value) in PASSED {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_says_nothing_adds_nothing() {
    let stage = Stage::start(plain::chat("yes")).await;
    let bare = stage
        .chat()
        .without("content-type")
        .without("x-from-the-client");

    assert_eq!(bare.send().await.status, 200);

    let seen = stage.last_seen();
    let expected = OWN
        .into_iter()
        .chain(["content-type"])
        .collect::<BTreeSet<_>>();
    assert_eq!(names(&seen), expected);
    let lines = seen.head.lines().filter(|line| line.contains(": ")).count();
    assert_eq!(
        lines,
        expected.len(),
        "none stands there twice: {}",
        seen.head
    );
    stage.end().await;
}

#[tokio::test]
async fn the_gateways_own_headers_have_its_own_values() {
    let stage = Stage::start(plain::chat("yes")).await;

    let reply = stage
        .chat()
        .header("accept-encoding", "gzip")
        .header("x-request-id", "mine")
        .send()
        .await;

    let seen = stage.last_seen();
    let id = reply.correlation_id();
    let key = stage.gateway.upstreams()[0].key.clone().expect("a key");
    assert_eq!(
        seen.header("host"),
        Some(stage.upstream.addr().to_string().as_str())
    );
    assert_eq!(
        seen.header("authorization"),
        Some(format!("Bearer {key}").as_str())
    );
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(
        (seen.header("x-correlation-id"), seen.header("x-request-id")),
        (id, id)
    );
    let hop = seen.header("x-sidegate-hop").expect("our name");
    assert!(
        hop.len() == 16 && hop.bytes().all(|b| b.is_ascii_hexdigit()),
        "{hop}"
    );
    assert_eq!(
        seen.header("content-length"),
        Some(seen.body.len().to_string().as_str())
    );
    assert_eq!(seen.method, "POST");
    assert!(seen
        .head
        .lines()
        .next()
        .is_some_and(|line| line.ends_with(" HTTP/1.1")));
    stage.end().await;
}

#[tokio::test]
async fn an_upstream_may_be_given_more_names() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.set(
            "upstreams.a.headers.request",
            serde_json::json!(["x-extra", "baggage"]),
        )
    })
    .await;

    let reply = stage
        .chat()
        .header("X-Extra", "1")
        .header("baggage", "a=b")
        .header("x-other", "2")
        .send()
        .await;

    assert_eq!(reply.status, 200);
    let seen = stage.last_seen();
    assert_eq!(
        (
            seen.header("x-extra"),
            seen.header("baggage"),
            seen.header("x-other")
        ),
        (Some("1"), Some("a=b"), None)
    );
    stage.end().await;
}
