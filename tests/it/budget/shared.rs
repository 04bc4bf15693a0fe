//! Two gateways and a real Redis: one budget for both while it is there, and no harm while it isn't.

use std::time::Instant;

use super::redis::Redis;
use super::*;
use crate::support::laws;

/// Seconds: what a request waits for Redis at most, and what a gateway that is busy with tests needs beside it.
const NO_DELAY: f64 = 0.2;

struct Pair {
    redis: Redis,
    one: Stage,
    other: Stage,
}

impl Pair {
    async fn start(script: impl Into<Script>, limits: Value) -> Pair {
        let (redis, script) = (Redis::start().await, script.into());
        let gateway = async |script: Script| {
            stage_with(script, limits.clone(), |builder| {
                builder.set("shared.redis", redis.url())
            })
            .await
        };
        let (one, other) = (gateway(script.clone()).await, gateway(script).await);
        let pair = Pair { redis, one, other };
        pair.is_shared(true).await;
        pair
    }

    fn both(&self) -> [&Stage; 2] {
        [&self.one, &self.other]
    }

    async fn is_shared(&self, shared: bool) {
        for stage in self.both() {
            is_shared(stage, shared).await;
        }
    }

    /// The store holds `tokens` and `requests`, and both gateways know of all.
    async fn counts_meet(&self, tokens: u64, requests: u64) {
        for (kind, sum) in [("tokens", tokens), ("requests", requests)] {
            eventually(format!("{sum} {kind} everywhere"), async || {
                let mut seen = vec![self.redis.sum(kind, "caller").await];
                for stage in self.both() {
                    let meter = meter(&stage.gateway, "caller", kind).await;
                    seen.push(meter.limit - meter.remaining);
                }
                match seen == [sum; 3] {
                    true => Ok(()),
                    false => Err(format!("{seen:?}")),
                }
            })
            .await;
        }
    }

    async fn end(&self) {
        for stage in self.both() {
            stage.end().await;
        }
    }
}

/// Waits until metric and `/status` say so.
async fn is_shared(stage: &Stage, shared: bool) {
    let expected = if shared { "together" } else { "alone" };
    eventually(format!("a gateway that counts {expected}"), async || {
        let metrics = stage.gateway.metrics().await;
        let value = metrics.value("sidegate_budget_shared", &[]);
        let told = stage.gateway.status().await["shared"].clone();
        let is_told = told["state"] == expected && told["reason"].is_null() == shared;
        match is_told && value == Some(f64::from(u8::from(shared))) {
            true => Ok(()),
            false => Err(format!("{value:?}, {told}")),
        }
    })
    .await;
}

fn both() -> Value {
    json!({"budget": tokens(10_000), "rate": requests(1_000)})
}

async fn serve(stage: &Stage, times: usize) {
    for _ in 0..times {
        let reply = stage.tell(&request(stage)).await.0;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

/// Seconds until the upstream was asked: the wait for Redis is among them.
fn asked_after(line: &Value) -> f64 {
    let began = line["tries"][0]["began_seconds"].as_f64();
    began.unwrap_or_else(|| panic!("no attempt: {line}"))
}

/// How often any of them has lost Redis.
fn losses(pair: &Pair) -> usize {
    let is_loss = |line: &Value| line.to_string().contains("counted by this gateway alone");
    let lines = |stage: &Stage| stage.gateway.log_lines("gateway.jsonl");
    let lines = pair.both().map(lines).into_iter().flatten();
    lines.filter(is_loss).count()
}

/// Twelve clients ask until each is refused; the access lines of what was served.
async fn until_refused(pair: &Pair) -> Vec<Value> {
    let clients = pair.both().map(Stage::client);
    let replies = many(12, |number| {
        let client = clients[number % 2].clone();
        async move {
            let mut served = Vec::new();
            loop {
                let reply = sized(client.chat("m")).send().await;
                if reply.status != 200 {
                    crate::stage::expect_failure(&reply, 429, "budget_exhausted");
                    return (number % 2, served);
                }
                served.push(reply);
            }
        }
    });
    let mut lines = Vec::new();
    for (at, served) in replies.await {
        for reply in served {
            lines.push(pair.both()[at].line_of(&reply).await);
        }
    }
    lines
}

/// On a machine so busy that Redis is late, each gateway is to go on by what it knows: then the round is none.
#[tokio::test]
async fn both_together_use_one_request_more_than_the_budget_at_most() {
    let pair = Pair::start(reporting(100, 20), json!({"budget": tokens(1)})).await;
    let mut used = 0;
    for _round in 0..10 {
        let (limit, losses_before) = (used + 3_000, losses(&pair));
        for stage in pair.both() {
            stage
                .gateway
                .edit("callers.limits.agent", json!({"budget": tokens(limit)}));
            assert_eq!(stage.gateway.reload().await.code, 0);
        }
        let lines = until_refused(&pair).await;
        used += 120 * lines.len() as u64;
        assert!(used >= limit - 12 * RESERVE, "{used} of {limit}");
        let in_time = lines.iter().all(|line| asked_after(line) < 0.05);
        if in_time && losses(&pair) == losses_before {
            assert!(used < limit + RESERVE, "{used} of {limit}");
            return pair.end().await;
        }
    }
    panic!("in ten rounds Redis had no twentieth of a second of this machine");
}

#[tokio::test]
async fn a_rate_is_one_for_both() {
    let limits = json!({"budget": tokens(10_000), "rate": requests(5)});
    let pair = Pair::start(reporting(7, 5), limits).await;
    serve(&pair.one, 2).await;
    serve(&pair.other, 3).await;
    pair.counts_meet(60, 5).await;
    for stage in pair.both() {
        let refused = stage.tell(&request(stage)).await.0;
        crate::stage::expect_failure(&refused, 429, "budget_exhausted");
        assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    }
    pair.end().await;
}

#[tokio::test]
async fn a_redis_that_dies_delays_nobody() {
    let mut pair = Pair::start(reporting(7, 5), both()).await;
    serve(&pair.one, 3).await;
    pair.redis.die();
    for _ in 0..5 {
        let (reply, line) = pair.one.tell(&request(&pair.one)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(asked_after(&line) < NO_DELAY, "{line}");
    }
    pair.is_shared(false).await;
    let warning = pair.one.gateway.wait_log("a warning", |line| {
        line.to_string().contains("counted by this gateway alone")
    });
    assert_eq!(warning.await["level"], "warn");
    pair.end().await;
}

#[tokio::test]
async fn counts_meet_again_when_it_comes_back_empty() {
    let mut pair = Pair::start(reporting(7, 5), both()).await;
    serve(&pair.one, 2).await;
    serve(&pair.other, 3).await;
    pair.counts_meet(60, 5).await;
    pair.redis.die();
    serve(&pair.one, 4).await;
    serve(&pair.other, 1).await;
    pair.is_shared(false).await;
    pair.redis.come_back().await;
    pair.is_shared(true).await;
    pair.counts_meet(120, 10).await;
    let is_told = |line: &Value| line["seq"] == 3 && line.to_string().contains("counted together");
    pair.one.gateway.wait_log("that it is back", is_told).await;
    serve(&pair.one, 1).await;
    pair.counts_meet(132, 11).await;
    pair.end().await;
}

#[tokio::test]
async fn a_redis_that_forgets_is_told_again() {
    let pair = Pair::start(reporting(7, 5), both()).await;
    serve(&pair.one, 2).await;
    serve(&pair.other, 3).await;
    pair.counts_meet(60, 5).await;
    let _: String = pair.redis.ask(&["FLUSHALL"]).await;
    pair.counts_meet(60, 5).await;
    pair.end().await;
}

/// The first request finds it out, after a twentieth of a second; from then on nobody waits.
#[tokio::test]
async fn a_redis_that_stands_still_delays_one_request() {
    let pair = Pair::start(reporting(7, 5), both()).await;
    pair.redis.stand_still();
    serve(&pair.one, 1).await;
    pair.is_shared(false).await;
    serve(&pair.one, 20).await;
    let lines = pair.one.gateway.access_lines();
    assert!(asked_after(&lines[0]) < NO_DELAY, "{}", lines[0]);
    let rest: f64 = lines[1..].iter().map(asked_after).sum();
    assert!(rest < 20.0 * 0.05, "{rest} s");
    pair.redis.go_on();
    pair.is_shared(true).await;
    pair.counts_meet(21 * 12, 21).await;
    pair.end().await;
}

/// Asking is on the request's path, the rest isn't: settling waits for nobody and goes together.
#[tokio::test]
async fn a_request_asks_once() {
    const REQUESTS: usize = 25;
    let pair = Pair::start(Answer::new().hang(), both()).await;
    let begun = Instant::now();
    let calls = pair.redis.calls("evalsha").await;
    let mut running = Vec::new();
    for _ in 0..REQUESTS {
        running.push(under_way(&pair.one, &request(&pair.one)).await);
    }
    let calls = pair.redis.calls("evalsha").await - calls;
    // Each gateway has a look once a second.
    let looks = 2 * (begun.elapsed().as_secs() + 2);
    let asked = REQUESTS as u64;
    assert!(
        (asked / 2..=asked + looks).contains(&calls),
        "{calls} calls"
    );
    for exchange in running {
        exchange.leave().await;
    }
    pair.counts_meet(0, asked).await;
    pair.end().await;
}

#[tokio::test]
async fn a_crash_forgets_nothing_that_redis_knows() {
    let mut pair = Pair::start(reporting(7, 5), both()).await;
    let ledger = pair.one.gateway.state_dir().join("run/budgets.v1");
    eventually("a ledger with its name", async || {
        std::fs::metadata(&ledger).map_err(|problem| problem.to_string())
    })
    .await;
    serve(&pair.one, 3).await;
    pair.counts_meet(36, 3).await;
    pair.one.gateway.kill().await;
    pair.one.gateway.start_again().await;
    pair.is_shared(true).await;
    pair.counts_meet(36, 3).await;
    serve(&pair.one, 1).await;
    pair.counts_meet(48, 4).await;
    let why = "counters and sequence numbers begin anew with the process";
    laws::of(&pair.one.gateway, &[&pair.one.upstream])
        .skip(laws::Law::L3, why)
        .skip(laws::Law::L9, why)
        .check()
        .await;
    pair.other.end().await;
}

#[tokio::test]
async fn a_reload_brings_redis_in_and_takes_it_out() {
    let redis = Redis::start().await;
    let stage = stage(reporting(7, 5), both()).await;
    serve(&stage, 2).await;
    stage.gateway.edit("shared", json!({"redis": redis.url()}));
    assert_eq!(stage.gateway.reload().await.code, 0);
    is_shared(&stage, true).await;
    serve(&stage, 1).await;
    eventually("all of it in the store", async || {
        match redis.sum("tokens", "caller").await {
            36 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    stage.gateway.edit("shared", json!({}));
    assert_eq!(stage.gateway.reload().await.code, 0);
    eventually("nobody to share with", async || {
        match stage.gateway.status().await["shared"].clone() {
            Value::Null => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    serve(&stage, 1).await;
    assert_eq!(own_tokens(&stage).await, (48, 0));
    assert_eq!(redis.sum("tokens", "caller").await, 36);
    stage.end().await;
}

/// No secret stands in the configuration, so there is none to show.
#[tokio::test]
async fn a_password_in_the_address_is_refused_and_never_shown() {
    const URL: &str = "redis://:canaryRedis7@127.0.0.1:6379";
    let refused = Gateway::builder()
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("chat", "m", &["a"])
        .set("shared.redis", URL)
        .try_start()
        .await
        .err()
        .expect("a refused start");
    assert_eq!(refused.code, 78, "{refused:?}");
    let said = format!("{refused:?}");
    assert!(
        said.contains("shared.redis") && !said.contains("canaryRedis7"),
        "{said}"
    );
    let stage = stage(reporting(7, 5), both()).await;
    stage.gateway.edit("shared", json!({"redis": URL}));
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 78, "{output:?}");
    let shown = format!(
        "{output:?} {} {} {}",
        stage.gateway.status().await,
        stage.gateway.log_text("gateway.jsonl"),
        stage.gateway.stderr()
    );
    assert!(!shown.contains("canaryRedis7"), "{shown}");
    stage.end().await;
}

#[tokio::test]
async fn a_redis_that_was_never_there_keeps_nobody_from_serving() {
    let nobody = crate::support::refuse();
    let url = nobody.url().replacen("http", "redis", 1).replace("/v1", "");
    let stage = stage_with(reporting(7, 5), both(), |builder| {
        builder.set("shared.redis", url)
    })
    .await;
    is_shared(&stage, false).await;
    serve(&stage, 2).await;
    assert_eq!(own_tokens(&stage).await, (24, 0));
    stage.end().await;
}
