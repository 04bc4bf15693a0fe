//! What is written of a skill's requests: logs, metrics and spans agree on whose they were.

use std::collections::BTreeMap;

use super::*;
use crate::support::Upstream;

#[tokio::test]
async fn a_skills_calls_can_be_told_from_the_logs_alone() {
    let script = Script::by(|ask| {
        let is_first = ask.json()["user"] == "first" && ask.nth % 2 == 1;
        plain::chat(if is_first { MISFIT } else { FITTING })
    });
    let stage = stage_with(ADDRESSED, script, |builder| {
        let builder = with_skill(builder, "shop", "tools: []").route("other", "o", &["a"]);
        builder.caller("bound", "invoke:*,lane:* skill=shop")
    })
    .await;
    let bound = stage.gateway.client_of("bound");
    for request in [
        mail(&stage).field("user", "first"),
        mail(&stage),
        of_skill(stage.client().chat("o"), "shop"),
        bound.chat("m"),
        bound.chat("m").field("tools", json!([{"name": "x"}])),
        stage.chat(),
    ] {
        stage.tell(&request).await;
    }

    let mut calls = BTreeMap::new();
    for line in stage.gateway.access_lines() {
        let key = ["skill", "route", "caller", "code"]
            .map(|key| line[key].as_str().unwrap_or("-").to_string());
        *calls.entry(key.join(" ")).or_insert(0) += line["attempts"].as_u64().expect("a number");
    }

    let told: Vec<_> = calls
        .iter()
        .map(|(key, attempts)| format!("{key} {attempts}"))
        .collect();
    assert_eq!(
        told,
        [
            "- chat agent ok 1",
            "mail chat agent ok 3",
            "shop chat bound ok 1",
            "shop chat bound schema_violation 0",
            "shop other agent ok 1",
        ]
    );
    stage.end().await;
}

#[tokio::test]
async fn metrics_have_the_skill_and_the_route_of_each() {
    let stage = stage_with("tools: []", plain::chat("yes"), |builder| {
        with_skill(builder, "shop", "route: other").route("other", "o", &["a"])
    })
    .await;
    mail(&stage).send().await;
    of_skill(stage.client().chat("o"), "mail").send().await;
    of_skill(stage.client().chat("o"), "shop").send().await;
    let refused = mail(&stage).field("tools", json!([{"name": "x"}]));
    stage.tell(&refused).await;
    // A name that is nobody's makes no series.
    stage.tell(&of_skill(stage.chat(), "madeUpName")).await;

    let metrics = stage.gateway.metrics().await;

    let count = |skill, route, result| {
        let labels = [("skill", skill), ("route", route), ("result", result)];
        metrics.sum("sidegate_skill_requests_total", &labels)
    };
    assert_eq!(count("mail", "chat", "ok"), 1.0);
    assert_eq!(count("mail", "other", "ok"), 1.0);
    assert_eq!(count("shop", "other", "ok"), 1.0);
    assert_eq!(count("mail", "chat", "refused"), 1.0);
    assert_eq!(metrics.sum("sidegate_skill_requests_total", &[]), 4.0);
    assert!(!metrics.text().contains("madeUpName"));
    stage.end().await;
}

#[tokio::test]
async fn spans_have_the_skill_too() {
    let collector = Upstream::start(plain::status(200, &[], "")).await;
    let address = format!("http://{}", collector.addr());
    let stage = stage_with(ADDRESSED, plain::chat(FITTING), |builder| {
        builder.set("telemetry.otlp", address)
    })
    .await;

    let (_, line) = stage.tell(&mail(&stage)).await;

    let spans = collector.wait_requests(1).await.remove(0).body;
    for word in [
        "sidegate.skill",
        "mail",
        "sidegate.route",
        "chat",
        line["correlation_id"].as_str().expect("an id"),
    ] {
        assert!(
            memchr::memmem::find(&spans, word.as_bytes()).is_some(),
            "{word}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_refused_answer_is_explained() {
    let script = Script::sequence([plain::chat(MISFIT), plain::chat(FITTING)]);
    let stage = stage(ADDRESSED, script).await;
    let (reply, _) = stage.tell(&mail(&stage)).await;

    let output = stage
        .gateway
        .run(&["explain", reply.correlation_id().expect("an id")])
        .await;

    assert_eq!(output.code, 0, "{output:?}");
    for said in [
        "skill       mail; 1 answer refused, 12 tokens spent on those tried again\n",
        "schema   200",
        MISFIT_WORD,
    ] {
        assert!(output.stdout.contains(said), "{said}: {output:?}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_misfit_that_was_delivered_is_explained() {
    let stage = stage(ADDRESSED, saying(&["words"])).await;
    let (reply, _) = stage.tell(&mail(&stage).stream()).await;

    let id = reply.correlation_id().expect("an id");
    let output = stage.gateway.run(&["explain", id]).await;

    let said = "skill       mail; the answer doesn't fit, and was out already\n";
    assert!(output.stdout.contains(said), "{output:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_failure_of_a_skill_is_among_the_recent_ones() {
    let stage = stage(ADDRESSED, plain::chat(MISFIT)).await;
    let (reply, _) = stage.tell(&mail(&stage)).await;

    let failure = stage.gateway.status().await["recent_failures"][0].clone();

    assert_eq!(failure["code"], "response_schema_violation", "{failure}");
    assert_eq!(failure["correlation_id"].as_str(), reply.correlation_id());
    assert!(
        failure["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("/content/to")),
        "{failure}"
    );
    stage.end().await;
}
