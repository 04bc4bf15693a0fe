//! A crash, a restart, a reload: the breakers are as they were.

use super::*;
use crate::support::laws::Law;
use crate::support::Exchange;

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
        let clocks = json!({"header": "5s", "first_token": "300ms"});
        gateway.set("routes.one.timeouts", clocks)
    })
    .await;
    fail(&stage, 1).await;
    stage.a.play(Answer::new().hang());
    let probe = probing(&stage).await;
    let asked_at = stage.a.requests()[1].at;
    stage.gateway.kill().await;
    drop(probe);
    stage.gateway.start_again().await;
    stage.a.play(good());
    assert_eq!(refused(&stage, "one").await, 1);
    assert_eq!(
        look(&stage.gateway, "a", "one-on-a").await.state,
        "half_open"
    );
    served_at_last(&stage).await;
    // The probe's own 300 ms and five seconds.
    let after = stage.a.requests()[2].at - asked_at;
    assert!(after >= Duration::from_millis(5200), "{after:?}");
    end(&stage).await;
}

/// The first request that is let through, and is out for as long as `a` hangs.
async fn probing(stage: &Stage) -> Exchange {
    eventually("a request that becomes the probe", async || {
        let exchange = ask(stage, "one").start().await;
        let refused = exchange.until("a refusal", Reply::is_over);
        tokio::select! {
            refused = refused => Err(format!("{refused:?}")),
            _ = stage.a.wait_requests(2) => Ok(()),
        }?;
        Ok(exchange)
    })
    .await
}

async fn served_at_last(stage: &Stage) {
    eventually("an answer", async || {
        let reply = ask(stage, "one").send().await;
        match reply.status {
            200 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
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
