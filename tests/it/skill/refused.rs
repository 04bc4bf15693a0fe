//! A model that never says what the skill accepts: who is told what.

use super::*;
use crate::breaker;
use crate::support::canary;
use crate::support::{laws, Upstream};

#[tokio::test]
async fn after_the_last_retry_the_client_is_told_where_and_why() {
    let stage = stage(ADDRESSED, plain::chat(MISFIT)).await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    expect_misfit(&reply, "/content/to", "required");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let summary = reply.json();
    let hint = summary["remediation_hint"].as_str().expect("a hint");
    assert!(hint.contains("accepts at /content/to"), "{hint}");
    // Nothing follows the last one, whose tokens stand where those of any answer do.
    assert_eq!(told(&line), (4, Some(false), 4, 3 * TOKENS));
    assert_eq!(line["completion_tokens"], 5, "{line}");
    assert_eq!(ended(&stage.gateway, "misfit").await, 1.0);
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_schema_retries_total", &[]), 3.0);
    let attempts = metrics.sum("sidegate_upstream_attempts_total", &[("outcome", "schema")]);
    assert_eq!(attempts, 4.0);
    stage.end().await;
}

#[tokio::test]
async fn what_the_model_said_stands_in_the_restricted_log_alone() {
    let stage = stage(ADDRESSED, plain::chat(MISFIT)).await;

    let (reply, _) = stage.tell(&mail(&stage)).await;

    let lines = stage.gateway.log_lines("raw-errors.jsonl");
    assert_eq!(lines.len(), 4, "{lines:?}");
    for (line, attempt) in lines.iter().zip(1..) {
        assert_eq!(line["attempt"], attempt, "{line}");
        assert_eq!(line["correlation_id"].as_str(), reply.correlation_id());
        let body = line["body"].as_str().expect("what it said");
        assert!(body.contains(MISFIT_WORD), "{line}");
    }
    let shown = [
        String::from_utf8_lossy(&reply.head.raw).into_owned(),
        String::from_utf8_lossy(&reply.body).into_owned(),
        stage.gateway.log_text("access.jsonl"),
        stage.gateway.log_text("gateway.jsonl"),
        stage.gateway.metrics().await.text().to_string(),
        stage.gateway.status().await.to_string(),
        stage.gateway.stderr(),
    ];
    for place in shown {
        for word in [MISFIT_WORD, "subject"] {
            assert_eq!(canary::found(word, place.as_bytes()), None, "{place}");
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_call_is_named_by_its_tool_where_the_manifest_has_it() {
    const RULES: &str = "
tools: [look_up]
response:
  tools:
    look_up: {type: object, properties: {id: {type: integer}}, additionalProperties: false}
";
    let stage = stage(RULES, Answer::new()).await;
    for (tool, arguments, pointer, rule) in [
        (
            "look_up",
            r#"{"id":"seven"}"#,
            "/tool_calls/look_up/id",
            "type",
        ),
        (
            "look_up",
            r#"{"id":7,"misfitWord8d21":1}"#,
            "/tool_calls/look_up/*",
            "additionalProperties",
        ),
        ("look_up", r#"[7]"#, "/tool_calls/look_up", "type"),
        ("look_up", r#"{"id":"#, "/tool_calls/look_up", "json"),
        ("misfitWord8d21", r#"{}"#, "/tool_calls/*", "tools"),
    ] {
        stage.upstream.play(calling(tool, arguments));
        let (reply, line) = stage.tell(&mail(&stage)).await;
        expect_misfit(&reply, pointer, rule);
        assert_eq!(told(&line).2, 4, "{line}");
        assert!(
            !String::from_utf8_lossy(&reply.body).contains(MISFIT_WORD),
            "{reply:?}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_misfit_is_no_failure_of_the_upstream() {
    let stage = stage_with(ADDRESSED, plain::chat(MISFIT), |builder| {
        builder.set("breaker.threshold", 1)
    })
    .await;

    expect_misfit(&mail(&stage).send().await, "/content/to", "required");

    let look = breaker::look(&stage.gateway, "a", "m-on-a").await;
    assert_eq!((look.state.as_str(), look.failures), ("closed", 0));
    stage.upstream.play(plain::chat(FITTING));
    assert_eq!(mail(&stage).send().await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn a_misfit_neither_adds_to_failures_in_a_row_nor_ends_them() {
    let failing = plain::status(500, &[], "{}");
    let stage = stage_with(ADDRESSED, failing.clone(), |builder| {
        builder.set("breaker.threshold", 100).set("retry.max", 0)
    })
    .await;
    let failures = async || breaker::look(&stage.gateway, "a", "m-on-a").await.failures;
    mail(&stage).send().await;
    assert_eq!(failures().await, 1);

    stage.upstream.play(plain::chat(MISFIT));
    mail(&stage).send().await;

    assert!(failures().await <= 1, "{}", failures().await);
    stage.end().await;
}

#[tokio::test]
async fn a_later_tier_may_have_what_the_first_one_has_not() {
    let (a, b) = (
        Upstream::start(plain::status(503, &[], "{}")).await,
        Upstream::start(Script::sequence([
            plain::chat(MISFIT),
            plain::chat(FITTING),
        ]))
        .await,
    );
    let builder = Gateway::builder().upstream("a", &a).upstream("b", &b);
    let builder = with_skill(builder.route("chat", "m", &["a", "b"]), "mail", ADDRESSED);
    let gateway = builder.start().await;

    let reply = of_skill(gateway.client().chat("m"), "mail").send().await;

    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, FITTING),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-sidegate-upstream"), Some("b"));
    laws::check(&gateway, &[&a, &b]).await;
}
