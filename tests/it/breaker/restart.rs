//! A crash, a restart, a reload: the breakers are as they were.

use super::*;
use crate::support::laws::Law;

#[tokio::test]
async fn it_survives_a_kill_with_the_time_that_is_left() {
    let mut stage = stage(broken(), 2, "60s").await;
    fail(&stage, 2).await;
    let opened_at = Instant::now();
    stage.gateway.kill().await;
    stage.gateway.start_again().await;
    let left = refused(&stage, "one").await;
    let gone = opened_at.elapsed().as_secs();
    assert!(
        (60 - gone - 2..=60).contains(&left),
        "{left} s are left after {gone} s"
    );
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.failures, 2);
    stage
        .tell(ask(&stage, "two"))
        .await
        .expect_failure(502, "upstream_error");
    assert_eq!(stage.a.requests().len(), 3);
    end(&stage).await;
}

#[tokio::test]
async fn failures_before_a_kill_are_counted_after_it() {
    let mut stage = stage(broken(), 3, "60s").await;
    fail(&stage, 2).await;
    stage.gateway.kill().await;
    stage.gateway.start_again().await;
    fail(&stage, 1).await;
    refused(&stage, "one").await;
    end(&stage).await;
}

/// Killed while its probe is out: the place falls free by itself, at the end of the lease.
#[tokio::test]
async fn a_dead_probers_place_falls_free() {
    let mut stage = stage_with(broken(), 1, "200ms", |gateway| {
        let quick = json!({"header": "100ms", "first_token": "100ms"});
        gateway.set("routes.one.timeouts", quick)
    })
    .await;
    fail(&stage, 1).await;
    stage.a.play(Answer::new().hang());
    eventually("the probe", async || {
        match stage.tell(ask(&stage, "one")).await.reply.status {
            504 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    stage.a.play(good());
    eventually("the end of the second time", async || {
        match stage.tell(ask(&stage, "one")).await.reply.status {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;

    fail_once_more(&stage).await;
    stage.a.play(Answer::new().hang());
    let probe = probing(&stage).await;
    stage.gateway.kill().await;
    drop(probe);
    stage.gateway.start_again().await;
    stage.a.play(good());
    assert_eq!(refused(&stage, "one").await, 1);
    // The probe's own 100 ms and five seconds.
    eventually("the end of the lease", async || {
        match stage.tell(ask(&stage, "one")).await.reply.status {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    end(&stage).await;
}

async fn fail_once_more(stage: &Stage) {
    stage.a.play(broken());
    fail(stage, 1).await;
}

/// A request that is out as the probe.
async fn probing(stage: &Stage) -> crate::support::Exchange {
    let before = stage.a.requests().len();
    for _ in 0..200 {
        let exchange = ask(stage, "one").start().await;
        let refused = exchange.until("an answer or nothing", |reply| reply.is_over());
        tokio::select! {
            _ = refused => {}
            _ = stage.a.wait_heads(before + 1) => return exchange,
        }
    }
    panic!("no request became the probe");
}

#[tokio::test]
async fn a_reload_leaves_it_open() {
    let stage = stage(broken(), 1, "60s").await;
    fail(&stage, 1).await;
    stage.gateway.edit("routes.one.max_tokens", 99);
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 0, "{output:?}");
    refused(&stage, "one").await;
    stage.end().await;
}

/// What was counted and logged before the kill is partly another process's.
async fn end(stage: &Stage) {
    let why = "counters and sequence numbers begin anew with the process";
    laws::of(&stage.gateway, &[&stage.a, &stage.b])
        .skip(Law::L3, why)
        .skip(Law::L9, why)
        .skip(Law::L1, "what was under way at the kill has no line")
        .check()
        .await;
}
