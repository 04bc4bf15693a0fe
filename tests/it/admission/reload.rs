//! Capacities that change while requests run and wait, and the end of the process.

use rustix::process::Signal;

use super::*;
use crate::support::gateway::set_value;
use crate::support::{laws, sse, Upstream, DEADLINE};

/// Saves one key and waits until it counts.
async fn change(stage: &Stage, path: &str, value: impl Into<Value>) {
    stage.gateway.edit(path, value);
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 0, "{output:?}");
}

/// So many that hold their places until their latches open.
async fn holders(stage: &Stage, count: usize) -> Vec<Exchange> {
    let mut all = Vec::new();
    for number in 1..=count {
        all.push(stage.chat().start().await);
        stage.upstream.wait_requests(number).await;
    }
    all
}

async fn expect_served(all: impl IntoIterator<Item = Exchange>) {
    for exchange in all {
        let reply = exchange.finish().await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

#[tokio::test]
async fn more_places_at_an_upstream_let_the_waiting_in_at_once() {
    let full = Full::start(|gateway| gateway).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(full.queue_up(&full.stage.chat()).await);
    }

    change(&full.stage, "upstreams.a.streams", 3).await;

    full.stage.upstream.wait_requests(3).await;
    assert_eq!(waiting(&full.stage.gateway).await, 1);
    full.free.open();
    expect_served(all).await;
    full.end().await;
}

#[tokio::test]
async fn more_places_in_a_lane_let_the_waiting_in_at_once() {
    let (gates, script) = one_by_one(3);
    let stage = stage(script, |gateway| {
        gateway.set("lanes.interactive.streams", 1)
    })
    .await;
    let mut all = holders(&stage, 1).await;
    for _ in 0..2 {
        all.push(queue_up(&stage.gateway, &stage.chat()).await);
    }

    change(&stage, "lanes.interactive.streams", 2).await;

    stage.upstream.wait_requests(2).await;
    assert_eq!(waiting(&stage.gateway).await, 1);
    gates.iter().for_each(Latch::open);
    expect_served(all).await;
    stage.end().await;
}

/// One of three may stay: two have to end, and then that one too, before the next goes in.
#[tokio::test]
async fn fewer_places_leave_running_streams_alone_and_let_nobody_in_until_they_fit() {
    let (gates, script) = one_by_one(4);
    let stage = stage(script, |gateway| gateway.set("upstreams.a.streams", 3)).await;
    let mut running = holders(&stage, 3).await.into_iter();
    change(&stage, "upstreams.a.streams", 1).await;
    let waits = queue_up(&stage.gateway, &stage.chat()).await;

    for (gate, left) in gates.iter().zip([2, 1]) {
        gate.open();
        expect_served(running.next()).await;
        wait_inside(&stage.gateway, left).await;
        assert_eq!(waiting(&stage.gateway).await, 1);
        assert_eq!(stage.upstream.requests().len(), 3);
    }
    gates[2].open();
    stage.upstream.wait_requests(4).await;

    gates[3].open();
    expect_served(running.chain([waits])).await;
    stage.end().await;
}

/// What runs there and what waits for it started with a configuration that had it.
#[tokio::test]
async fn an_upstream_that_is_removed_serves_those_who_already_wait_for_it() {
    let goes_on = Latch::new();
    let stays = Upstream::start(plain::chat("yes")).await;
    let goes = Upstream::start(sse::chat(5).hold_before_token(3, &goes_on)).await;
    let gateway = Gateway::builder()
        .upstream("stays", &stays)
        .upstream("goes", &goes)
        .route("chat", "m", &["stays"])
        .route("old", "o", &["goes"])
        .set("upstreams.goes.streams", 1)
        .set("routes_defaults.timeouts", long_clocks())
        .set("lanes.interactive.patience", "30s")
        .needs_places(PLENTY)
        .start()
        .await;
    let running = gateway.client().chat("o").stream().start().await;
    running.tokens(2).await;
    let waits = queue_up(&gateway, &gateway.client().chat("o").stream()).await;

    remove(&gateway, &["routes.old", "upstreams.goes"]).await;

    assert_eq!(waiting(&gateway).await, 1);
    assert_eq!(gateway.client().chat("m").send().await.status, 200);
    goes_on.open();
    for exchange in [running, waits] {
        let reply = exchange.finish().await;
        assert_eq!((reply.tokens(), reply.has_done()), (5, true), "{reply:?}");
    }
    assert_eq!(goes.requests().len(), 2);
    let reason = "the attempts of the removed upstream are no longer counted";
    laws::of(&gateway, &[&stays, &goes])
        .skip(laws::Law::L3, reason)
        .check()
        .await;
}

async fn remove(gateway: &Gateway, paths: &[&str]) {
    let text = std::fs::read_to_string(gateway.config_file()).expect("the configuration");
    let mut config: Value = serde_json::from_str(&text).expect("the harness writes JSON");
    for path in paths {
        set_value(&mut config, path, None);
    }
    let output = gateway.reload_config(&config.to_string()).await;
    assert_eq!(output.code, 0, "{output:?}");
}

#[tokio::test]
async fn a_drain_refuses_those_who_wait_and_lets_what_runs_end_well() {
    let full = Full::start(|gateway| gateway.set("drain", "20s")).await;
    let waits = full.queue_up(&full.stage.chat()).await;
    let bulk = full.queue_up(&full.stage.client().chat("bulk")).await;

    full.stage.gateway.signal(Signal::TERM);

    for exchange in [waits, bulk] {
        let reply = exchange.finish().await;
        let line = full.stage.line_of(&reply).await;
        expect_turned_away(&(reply, line), 503, "draining");
    }
    full.free.open();
    assert_eq!(full.holder.finish().await.status, 200);
    assert_eq!(full.stage.gateway.wait_exit(DEADLINE).await, 0);
    assert_eq!(full.stage.upstream.requests().len(), 1);
    full.stage.end().await;
}
