//! How much is let through, and what the others are told.

use super::*;
use crate::stage::expect_failure;

/// Of the n-th request at the upstream: never more than it has reserved.
fn used_by(nth: usize) -> u64 {
    PROMPT + (nth as u64 * 17) % (ANSWER + 1)
}

fn used_by_all(stage: &Stage) -> u64 {
    (1..=stage.upstream.requests().len()).map(used_by).sum()
}

#[tokio::test]
async fn a_crowd_uses_one_request_more_than_the_budget_at_most() {
    const LIMIT: u64 = 2_000;
    let busy = Script::by(|ask| {
        let used = used_by(ask.nth);
        reporting(PROMPT, used - PROMPT).after(Duration::from_millis(20))
    });
    let stage = stage(busy, json!({"budget": tokens(LIMIT)})).await;
    let first = served(&crowd(&stage, 60).await);
    assert!((10..60).contains(&first), "{first} were served at once");
    while request(&stage).send().await.status == 200 {}
    let used = used_by_all(&stage);
    assert!((LIMIT..LIMIT + RESERVE).contains(&used), "{used} tokens");
    settled(&stage, used).await;
    stage.end().await;
}

#[tokio::test]
async fn a_rate_is_exact() {
    away_from_the_end(MINUTE, 15).await;
    let limits = json!({"rate": {"requests": 20, "per": "minute"}});
    let stage = stage(reporting(7, 5), limits).await;
    assert_eq!(served(&crowd(&stage, 70).await), 20);
    assert_eq!(stage.upstream.requests().len(), 20);
    let refused = request(&stage).send().await;
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=MINUTE).contains(&wait), "{wait}");
    assert_eq!(own_requests(&stage).await, 20);
    stage.end().await;
}

#[tokio::test]
async fn a_refusal_says_when_the_budget_renews() {
    for (limits, key) in [
        (
            json!({"budget": tokens(1)}),
            "callers.limits.<caller>.budget",
        ),
        (json!({"rate": requests(1)}), "callers.limits.<caller>.rate"),
    ] {
        let stage = stage(reporting(7, 5), limits).await;
        stage.tell(&request(&stage)).await;
        let most = left_of(DAY).as_secs() + 1;
        let (refused, line) = stage.tell(&request(&stage)).await;
        expect_failure(&refused, 429, "budget_exhausted");
        let head = ["x-should-retry", "x-sidegate-attempts"].map(|name| refused.header(name));
        assert_eq!(head, [Some("false"), Some("0")], "{refused:?}");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((left_of(DAY).as_secs()..=most).contains(&wait), "{wait}");
        let hint = refused.failure().unwrap().to_string();
        let renews_at = meters(&stage.gateway).await[0].renews_at.clone();
        assert!(renews_at.contains("T00:00:00"), "{renews_at}");
        let day = &renews_at[.."2026-01-01".len()];
        assert!(
            hint.contains(&format!("renews at {day}T00:00:00Z")) && hint.contains(key),
            "{hint}"
        );
        assert_eq!(
            (&line["attempts"], &line["upstream"]),
            (&json!(0), &Value::Null)
        );
        assert_eq!(stage.upstream.requests().len(), 1);
        stage.end().await;
    }
}

/// The longer wait is told: before its end, trying again is no use.
#[tokio::test]
async fn of_two_that_are_used_up_the_later_renewal_is_told() {
    let limits = json!({"budget": tokens(1), "rate": {"requests": 1, "per": "minute"}});
    let stage = stage(reporting(7, 5), limits).await;
    stage.tell(&request(&stage)).await;
    let refused = request(&stage).send().await;
    expect_failure(&refused, 429, "budget_exhausted");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= left_of(DAY).as_secs(), "{wait}");
    stage.end().await;
}

#[tokio::test]
async fn what_the_route_refuses_costs_the_caller_nothing() {
    let limits = json!({"budget": tokens(100_000), "rate": requests(1_000)});
    let stage = stage_with(reporting(100, 50), limits, |builder| {
        builder.set("routes.chat.budget", tokens(1_500))
    })
    .await;
    let replies = crowd(&stage, 40).await;
    assert_eq!(served(&replies), 10, "ten times 150 tokens");
    let refused = replies.iter().find(|reply| reply.status == 429).unwrap();
    let hint = refused.failure().unwrap().to_string();
    assert!(hint.contains("routes.<route>.budget"), "{hint}");
    assert_eq!(
        meter(&stage.gateway, "route", "tokens").await.own(),
        (1_500, 0)
    );
    assert_eq!(own_tokens(&stage).await, (1_500, 0));
    assert_eq!(own_requests(&stage).await, 10);
    stage.end().await;
}

#[tokio::test]
async fn what_the_caller_is_refused_costs_the_route_nothing() {
    let limits = json!({"rate": requests(1)});
    let stage = stage_with(reporting(100, 50), limits, |builder| {
        builder
            .set("routes.chat.budget", tokens(100_000))
            .caller("other", "invoke:*")
    })
    .await;
    assert_eq!(served(&crowd(&stage, 5).await), 1);
    assert_eq!(
        meter(&stage.gateway, "route", "tokens").await.own(),
        (150, 0)
    );
    let other = stage.gateway.client_of("other").chat("m").send().await;
    assert_eq!(other.status, 200, "each caller has its own: {other:?}");
    stage.end().await;
}

/// Otherwise a caller with a small budget would never be served.
#[tokio::test]
async fn a_budget_smaller_than_a_reserve_lets_one_request_through_at_a_time() {
    let stage = stage(Answer::new().hang(), json!({"budget": tokens(10)})).await;
    let running = under_way(&stage, &request(&stage)).await;
    assert_eq!(own_tokens(&stage).await, (0, RESERVE));
    let refused = request(&stage).send().await;
    expect_failure(&refused, 429, "budget_exhausted");
    running.leave().await;
    settled(&stage, 0).await;
    stage.upstream.play(reporting(2, 2));
    for used in [4, 8, 12] {
        assert_eq!(request(&stage).send().await.status, 200);
        settled(&stage, used).await;
    }
    expect_failure(&request(&stage).send().await, 429, "budget_exhausted");
    stage.end().await;
}
