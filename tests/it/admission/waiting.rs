//! Waiting for a place: how it ends, what is told meanwhile, and what the logs say of it.

use super::*;
use crate::support::Metrics;

#[tokio::test]
async fn one_too_many_is_refused_at_once() {
    let full = Full::start(|gateway| gateway.set("lanes.interactive.queue", 1)).await;
    let waits = full.queue_up(&full.stage.chat()).await;

    let told = full.stage.tell(&full.stage.chat()).await;

    expect_turned_away(&told, 429, "lane_full");
    assert_eq!(queued(&told.1).as_millis(), 0);
    full.free.open();
    assert_eq!(waits.finish().await.status, 200);
    assert_eq!(full.stage.upstream.requests().len(), 2);
    full.end().await;
}

#[tokio::test]
async fn without_a_queue_nobody_waits() {
    let full = Full::start(|gateway| gateway.set("lanes.interactive.queue", 0)).await;
    let told = full.stage.tell(&full.stage.chat()).await;
    expect_turned_away(&told, 429, "lane_full");
    full.end().await;
}

/// Whoever floods the queue gives way to one who has less in it, with the newest of its requests.
#[tokio::test]
async fn a_full_queue_has_room_for_a_caller_with_less_in_it() {
    let full = Full::start(|gateway| {
        gateway
            .caller("other", "invoke:*")
            .set("lanes.interactive.queue", 2)
    })
    .await;
    let older = full.queue_up(&full.stage.chat()).await;
    let newer = full.queue_up(&full.stage.chat()).await;

    let other = full
        .stage
        .gateway
        .client_of("other")
        .chat("m")
        .start()
        .await;

    let newer = newer.finish().await;
    let line = full.stage.line_of(&newer).await;
    expect_turned_away(&(newer, line), 429, "lane_full");
    full.free.open();
    for served in [older, other] {
        assert_eq!(served.finish().await.status, 200);
    }
    full.end().await;
}

#[tokio::test]
async fn patience_ends_and_the_client_is_told() {
    let full = Full::start(|gateway| gateway.set("lanes.interactive.patience", "300ms")).await;

    let told = full.stage.tell(&full.stage.chat()).await;

    expect_turned_away(&told, 503, "queue_timeout");
    let waited = queued(&told.1);
    assert!(waited >= Duration::from_millis(300), "{waited:?}");
    assert!(told.0.took() >= waited, "{:?}", told.0.took());
    assert_eq!(full.stage.upstream.requests().len(), 1);
    full.end().await;
}

/// The lane's places are waited for like an upstream's, and each lane has its own.
#[tokio::test]
async fn a_full_lane_keeps_nobody_out_of_the_other() {
    let (gates, script) = one_by_one(3);
    let stage = stage(script, |gateway| {
        gateway.set("lanes.interactive.streams", 1)
    })
    .await;
    let holder = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;
    let waits = queue_up(&stage.gateway, &stage.chat()).await;

    gates[1].open();
    let bulk = stage.client().chat("bulk").send().await;

    assert_eq!((bulk.status, waiting(&stage.gateway).await), (200, 1));
    gates[0].open();
    gates[2].open();
    for served in [holder, waits] {
        assert_eq!(served.finish().await.status, 200);
    }
    stage.end().await;
}

#[tokio::test]
async fn who_leaves_gives_up_its_place_in_the_queue_at_once() {
    let full = Full::start(|gateway| gateway).await;
    let leaves = full.queue_up(&full.stage.chat()).await;
    let stays = full.queue_up(&full.stage.chat()).await;

    let left = leaves.leave().await;

    // Nothing else has happened: the place at `a` is still held.
    wait_waiting(&full.stage.gateway, 1).await;
    let line = full.stage.line_of(&left).await;
    assert_eq!(
        (&line["status"], &line["code"], &line["phase"]),
        (&json!(499), &json!("client_closed"), &json!("queue")),
        "{line}"
    );
    assert!(
        line["attempts"] == 0 && queued(&line) > Duration::ZERO,
        "{line}"
    );
    let metrics = full.stage.gateway.metrics().await;
    let aborts = |labels: &[_]| metrics.sum("sidegate_client_aborts_total", labels);
    assert_eq!((aborts(&[("phase", "queue")]), aborts(&[])), (1.0, 1.0));
    full.free.open();
    assert_eq!(stays.finish().await.status, 200);
    assert_eq!(full.stage.upstream.requests().len(), 2);
    full.end().await;
}

#[tokio::test]
async fn the_wait_is_told_to_the_client_the_log_and_the_histogram_alike() {
    let full = Full::start(|gateway| gateway).await;
    let waits = full.queue_up(&full.stage.chat()).await;
    let long_enough = async || match lane(&full.stage.gateway, "interactive").await {
        lane if lane["oldest_seconds"].as_f64() > Some(0.05) => Ok(()),
        lane => Err(lane.to_string()),
    };
    eventually("a wait of 50 ms", long_enough).await;

    full.free.open();
    let reply = waits.finish().await;

    let line = full.stage.line_of(&reply).await;
    let waited = queued(&line);
    assert!(waited >= Duration::from_millis(50), "{line}");
    expect_same_wait(reply.header("x-sidegate-queue-ms"), &line);
    let both = |metrics: &Metrics| {
        metrics.sum("sidegate_queue_seconds_count", &[("lane", "interactive")]) == 2.0
    };
    let metrics = full.stage.gateway.wait_metrics("two waits", both).await;
    let sum = metrics.sum("sidegate_queue_seconds_sum", &[("lane", "interactive")]);
    assert!((sum - waited.as_secs_f64()).abs() < 0.01, "{sum} {line}");
    assert_eq!(
        metrics.sum("sidegate_queue_seconds_count", &[("lane", "batch")]),
        0.0
    );
    full.end().await;
}

#[tokio::test]
async fn who_waits_is_shown_while_it_waits() {
    let full = Full::start(|gateway| gateway.set("lanes.interactive.queue", 7)).await;
    let waits = full.queue_up(&full.stage.client().chat("bulk")).await;
    let gateway = &full.stage.gateway;

    let (interactive, batch) = (
        lane(gateway, "interactive").await,
        lane(gateway, "batch").await,
    );
    let numbers = ["streams", "waiting", "queue", "retrying"];
    assert_eq!(
        numbers.map(|key| interactive[key].as_u64()),
        [1, 0, 7, 0].map(Some)
    );
    assert_eq!(
        numbers.map(|key| batch[key].as_u64()),
        [0, 1, 512, 0].map(Some)
    );
    assert!(interactive["oldest_seconds"].is_null(), "{interactive}");
    assert!(batch["oldest_seconds"].as_f64() >= Some(0.0), "{batch}");
    let a = upstream(gateway, "a").await;
    let numbers = ["in_flight", "streams", "waiting_for"];
    assert_eq!(
        numbers.map(|key| a[key].as_u64()),
        [1, 1, 1].map(Some),
        "{a}"
    );
    let prompt = full.stage.last_seen().body.len() as u64;
    assert!(
        a["prompt_bytes"]
            .as_u64()
            .is_some_and(|it| it.abs_diff(prompt) < 100),
        "{a}"
    );
    let metrics = gateway.metrics().await;
    let of = |name, lane| metrics.value(name, &[("lane", lane)]);
    assert_eq!(of("sidegate_lane_waiting", "batch"), Some(1.0));
    assert_eq!(of("sidegate_lane_streams", "interactive"), Some(1.0));

    full.free.open();
    assert_eq!(waits.finish().await.status, 200);
    full.end().await;
}

/// Patience is half a minute; what ends the wait is the request's own time.
#[tokio::test]
async fn a_deadline_before_the_end_of_patience_is_told_as_one() {
    let short = json!({"connect": "100ms", "header": "200ms", "first_token": "200ms", "first_token_max": "200ms",
                       "idle": "200ms", "plain": "300ms", "total": "400ms"});
    let full = Full::start(|gateway| {
        gateway
            .route("short", "short", &["a"])
            .set("routes.short.timeouts", short)
    })
    .await;
    let by_the_route = full.stage.client().chat("short");
    let by_the_client = full.stage.chat().header("x-stainless-timeout", "1.4");

    for request in [by_the_route, by_the_client] {
        let (reply, line) = full.stage.tell(&request).await;
        expect_failure(&reply, 504, "deadline_exceeded");
        assert_eq!(line["attempts"], 0, "{line}");
        let waited = queued(&line);
        assert!((300..10_000).contains(&waited.as_millis()), "{waited:?}");
    }
    assert_eq!(full.stage.upstream.requests().len(), 1);
    full.end().await;
}
