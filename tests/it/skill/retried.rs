//! An answer that the skill doesn't accept is asked for again, unseen.

use super::*;
use crate::support::laws;
use crate::support::Upstream;

#[tokio::test]
async fn what_fits_passes_as_it_came() {
    let stage = stage(ADDRESSED, plain::chat(FITTING)).await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        reply.json(),
        plain::chat_body(FITTING),
        "not a byte of it is changed"
    );
    assert_eq!(told(&line), (1, Some(true), 0, 0));
    assert_eq!(ended(&stage.gateway, "ok").await, 1.0);
    stage.end().await;
}

#[tokio::test]
async fn a_misfit_is_asked_for_again_and_counted_everywhere() {
    let script = Script::sequence([plain::chat(MISFIT), plain::chat(FITTING)]);
    let stage = stage(ADDRESSED, script).await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, FITTING),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-sidegate-attempts"), Some("2"));
    assert_eq!(told(&line), (2, Some(true), 1, TOKENS));
    let tries: Vec<_> = line["tries"].as_array().expect("tries").iter().collect();
    assert_eq!(
        (&tries[0]["outcome"], &tries[1]["outcome"]),
        (&json!("schema"), &json!("ok"))
    );
    let metrics = stage.gateway.metrics().await;
    for (name, labels) in [
        (
            "sidegate_schema_retries_total",
            [("skill", "mail"), ("route", "chat")],
        ),
        (
            "sidegate_retries_total",
            [("reason", "schema"), ("route", "chat")],
        ),
        (
            "sidegate_upstream_attempts_total",
            [("outcome", "schema"), ("upstream", "a")],
        ),
        (
            "sidegate_skill_requests_total",
            [("skill", "mail"), ("result", "ok")],
        ),
    ] {
        assert_eq!(metrics.sum(name, &labels), 1.0, "{name}: {metrics}");
    }
    // What the client never got was used all the same.
    assert_eq!(
        metrics.sum("sidegate_tokens_total", &[("caller", "agent")]),
        2.0 * TOKENS as f64
    );
    stage.end().await;
}

#[tokio::test]
async fn the_second_request_is_the_same_as_the_first() {
    let script = Script::sequence([plain::chat(MISFIT), plain::chat(FITTING)]);
    let stage = stage(ADDRESSED, script).await;

    stage.tell(&mail(&stage).field("temperature", 0.7)).await;

    let seen = stage.upstream.requests();
    assert_eq!(seen[0].body, seen[1].body);
    assert_eq!(seen[0].headers.get("x-sidegate-skill"), None);
    stage.end().await;
}

#[tokio::test]
async fn the_same_model_is_asked_again_before_a_later_tier() {
    let (a, b) = (
        Upstream::start(Script::sequence([
            plain::chat(MISFIT),
            plain::chat(FITTING),
        ]))
        .await,
        Upstream::start(plain::chat(FITTING)).await,
    );
    let builder = Gateway::builder().upstream("a", &a).upstream("b", &b);
    let builder = with_skill(builder.route("chat", "m", &["a", "b"]), "mail", ADDRESSED);
    let gateway = builder.start().await;

    let reply = of_skill(gateway.client().chat("m"), "mail").send().await;

    assert_eq!(reply.header("x-sidegate-upstream"), Some("a"), "{reply:?}");
    assert_eq!((a.requests().len(), b.requests().len()), (2, 0));
    laws::check(&gateway, &[&a, &b]).await;
}

#[tokio::test]
async fn a_skill_without_rules_for_answers_accepts_any() {
    let stage = stage("description: Says anything.", plain::chat("anything, {")).await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    assert_eq!((reply.status, reply.text().as_str()), (200, "anything, {"));
    assert_eq!(told(&line).0, 1);
    stage.end().await;
}

#[tokio::test]
async fn requests_without_a_skill_are_nobodys_to_judge() {
    let stage = stage(ADDRESSED, plain::chat(MISFIT)).await;
    let request = stage
        .chat()
        .field("response_format", json!({"type": "json_object"}));

    let (reply, line) = stage.tell(&request).await;

    assert_eq!((reply.status, reply.text().as_str()), (200, MISFIT));
    assert_eq!(
        (&line["skill"], &line["answer_fits"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        stage
            .gateway
            .metrics()
            .await
            .sum("sidegate_skill_requests_total", &[]),
        0.0
    );
    stage.end().await;
}

#[tokio::test]
async fn an_upstreams_own_failure_is_no_misfit() {
    let script = Script::sequence([plain::status(500, &[], "{}"), plain::chat(FITTING)]);
    let stage = stage(ADDRESSED, script).await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(told(&line), (2, Some(true), 0, 0));
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_schema_retries_total", &[]), 0.0);
    stage.end().await;
}
