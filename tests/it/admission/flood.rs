//! A thousand batch requests in the queue, and interactive ones that don't feel them.

use super::*;

const BATCH: usize = 1000;
const INTERACTIVE: usize = 200;

/// Of eight places a quarter is never batch's.
const PLACES: usize = 8;
const OF_BATCH: usize = 6;

/// The longest wait in the queue but for one request of a hundred.
fn p99(mut waits: Vec<Duration>) -> Duration {
    waits.sort_unstable();
    waits[(waits.len() * 99).div_ceil(100) - 1]
}

/// Batch requests wait for `night`, all others are answered at once.
fn script(night: &Latch) -> Script {
    let held = Answer::new().wait_for(night).then(plain::chat("yes"));
    Script::new()
        .model("bulk-on-a", held)
        .otherwise(plain::chat("yes"))
}

fn batch_requests(stage: &Stage) -> usize {
    let seen = stage.upstream.requests().into_iter();
    seen.filter(|request| request.json()["model"] == "bulk-on-a")
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interactive_requests_pass_a_thousand_of_batch_without_a_wait() {
    let night = Latch::new();
    let stage = stage(script(&night), |gateway| {
        gateway
            .set("upstreams.a.streams", PLACES)
            .set(
                "lanes.batch",
                json!({"streams": 100, "queue": BATCH, "patience": "5m"}),
            )
            .set(
                "routes.bulk.timeouts",
                json!({"plain": "5m", "total": "6m"}),
            )
    })
    .await;
    let batch = crowd(&stage, "agent", "bulk", BATCH + OF_BATCH);
    wait_waiting(&stage.gateway, BATCH as u64).await;

    let mut waits = Vec::new();
    for _ in 0..INTERACTIVE {
        let (reply, line) = stage.tell(&stage.chat()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        waits.push(queued(&line));
    }

    let slow = p99(waits);
    assert!(
        slow < Duration::from_millis(5),
        "of a hundred one waited {slow:?}"
    );
    assert_eq!(waiting(&stage.gateway).await, BATCH as u64);
    assert_eq!(
        batch_requests(&stage),
        OF_BATCH,
        "the rest is interactive's own"
    );
    night.open();
    expect_all_served(batch).await;
    stage.end().await;
}

/// There is no reserve in one place: who comes first when it falls free is all that can be done.
#[tokio::test]
async fn a_single_place_serves_interactive_first_whenever_it_falls_free() {
    let (gates, script) = one_by_one(7);
    let stage = stage(script, |gateway| gateway.set("upstreams.a.streams", 1)).await;
    let mut all = vec![
        stage
            .client()
            .chat("bulk")
            .correlation_id("bulk-0")
            .start()
            .await,
    ];
    stage.upstream.wait_requests(1).await;
    for number in 1..4 {
        let bulk = stage.client().chat("bulk");
        let bulk = bulk.correlation_id(&format!("bulk-{number}"));
        all.push(queue_up(&stage.gateway, &bulk).await);
    }

    for (number, gate) in gates.iter().take(3).enumerate() {
        let chat = stage.chat().correlation_id(&format!("chat-{number}"));
        all.push(queue_up(&stage.gateway, &chat).await);
        gate.open();
        stage.upstream.wait_requests(number + 2).await;
    }
    gates.iter().for_each(Latch::open);

    for exchange in all {
        assert_eq!(exchange.finish().await.status, 200);
    }
    let expected = [
        "bulk-0", "chat-0", "chat-1", "chat-2", "bulk-1", "bulk-2", "bulk-3",
    ];
    assert_eq!(order(&stage), expected);
    stage.end().await;
}
