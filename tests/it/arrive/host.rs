//! The name that a request came for: what a web page could rebind to this port is refused.

use crate::stage::{expect_failure, Stage};
use crate::support::plain;

const BUILT_IN: [&str; 12] = [
    "localhost",
    "LocalHost:9",
    "localhost.",
    "127.0.0.1",
    "127.0.0.1:1",
    "[::1]",
    "[::1]:8787",
    "host.docker.internal:8787",
    "gateway.docker.internal",
    "host.containers.internal",
    "host.orb.internal",
    "host.lima.internal.:80",
];

const STRANGE: [&str; 12] = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "0.0.0.0",
    "127.0.0.2",
    "2130706433",
    "127.1",
    "[::]",
    "[::ffff:127.0.0.1]",
    "localhost..",
    "localhost:80:80",
    "user@localhost",
];

#[tokio::test]
async fn only_names_that_nobody_else_can_own_are_answered() {
    let stage = Stage::start(plain::chat("yes")).await;
    for host in BUILT_IN {
        let reply = stage.client().host(host).chat("m").send().await;
        assert_eq!(reply.status, 200, "{host}: {reply:?}");
    }
    for host in STRANGE {
        let reply = stage.client().host(host).chat("m").send().await;
        assert!(matches!(reply.status, 421 | 400), "{host}: {reply:?}");
    }
    assert_eq!(stage.upstream.requests().len(), BUILT_IN.len());
    stage.end().await;
}

#[tokio::test]
async fn a_strange_name_is_told_the_key_that_would_allow_it() {
    let stage = Stage::start(plain::chat("never")).await;

    let (reply, line) = stage
        .tell(&stage.client().host("evil.example").chat("m"))
        .await;

    expect_failure(&reply, 421, "host_denied");
    let failure = reply.json();
    let hint = failure["remediation_hint"].as_str().unwrap_or_default();
    assert!(hint.contains("callers.allowed_hosts"), "{hint}");
    assert!(!failure.to_string().contains("evil.example"), "{failure}");
    assert_eq!(
        (&line["code"], &line["caller"]),
        (&"host_denied".into(), &serde_json::Value::Null)
    );
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_name_that_the_operator_lists_is_answered_on_both_ports() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.set(
            "callers.allowed_hosts",
            serde_json::json!(["Box.Example.com"]),
        )
    })
    .await;

    let data = stage
        .client()
        .host("box.example.COM:8787")
        .chat("m")
        .send()
        .await;
    let admin = stage
        .gateway
        .admin()
        .host("box.example.com.")
        .get("/status")
        .send()
        .await;
    let strange = stage
        .gateway
        .admin()
        .host("evil.example")
        .get("/status")
        .send()
        .await;

    assert_eq!((data.status, admin.status, strange.status), (200, 200, 421));
    assert!(String::from_utf8_lossy(&strange.body).contains("callers.allowed_hosts"));
    stage.end().await;
}
