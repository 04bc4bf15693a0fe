//! The lane of a skill's requests, and how much they may ask for.

use super::routing::body_of;
use super::*;

#[tokio::test]
async fn the_skills_lane_is_the_only_one() {
    let stage = stage("lane: batch", plain::chat("yes")).await;
    for request in [
        mail(&stage),
        mail(&stage).lane("batch"),
        mail(&stage).field("service_tier", "flex"),
        mail(&stage).field("service_tier", "priority"),
    ] {
        let (reply, line) = stage.tell(&request).await;
        assert_eq!(
            (reply.status, &line["lane"]),
            (200, &json!("batch")),
            "{reply:?}"
        );
    }
    let (reply, _) = stage.tell(&mail(&stage).lane("interactive")).await;
    expect_violation(&reply, "", "lane");
    expect_failure(
        &mail(&stage).lane("fast").send().await,
        400,
        "invalid_request",
    );
    stage.end().await;
}

#[tokio::test]
async fn a_lane_that_the_caller_may_not_use_is_no_skills_to_give() {
    for (scopes, status) in [
        ("invoke:*,lane:interactive skill=mail", 403),
        ("invoke:*,lane:batch skill=mail", 200),
        ("invoke:* skill=mail", 200),
    ] {
        let stage = stage_with("lane: batch", plain::chat("yes"), |builder| {
            builder.scopes(scopes)
        })
        .await;
        let (reply, line) = stage.tell(&stage.chat()).await;
        assert_eq!(reply.status, status, "{scopes}: {reply:?}");
        match status {
            200 => assert_eq!(line["lane"], "batch", "{scopes}"),
            _ => expect_failure(&reply, 403, "insufficient_scope"),
        }
        stage.end().await;
    }
}

#[tokio::test]
async fn a_skill_without_a_lane_leaves_the_choice_where_it_was() {
    let stage = stage("description: any", plain::chat("yes")).await;
    let (_, usual) = stage.tell(&mail(&stage)).await;
    let (_, ordered) = stage.tell(&mail(&stage).lane("batch")).await;
    assert_eq!(
        (&usual["lane"], &ordered["lane"]),
        (&json!("interactive"), &json!("batch"))
    );
    stage.end().await;
}

/// What the upstream was asked for at most.
async fn asked(stage: &Stage, wish: Option<u64>) -> Value {
    let request = match wish {
        Some(wish) => mail(stage).field("max_tokens", wish),
        None => mail(stage),
    };
    assert_eq!(request.send().await.status, 200);
    let body = body_of(stage);
    let fields = ["max_tokens", "max_completion_tokens"];
    let mut said = fields.iter().filter_map(|field| body.get(*field));
    said.next().cloned().unwrap_or(Value::Null)
}

#[tokio::test]
async fn the_smaller_limit_of_route_and_skill_clamps_and_fills() {
    for (skill, route, most) in [
        (Some(50), None, Some(50)),
        (Some(50), Some(30), Some(30)),
        (Some(50), Some(90), Some(50)),
        (None, Some(30), Some(30)),
    ] {
        let rules = skill.map_or(String::new(), |most: u64| format!("max_tokens: {most}"));
        let stage = stage_with(&rules, plain::chat("yes"), |builder| match route {
            Some(route) => builder.set("routes.chat.max_tokens", route as u64),
            None => builder,
        })
        .await;
        let most: Option<u64> = most;
        assert_eq!(
            asked(&stage, None).await,
            json!(most),
            "{skill:?} {route:?}"
        );
        assert_eq!(
            asked(&stage, Some(1000)).await,
            json!(most),
            "{skill:?} {route:?}"
        );
        assert_eq!(
            asked(&stage, Some(20)).await,
            json!(20),
            "{skill:?} {route:?}"
        );
        let without = stage.chat().field("max_tokens", 1000).send().await;
        assert_eq!(without.status, 200);
        assert_eq!(
            body_of(&stage)["max_tokens"],
            json!(route.unwrap_or(1000)),
            "the skill's limit is its own"
        );
        stage.end().await;
    }
}
