//! Clients that leave at any moment, thousands of them: afterwards exactly as many are let in as there are places.

use rand::Rng;

use super::*;
use crate::support::{blackhole, sse, Client, Metrics};

const ABORTS: &str = "sidegate_client_aborts_total";

/// Every phase that these clients can be in.
const PHASES: [&str; 6] = [
    "queue",
    "connect",
    "header",
    "first_token",
    "stream",
    "plain",
];

const PLACES: usize = 8;
const OF_BATCH: usize = 6;

/// Clients at once: more than there are places, so that some wait.
const CLIENTS: usize = 32;

/// An upstream for which a client may be in any phase: it stops before the head, before the first token, in the stream,
/// or not at all.
fn stops_anywhere() -> Script {
    Script::by(|ask| match (ask.json()["stream"] == true, ask.nth % 4) {
        (_, 0) => Answer::new().hang(),
        (true, 1) => sse::chat(3).hold_before_token(1, &Latch::new()).answer(),
        (true, 2) => sse::chat(9).hang_after_token(2).answer(),
        (true, _) => sse::chat(3).answer(),
        (false, _) => plain::chat("yes").after(Duration::from_millis(5)),
    })
}

/// What the n-th client asks for.
fn request(client: &Client, number: usize) -> Request {
    match number % 8 {
        0 => client.chat("hole").stream(),
        1 | 2 => client.chat("bulk").stream(),
        3 => client.chat("bulk"),
        4 => client.chat("m"),
        _ => client.chat("m").stream(),
    }
}

/// Sends it and leaves after a while, politely or not.
async fn ask_and_leave(request: Request) {
    let (pause, is_rude) = {
        let mut random = rand::rng();
        (pause(&mut random), random.random())
    };
    let exchange = request.start().await;
    tokio::time::sleep(pause).await;
    match is_rude {
        true => exchange.leave_by_reset().await,
        false => exchange.leave().await,
    };
}

/// Most leave within a few milliseconds, wherever they are by then. One of forty stays for long enough to get far on a
/// busy machine too.
fn pause(random: &mut impl Rng) -> Duration {
    let most = match random.random_ratio(1, 40) {
        true => 600_000,
        false => 12_000,
    };
    Duration::from_micros(random.random_range(0..most))
}

async fn storm(stage: &Stage, count: usize) {
    let client = stage.client();
    many(CLIENTS, |first| {
        let client = client.clone();
        async move {
            for number in (first..count).step_by(CLIENTS) {
                ask_and_leave(request(&client, number)).await;
            }
        }
    })
    .await;
}

/// So many and one more are sent to an upstream that never answers: the one waits.
async fn expect_places(stage: &Stage, alias: &str, places: usize) {
    let before = stage.upstream.requests().len();
    let mut all = Vec::new();
    for number in 1..=places {
        all.push(stage.client().chat(alias).start().await);
        stage.upstream.wait_heads(before + number).await;
    }
    all.push(queue_up(&stage.gateway, &stage.client().chat(alias)).await);
    wait_inside(&stage.gateway, places as u64).await;
    assert_eq!(stage.upstream.requests().len(), before + places);
    for exchange in all {
        exchange.leave().await;
    }
    wait_inside(&stage.gateway, 0).await;
    wait_waiting(&stage.gateway, 0).await;
}

async fn survives(count: usize) {
    let hole = blackhole().await;
    let stage = stage(stops_anywhere(), |gateway| {
        gateway
            .upstream("hole", &hole)
            .route("hole", "hole", &["hole"])
            .set("upstreams.a.streams", PLACES)
            .set("upstreams.hole.streams", 2)
            .set("lanes.batch.streams", 100)
            .set("logs.max_bytes", "4GiB")
    })
    .await;

    storm(&stage, count).await;

    let at_rest = |metrics: &Metrics| metrics.sum("sidegate_lane_streams", &[]) == 0.0;
    let metrics = stage.gateway.wait_metrics("the end of all", at_rest).await;
    for phase in PHASES {
        let left = metrics.sum(ABORTS, &[("phase", phase)]);
        assert!(left > 0.0, "nobody left in phase {phase}: {metrics}");
    }
    stage.upstream.play(Answer::new().hang());
    expect_places(&stage, "m", PLACES).await;
    expect_places(&stage, "bulk", OF_BATCH).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_five_thousand_clients_that_left_all_places_are_there() {
    survives(5_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two minutes: run by hand, or before a release"]
async fn after_a_hundred_thousand_clients_that_left_all_places_are_there() {
    survives(100_000).await;
}
