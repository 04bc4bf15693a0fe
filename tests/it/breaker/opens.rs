//! What opens a breaker, which breaker it opens, and what doesn't count.

use super::*;

#[tokio::test]
async fn failures_in_a_row_open_it_and_everybody_is_refused_at_once() {
    let stage = stage(broken(), 3, "60s").await;
    fail(&stage, 2).await;
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.failures, 2);
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "closed");
    fail(&stage, 1).await;
    let open = look(&stage.gateway, "a", "one-on-a").await;
    assert_eq!((open.state.as_str(), open.failures), ("open", 3));
    assert!(
        open.retry_in
            .is_some_and(|seconds| (50..=60).contains(&seconds)),
        "{open:?}"
    );

    let told = stage.tell(ask(&stage, "one")).await;
    assert!((50..=60).contains(&expect_circuit_open(&told.reply)));
    assert!(told.reply.took() < Duration::from_secs(1));
    told.expect_attempts(0);
    assert_eq!(stage.a.requests().len(), 3);
    let metrics = stage.gateway.metrics().await;
    let went = |to| {
        metrics.sum(
            "sidegate_breaker_transitions_total",
            &[("model", "one-on-a"), ("to", to)],
        )
    };
    assert_eq!(
        (went("open"), went("closed"), went("half_open")),
        (1.0, 0.0, 0.0)
    );
    stage.end().await;
}

#[tokio::test]
async fn a_success_in_between_starts_the_count_anew() {
    let answers = [broken(), broken(), good(), broken(), broken(), good()];
    let stage = stage(Script::sequence(answers), 3, "60s").await;
    for _ in 0..2 {
        fail(&stage, 2).await;
        stage.tell(ask(&stage, "one")).await.expect_whole("A", 3);
        assert_eq!(look(&stage.gateway, "a", "one-on-a").await.failures, 0);
    }
    stage.end().await;
}

#[tokio::test]
async fn one_broken_model_does_not_shut_the_others_of_its_server() {
    let script = Script::new().model("one-on-a", broken()).otherwise(good());
    let stage = stage(script, 2, "60s").await;
    fail(&stage, 2).await;
    refused(&stage, "one").await;
    stage.tell(ask(&stage, "two")).await.expect_whole("A", 3);
    assert_eq!(look(&stage.gateway, "a", "two-on-a").await.failures, 0);
    stage.end().await;
}

/// Five routes to one dead model don't each burn their failures.
#[tokio::test]
async fn routes_to_the_same_model_share_one_breaker() {
    let same = |gateway: Builder| gateway.set("routes.two.targets.0.model", "one-on-a");
    let stage = stage_with(broken(), 2, "60s", same).await;
    for alias in ["one", "two"] {
        stage
            .tell(ask(&stage, alias))
            .await
            .expect_failure(502, "upstream_error");
    }
    for alias in ["one", "two"] {
        refused(&stage, alias).await;
    }
    stage.end().await;
}

/// A route's own rule decides for what it reports.
#[tokio::test]
async fn the_route_that_reports_has_its_own_threshold() {
    let strict = |gateway: Builder| {
        gateway.set("routes.two.targets.0.model", "one-on-a").set(
            "routes.two.breaker",
            json!({"threshold": 2, "cool_down": "7s"}),
        )
    };
    let stage = stage_with(broken(), 1000, "60s", strict).await;
    fail(&stage, 1).await;
    stage
        .tell(ask(&stage, "two"))
        .await
        .expect_failure(502, "upstream_error");
    assert!((5..=7).contains(&refused(&stage, "one").await));
    stage.end().await;
}

#[tokio::test]
async fn failures_to_connect_open_every_model_of_the_address() {
    let stage = stage(good(), 3, "60s").await;
    stage.a.go_down().await;
    for alias in ["one", "two", "one"] {
        stage
            .tell(ask(&stage, alias))
            .await
            .expect_failure(502, "upstream_unreachable");
    }
    stage.a.come_back();
    for alias in ["one", "two", "alone"] {
        refused(&stage, alias).await;
    }
    assert!(stage.a.requests().is_empty());
    stage.end().await;
}

#[tokio::test]
async fn an_answer_takes_back_what_other_models_failures_to_connect_lent() {
    let stage = stage(good(), 3, "60s").await;
    for _ in 0..3 {
        stage.a.go_down().await;
        stage
            .tell(ask(&stage, "one"))
            .await
            .expect_failure(502, "upstream_unreachable");
        stage.a.come_back();
        stage.tell(ask(&stage, "two")).await.expect_whole("A", 3);
        assert_eq!(look(&stage.gateway, "a", "two-on-a").await.failures, 0);
    }
    // Its own failures are forgotten for its own successes only.
    refused(&stage, "one").await;
    stage.end().await;
}

#[tokio::test]
async fn with_another_target_left_the_open_one_is_passed_over() {
    let stage = stage(broken(), 1, "60s").await;
    stage
        .tell(stage.chat())
        .await
        .expect_failure(502, "upstream_error");
    for _ in 0..3 {
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 3)
            .expect_attempts(1);
    }
    assert_eq!(stage.a.requests().len(), 1);
    stage.end().await;
}

/// It proves that the server lives; and who leaves, or whose time is up, proves nothing.
#[tokio::test]
async fn a_429_and_a_client_that_leaves_and_a_deadline_count_as_nothing() {
    let script = Script::sequence([plain::rate_limited(None), Answer::new().hang()]);
    let stage = stage(script, 1, "60s").await;
    stage
        .tell(ask(&stage, "one"))
        .await
        .expect_failure(429, "rate_limited");
    let exchange = ask(&stage, "one").start().await;
    stage.a.wait_requests(2).await;
    stage.told(exchange.leave().await).await;
    let impatient = ask(&stage, "one").header("x-stainless-read-timeout", "1.2");
    stage
        .tell(impatient)
        .await
        .expect_failure(504, "deadline_exceeded");
    let closed = look(&stage.gateway, "a", "one-on-a").await;
    assert_eq!((closed.state.as_str(), closed.failures), ("closed", 0));
    stage.end().await;
}

#[tokio::test]
async fn a_500_twice_by_one_request_counts_once() {
    let twice = plain::error(500, "server_error", "boom", "it broke");
    let stage = stage_with(twice, 2, "60s", |gateway| gateway.set("retry.max", 3)).await;
    stage
        .tell(ask(&stage, "one"))
        .await
        .expect_failure(502, "upstream_error")
        .expect_attempts(2);
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.failures, 1);
    stage
        .tell(ask(&stage, "one"))
        .await
        .expect_failure(502, "upstream_error");
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "open");
    stage.end().await;
}

/// A stream that breaks after it began counts like any other failure.
#[tokio::test]
async fn streams_are_judged_at_their_end() {
    let stage = stage(sse::chat_saying("A", 9).cut_after_token(4), 2, "60s").await;
    for _ in 0..2 {
        let told = stage.tell(ask(&stage, "one")).await;
        told.expect_interrupted(4, "stream_interrupted");
    }
    refused(&stage, "one").await;
    stage.end().await;
}
