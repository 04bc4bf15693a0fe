//! A hundred reloads under load: nobody notices.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::stage::Stage;
use crate::support::{many, open_loop, plain, sse, Exchange, Latch, Script};

const STREAMS: usize = 20;
const RELOADS: usize = 100;
const PER_SECOND: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_under_two_hundred_requests_a_second_fail_none() {
    let end = Latch::new();
    let long = sse::chat(6).hold_before_token(4, &end).answer();
    let script = Script::by(move |ask| match ask.json()["stream"].as_bool() {
        Some(true) => long.clone(),
        _ => plain::chat("yes"),
    });
    let stage = Stage::with(script, |builder| {
        builder
            .set(
                "routes.chat.timeouts",
                json!({"idle": "50s", "total": "60s", "plain": "50s"}),
            )
            .set("upstreams.a.streams", 200)
            .set("lanes.interactive.streams", 200)
    })
    .await;
    let streams = many(STREAMS, |_| {
        let request = stage.chat().stream();
        async move {
            let exchange = request.start().await;
            exchange.tokens(3).await;
            exchange
        }
    })
    .await;

    let client = stage.client();
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = done.clone();
    let load = tokio::spawn(async move {
        let gap = Duration::from_secs(1) / PER_SECOND as u32;
        let mut statuses = Vec::new();
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            let one = |_| {
                let request = client.chat("m");
                async move { request.send().await.status }
            };
            statuses.extend(open_loop(PER_SECOND / 4, gap, one).await);
        }
        statuses
    });
    let mut generations = Vec::new();
    for number in 0..RELOADS {
        stage.gateway.edit("routes.chat.max_tokens", 1000 + number);
        let answer = stage.gateway.admin_post("/reload").await.json();
        assert_eq!(answer["result"], "ok", "{answer}");
        generations.push(answer["generation"].as_u64().expect("a number"));
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    let statuses = load.await.expect("the load is well");

    assert!(
        statuses.len() >= PER_SECOND / 4,
        "{} requests",
        statuses.len()
    );
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    assert!(
        generations.windows(2).all(|pair| pair[0] < pair[1]),
        "{generations:?}"
    );
    assert!(generations[RELOADS - 1] > RELOADS as u64);
    end.open();
    expect_whole_streams_of_the_first_generation(&stage, streams).await;
    let lines = stage.gateway.access_lines();
    let of_lines = lines
        .iter()
        .map(|line| line["config_generation"].as_u64().expect("a generation"));
    let metrics = stage.gateway.metrics().await;
    let last = metrics.value("sidegate_config_generation", &[]);
    let known = (1..=last.expect("a generation") as u64).collect::<BTreeSet<_>>();
    let seen = of_lines.collect::<BTreeSet<_>>();
    assert!(seen.is_subset(&known), "{seen:?}");
    assert!(
        seen.len() > 5,
        "the load met more than one of them: {seen:?}"
    );
    stage.end().await;
}

async fn expect_whole_streams_of_the_first_generation(stage: &Stage, streams: Vec<Exchange>) {
    assert_eq!(streams.len(), STREAMS);
    for exchange in streams {
        let reply = exchange.finish().await;
        assert_eq!(
            (reply.tokens(), reply.has_done(), reply.is_whole()),
            (6, true, true),
            "{reply:?}"
        );
        assert_eq!(stage.line_of(&reply).await["config_generation"], 1);
    }
}
