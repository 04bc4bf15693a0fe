//! After a 429 nobody asks that model there before the time that it named; the others of the route are asked instead.

use super::*;
use crate::breaker::look;

/// `a` says when to come back, once; whoever comes then is served.
fn limited_once(seconds: &str) -> Script {
    Script::sequence([
        limited(&[("retry-after", seconds)]),
        sse::chat_saying("A", 3).answer(),
    ])
}

/// Waits until the gateway has read the 429.
async fn wait_limited(stage: &Stage) {
    let limited = |metrics: &Metrics| {
        metrics.sum(
            "sidegate_upstream_attempts_total",
            &[("outcome", "rate_limited")],
        ) == 1.0
    };
    stage.gateway.wait_metrics("the 429", limited).await;
}

async fn is_seen_to_be_left_alone(stage: &Stage) {
    let status = stage.gateway.status().await;
    let routes = status["routes"].as_array().expect("routes");
    let chat = routes.iter().find(|route| route["name"] == "chat");
    let targets = &chat.expect("the route")["targets"];
    let left = targets[0]["left_alone_seconds"].as_u64();
    assert!((1..=60).contains(&left.unwrap_or(0)), "{targets}");
    assert_eq!(
        targets[1]["left_alone_seconds"],
        serde_json::Value::Null,
        "{targets}"
    );
    for command in ["routes", "status"] {
        let output = stage.gateway.run(&[command]).await;
        assert!(output.stdout.contains("left alone "), "{output:?}");
        assert!(output.stdout.contains("s after a 429"), "{output:?}");
    }
}

#[tokio::test]
async fn a_second_request_prefers_another_target_at_once() {
    let stage = Stage::start(limited_once("30"), sse::chat_saying("B", 3)).await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("B", 3)
        .expect_attempts(2);
    for _ in 0..3 {
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 3)
            .expect_attempts(1);
    }
    assert_eq!(stage.a.requests().len(), 1);
    is_seen_to_be_left_alone(&stage).await;
    let breaker = look(&stage.gateway, "a", "chat-on-a").await;
    assert_eq!((breaker.state.as_str(), breaker.failures), ("closed", 0));
    stage.end().await;
}

#[tokio::test]
async fn a_second_request_without_another_target_waits_its_time() {
    let stage = Stage::start(limited_once("1"), Answer::new()).await;
    let first = stage.alone().start().await;
    wait_limited(&stage).await;
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage
        .told(first.finish().await)
        .await
        .expect_whole("A", 3)
        .expect_attempts(2);
    let seen = stage.a.requests();
    let named = seen[0].sent[0].0 + Duration::from_secs(1);
    assert!(
        seen[1..].iter().all(|request| request.at >= named),
        "{seen:?}"
    );
    stage.end().await;
}

#[tokio::test]
async fn another_model_of_the_same_server_is_not_held_up() {
    let script = Script::new()
        .model("alone-on-a", limited(&[("retry-after", "30")]))
        .otherwise(sse::chat_saying("A", 3).answer());
    let stage = Stage::start(script, sse::chat_saying("B", 3)).await;
    stage
        .tell(stage.alone())
        .await
        .expect_failure(429, "rate_limited");
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage.end().await;
}

/// All who waited would come back at once.
#[tokio::test]
async fn one_request_a_base_goes_through_for_the_first_second() {
    let base = Duration::from_millis(150);
    let stage = Stage::set_up(limited_once("1"), Answer::new(), |gateway| {
        gateway.set("retry.base", "150ms").set("retry.cap", "150ms")
    })
    .await;
    let first = stage.alone().start().await;
    wait_limited(&stage).await;
    for told in stage.tell_many(5, || stage.alone()).await {
        told.expect_whole("A", 3).expect_attempts(1);
    }
    stage.told(first.finish().await).await.expect_whole("A", 3);
    let seen = stage.a.requests();
    let answered = seen.iter().filter(|request| request.sent.len() == 1);
    let limited_at = answered
        .map(|request| request.sent[0].0)
        .next()
        .expect("the 429");
    let opens = limited_at + Duration::from_secs(1);
    let after = seen
        .iter()
        .map(|request| request.at)
        .filter(|at| *at >= opens);
    let after = after.collect::<Vec<_>>();
    let first_second = after
        .iter()
        .filter(|at| **at < opens + Duration::from_millis(900));
    let first_second = first_second.copied().collect::<Vec<_>>();
    assert!(first_second.len() >= 3, "{first_second:?}");
    // What lies between leaving there and arriving here may differ a little.
    let near = Duration::from_millis(60);
    for pair in first_second.windows(2) {
        assert!(
            pair[1] - pair[0] + near >= base,
            "{:?} apart",
            pair[1] - pair[0]
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_pace_beyond_the_deadline_is_told_at_once() {
    let stage = Stage::start(limited_once("20"), Answer::new()).await;
    stage
        .tell(stage.alone())
        .await
        .expect_failure(429, "rate_limited");
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(429, "rate_limited").expect_attempts(0);
    let seconds = told
        .reply
        .header("retry-after")
        .and_then(|text| text.parse::<u64>().ok());
    assert!(
        seconds.is_some_and(|seconds| (15..=20).contains(&seconds)),
        "{seconds:?}"
    );
    assert!(told.reply.took() < Duration::from_secs(2));
    assert_eq!(stage.a.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn nobody_is_kept_away_for_longer_than_the_cap() {
    let stage = Stage::set_up(limited_once("3000"), Answer::new(), |gateway| {
        gateway.set("retry.retry_after_cap", "1s")
    })
    .await;
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(429, "rate_limited").expect_attempts(1);
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    let gap = gaps(&stage.a.requests())[0];
    assert!(
        (Duration::from_millis(950)..Duration::from_secs(4)).contains(&gap),
        "{gap:?}"
    );
    stage.end().await;
}

/// A client that pays no heed is none of the others' business.
#[tokio::test]
async fn a_429_that_names_no_time_holds_nobody_up() {
    let stage = Stage::set_up(
        Script::sequence([limited(&[]), sse::chat_saying("A", 3).answer()]),
        Answer::new(),
        |gateway| gateway.set("retry.max", 0),
    )
    .await;
    stage
        .tell(stage.alone())
        .await
        .expect_failure(429, "rate_limited");
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage.end().await;
}

/// They are bounded and seen like all who wait.
#[tokio::test]
async fn those_who_wait_for_it_stand_in_the_lanes_queue() {
    let stage = Stage::set_up(limited_once("2"), Answer::new(), |gateway| {
        gateway
            .set("lanes.interactive.queue", 3)
            .set("lanes.interactive.patience", "4s")
            .needs_places(8)
    })
    .await;
    let first = stage.alone().start().await;
    wait_limited(&stage).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(stage.alone().start().await);
    }
    let in_line =
        |metrics: &Metrics| metrics.sum("sidegate_lane_waiting", &[("lane", "interactive")]) == 3.0;
    stage.gateway.wait_metrics("three in line", in_line).await;
    let status = stage.gateway.status().await;
    assert_eq!(status["lanes"][0]["resting"], 1, "{}", status["lanes"]);
    let shown = stage.gateway.run(&["status"]).await;
    let lane = shown
        .stdout
        .lines()
        .find(|line| line.starts_with("interactive"));
    let cells: Vec<&str> = lane.expect("the lane").split_whitespace().collect();
    assert_eq!(cells[2..4], ["3/3", "1"], "{shown:?}");

    let told = stage.tell(stage.alone()).await;

    told.expect_failure(429, "lane_full").expect_attempts(0);
    for waits in waiting {
        let told = stage.told(waits.finish().await).await;
        told.expect_whole("A", 3).expect_attempts(1);
        assert!(
            told.line["queue_seconds"].as_f64() > Some(0.5),
            "{}",
            told.line
        );
    }
    stage.told(first.finish().await).await.expect_whole("A", 3);
    stage.end().await;
}

#[tokio::test]
async fn a_pace_beyond_the_lanes_patience_is_told_at_once() {
    let stage = Stage::set_up(limited_once("4"), Answer::new(), |gateway| {
        gateway.set("lanes.interactive.patience", "1s")
    })
    .await;
    let first = stage.alone().start().await;
    wait_limited(&stage).await;

    let told = stage.tell(stage.alone()).await;

    told.expect_failure(429, "rate_limited").expect_attempts(0);
    assert!(told.reply.took() < Duration::from_secs(1));
    assert!(told.reply.header("retry-after").is_some());
    stage.told(first.finish().await).await.expect_whole("A", 3);
    stage.end().await;
}
