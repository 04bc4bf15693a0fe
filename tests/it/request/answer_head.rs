//! The head that a client gets back: a short list of the upstream's, and the gateway's own.

use std::collections::BTreeSet;

use crate::stage::Stage;
use crate::support::wire::{chunk, LAST_CHUNK};
use crate::support::{plain, sse, Answer, Reply};

/// What an upstream may say to a client.
const PASSED: [(&str, &str); 5] = [
    ("content-type", "application/json; charset=utf-8"),
    ("content-disposition", "inline"),
    ("cache-control", "no-store"),
    ("openai-processing-ms", "12"),
    ("openai-version", "2020-10-01"),
];

const OF_HOSTED: [(&str, &str); 3] = [
    ("x-ratelimit-limit-requests", "100"),
    ("x-ratelimit-remaining-tokens", "99"),
    ("x-ratelimit-reset-requests", "6m0s"),
];

/// What it may not; some of it pretends to be ours.
const DROPPED: [(&str, &str); 22] = [
    ("server", "uvicorn"),
    ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("set-cookie", "a=b"),
    ("x-powered-by", "python"),
    ("x-request-id", "of-the-upstream"),
    ("x-correlation-id", "of-the-upstream"),
    ("x-sidegate-route", "of-the-upstream"),
    ("x-sidegate-upstream", "of-the-upstream"),
    ("x-sidegate-attempts", "99"),
    ("x-sidegate-queue-ms", "99"),
    ("x-should-retry", "true"),
    ("retry-after", "99"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-credentials", "true"),
    ("strict-transport-security", "max-age=1"),
    ("alt-svc", "h3=\":443\""),
    ("location", "http://evil.example/"),
    ("content-security-policy", "none"),
    ("www-authenticate", "Basic"),
    ("etag", "\"a\""),
    ("anthropic-ratelimit-requests-limit", "9"),
    ("openai-organization", "org-of-the-key"),
];

const OWN: [&str; 6] = [
    "x-correlation-id",
    "x-request-id",
    "x-sidegate-route",
    "x-sidegate-upstream",
    "x-sidegate-attempts",
    "x-sidegate-queue-ms",
];

/// What HTTP itself needs, written by the gateway's own HTTP.
const OF_HTTP: [&str; 2] = ["connection", "date"];

fn all_headers() -> Vec<(&'static str, &'static str)> {
    [&PASSED[..], &OF_HOSTED[..], &DROPPED[..]].concat()
}

fn names(reply: &Reply) -> BTreeSet<String> {
    let names = reply
        .head
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase());
    let names = names.collect::<Vec<_>>();
    let set = names.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names.len(), set.len(), "none stands there twice: {reply:?}");
    set
}

/// These, the gateway's own, and what HTTP itself needs.
fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let all = names.into_iter().chain(OWN).chain(OF_HTTP);
    all.map(str::to_string).collect()
}

fn expect_own_values(reply: &Reply) {
    let id = reply.sent.correlation_id.as_deref();
    let own = OWN.map(|name| reply.header(name));
    assert_eq!(own, [id, id, Some("chat"), Some("a"), Some("1"), Some("0")]);
    let date = reply.header("date").unwrap_or_default();
    assert!(!date.contains("1970"), "the upstream's date: {date}");
}

#[tokio::test]
async fn exactly_the_listed_headers_of_a_plain_answer_come_back() {
    let answer = || plain::status(200, &all_headers(), plain::chat_body("yes").to_string());
    let passed = PASSED.map(|(name, _)| name);
    for (family, hosted) in [("vllm", false), ("openai", true), ("ollama", false)] {
        let stage = Stage::with(answer(), |builder| {
            builder.set("upstreams.a.family", family)
        })
        .await;

        let reply = stage.chat().send().await;

        let limits = OF_HOSTED
            .map(|(name, _)| name)
            .into_iter()
            .filter(|_| hosted);
        let expected = passed.into_iter().chain(limits).chain(["content-length"]);
        assert_eq!(names(&reply), set(expected), "{family}");
        for (name, value) in PASSED {
            assert_eq!(reply.header(name), Some(value));
        }
        expect_own_values(&reply);
        assert!(
            reply.head.first_line.starts_with("HTTP/1.1 200"),
            "{reply:?}"
        );
        stage.end().await;
    }
}

#[tokio::test]
async fn a_stream_has_the_same_list_and_asks_proxies_not_to_collect_it() {
    let headers = all_headers()
        .into_iter()
        .filter(|(name, _)| *name != "content-type")
        .chain([
            ("content-type", "text/event-stream; charset=utf-8"),
            ("transfer-encoding", "chunked"),
        ])
        .collect::<Vec<_>>();
    let head = plain::head(200, &headers);
    let events = sse::chat(3).text();
    let answer =
        Answer::new().send([head.as_bytes(), &chunk(events.as_bytes()), LAST_CHUNK].concat());
    let stage = Stage::start(answer).await;

    let reply = stage.chat().stream().send().await;

    let passed = PASSED.map(|(name, _)| name);
    let of_streams = ["transfer-encoding", "x-accel-buffering"];
    assert_eq!(names(&reply), set(passed.into_iter().chain(of_streams)));
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!((reply.tokens(), reply.has_done()), (3, true));
    expect_own_values(&reply);
    stage.end().await;
}

#[tokio::test]
async fn a_failure_has_nothing_of_the_upstreams_head() {
    let stage = Stage::start(plain::status(422, &all_headers(), "{}")).await;

    let reply = stage.chat().send().await;

    assert_eq!(reply.status, 422, "{reply:?}");
    let of_failures = ["content-type", "content-length", "x-should-retry"];
    assert_eq!(names(&reply), set(of_failures));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    expect_own_values(&reply);
    stage.end().await;
}

#[tokio::test]
async fn an_upstream_may_be_given_more_names_to_answer_with() {
    let answer = plain::status(200, &[("x-extra", "1"), ("x-other", "2")], "{}");
    let stage = Stage::with(answer, |builder| {
        builder.set(
            "upstreams.a.headers.response",
            serde_json::json!(["x-extra"]),
        )
    })
    .await;

    let reply = stage.chat().send().await;

    assert_eq!(
        (reply.header("x-extra"), reply.header("x-other")),
        (Some("1"), None)
    );
    stage.end().await;
}
