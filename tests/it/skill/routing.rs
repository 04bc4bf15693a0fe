//! Where a skill's requests go.

use super::*;
use crate::support::client::Client;

const PINNED: &str = "route: chat";

/// A second route `other`, whose alias is `o`.
async fn two_routes(rules: &str) -> Stage {
    stage_with(rules, plain::chat("yes"), |builder| {
        builder.route("other", "o", &["a"])
    })
    .await
}

/// A request that says nothing of its model.
fn nameless(client: &Client) -> Request {
    let messages = json!([{"role": "user", "content": "%PROMPT%"}]);
    client.post("/v1/chat/completions", json!({"messages": messages}))
}

#[tokio::test]
async fn a_request_that_names_no_model_takes_the_skills_route() {
    let stage = two_routes(PINNED).await;
    for request in [
        nameless(&stage.client()),
        nameless(&stage.client()).field("model", Value::Null),
    ] {
        let (reply, line) = stage.tell(&of_skill(request, "mail")).await;
        assert_eq!(
            (reply.status, &line["route"]),
            (200, &json!("chat")),
            "{reply:?}"
        );
        assert_eq!(body_of(&stage)["model"], "m-on-a");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_nameless_request_needs_a_skill_that_has_a_route() {
    let stage = two_routes("description: any").await;
    for request in [
        nameless(&stage.client()),
        of_skill(nameless(&stage.client()), "mail"),
    ] {
        expect_failure(&request.send().await, 400, "invalid_request");
    }
    let unknown = of_skill(nameless(&stage.client()), "nobody");
    expect_failure(&unknown.send().await, 400, "skill_unknown");
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn another_route_is_refused_however_it_is_named() {
    let stage = two_routes(PINNED).await;
    let by_model = of_skill(stage.client().chat("o"), "mail");
    let by_header = of_skill(nameless(&stage.client()), "mail").header("x-sidegate-route", "other");
    for request in [by_model, by_header] {
        let (reply, line) = stage.tell(&request).await;
        expect_violation(&reply, "/model", "route");
        assert_eq!(
            (&line["route"], &line["skill"]),
            (&json!("other"), &json!("mail"))
        );
    }
    let own = mail(&stage).header("x-sidegate-route", "chat");
    assert_eq!(own.send().await.status, 200);
    assert_eq!(ended(&stage.gateway, "refused").await, 2.0);
    stage.end().await;
}

#[tokio::test]
async fn the_skills_route_needs_the_callers_scope() {
    let stage = stage_with(PINNED, plain::chat("yes"), |builder| {
        builder
            .route("other", "o", &["a"])
            .scopes("invoke:other,lane:*")
    })
    .await;
    for request in [nameless(&stage.client()), stage.chat()] {
        let reply = of_skill(request, "mail").send().await;
        expect_failure(&reply, 403, "insufficient_scope");
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

pub fn body_of(stage: &Stage) -> Value {
    serde_json::from_slice(&stage.last_seen().body).expect("JSON")
}
