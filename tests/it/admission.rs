//! Places and queues: who goes in, who waits and for how long, who is refused, and that every place comes back.
//!
//! Requests are counted where they arrive, at the scripted upstream; what the gateway says of its queue has to agree. The
//! route `chat` (alias `m`) is interactive, `bulk` is of the batch lane; both go to `a`.

use std::time::Duration;

use serde_json::{json, Value};

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::wait::try_eventually;
use crate::support::{
    eventually, many, plain, Answer, Exchange, Gateway, Latch, Reply, Request, Script,
};

mod aborts;
mod caps;
mod company;
mod fairness;
mod flood;
mod lane;
mod reload;
mod retries;
mod tiers;
mod waiting;

/// For what a crowd needs its time for, on a busy machine.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Places where a test is about those of something else.
const PLENTY: u64 = 32;

/// Longer than any of these tests: here only the queue's clocks end anything.
fn long_clocks() -> Value {
    json!({"connect": "5s", "header": "40s", "first_token": "40s", "first_token_max": "40s", "idle": "40s",
           "plain": "40s", "total": "50s"})
}

/// Both routes before `a`.
async fn stage(script: impl Into<Script>, more: impl FnOnce(Builder) -> Builder) -> Stage {
    Stage::with(script, |gateway| {
        let gateway = gateway
            .route("bulk", "bulk", &["a"])
            .set("routes.bulk.lane", "batch")
            .set("routes_defaults.timeouts", long_clocks())
            .set("lanes.interactive.patience", "30s")
            .needs_places(PLENTY);
        more(gateway)
    })
    .await
}

/// The n-th request at the upstream is answered when the n-th latch opens, all later ones with the last.
fn one_by_one(count: usize) -> (Vec<Latch>, Script) {
    let gates = (0..count).map(|_| Latch::new()).collect::<Vec<_>>();
    let answer = |gate: &Latch| Answer::new().wait_for(gate).then(plain::chat("yes"));
    let script = Script::sequence(gates.iter().map(answer));
    (gates, script)
}

/// A stage whose `a` has a single place, and the request that holds it until `free` opens.
struct Full {
    stage: Stage,
    holder: Exchange,
    free: Latch,
}

impl Full {
    async fn start(more: impl FnOnce(Builder) -> Builder) -> Full {
        let free = Latch::new();
        let script = Answer::new().wait_for(&free).then(plain::chat("yes"));
        let stage = stage(script, |gateway| {
            more(gateway.set("upstreams.a.streams", 1))
        })
        .await;
        let holder = stage.chat().start().await;
        stage.upstream.wait_requests(1).await;
        Full {
            stage,
            holder,
            free,
        }
    }

    /// One more that waits.
    async fn queue_up(&self, request: &Request) -> Exchange {
        queue_up(&self.stage.gateway, request).await
    }

    /// The holder was served well, and all laws hold.
    async fn end(self) {
        self.free.open();
        assert_eq!(self.holder.finish().await.status, 200);
        self.stage.end().await;
    }
}

/// Sends it and waits until one more request waits in the gateway's queues.
async fn queue_up(gateway: &Gateway, request: &Request) -> Exchange {
    let before = waiting(gateway).await;
    let exchange = request.start().await;
    wait_waiting(gateway, before + 1).await;
    exchange
}

/// How many wait, in both lanes.
async fn waiting(gateway: &Gateway) -> u64 {
    let lanes = gateway.status().await["lanes"].clone();
    let lanes = lanes.as_array().expect("lanes").iter();
    lanes
        .map(|lane| lane["waiting"].as_u64().expect("a number"))
        .sum()
}

/// A thousand take their time on a busy machine.
async fn wait_waiting(gateway: &Gateway, count: u64) {
    let come = async || match waiting(gateway).await {
        waiting if waiting == count => Ok(()),
        waiting => Err(format!("{waiting} wait")),
    };
    let came = try_eventually(A_MINUTE, come).await;
    came.unwrap_or_else(|last| panic!("never came: {count} requests that wait; {last}"));
}

/// One lane of `/status`.
async fn lane(gateway: &Gateway, name: &str) -> Value {
    named(&gateway.status().await["lanes"], name)
}

/// One upstream of `/status`.
async fn upstream(gateway: &Gateway, name: &str) -> Value {
    named(&gateway.status().await["upstreams"], name)
}

fn named(list: &Value, name: &str) -> Value {
    let mut all = list.as_array().expect("a list").iter();
    let found = all.find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {list}")).clone()
}

/// Waits until so many requests hold a place at `a`.
async fn wait_inside(gateway: &Gateway, count: u64) {
    let what = format!("{count} requests at a");
    eventually(what, async || {
        let a = upstream(gateway, "a").await;
        match a["in_flight"] == count {
            true => Ok(()),
            false => Err(a.to_string()),
        }
    })
    .await;
}

/// It was told at once or after its wait that there is no place, and no upstream heard of it.
fn expect_turned_away((reply, line): &(Reply, Value), status: u16, code: &str) {
    expect_failure(reply, status, code);
    assert_eq!(reply.header("x-should-retry"), Some("true"), "{reply:?}");
    assert_eq!(reply.header("x-sidegate-attempts"), Some("0"), "{reply:?}");
    let seconds = reply
        .header("retry-after")
        .and_then(|it| it.parse::<u64>().ok());
    let millis = reply
        .header("retry-after-ms")
        .and_then(|it| it.parse::<u64>().ok());
    assert!(seconds >= Some(1), "{reply:?}");
    assert_eq!(millis, seconds.map(|seconds| seconds * 1000), "{reply:?}");
    assert_eq!(
        (&line["attempts"], &line["code"], &line["upstream"]),
        (&json!(0), &json!(code), &Value::Null),
        "{line}"
    );
}

/// What the access line says of the time in the queue.
fn queued(line: &Value) -> Duration {
    let seconds = line["queue_seconds"].as_f64();
    Duration::from_secs_f64(seconds.unwrap_or_else(|| panic!("it has been in the lane: {line}")))
}

/// What the client was told of its wait in milliseconds is what the access line says, but for its rounding.
fn expect_same_wait(told: Option<&str>, line: &Value) {
    let told = told.and_then(|text| text.parse::<u128>().ok());
    let logged = queued(line).as_millis();
    assert!(
        told.is_some_and(|told| told.abs_diff(logged) <= 1),
        "{told:?} ms: {line}"
    );
}

/// So many at once, each with an id that begins with its caller's name; the statuses, in no order that matters.
fn crowd(stage: &Stage, caller: &str, alias: &str, count: usize) -> Crowd {
    let (client, alias) = (stage.gateway.client_of(caller), alias.to_string());
    let caller = caller.to_string();
    tokio::spawn(many(count, move |number| {
        let request = client
            .chat(&alias)
            .correlation_id(&format!("{caller}-{number}"));
        async move {
            request
                .start()
                .await
                .finish_within(2 * A_MINUTE)
                .await
                .status
        }
    }))
}

type Crowd = tokio::task::JoinHandle<Vec<u16>>;

async fn expect_all_served(crowd: Crowd) {
    let statuses = crowd.await.expect("the crowd is well");
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

/// The ids of the requests that `a` saw, in order.
fn order(stage: &Stage) -> Vec<String> {
    let seen = stage.upstream.requests().into_iter();
    seen.map(|request| request.correlation_id().expect("an id").to_string())
        .collect()
}
