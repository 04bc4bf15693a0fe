//! When its time is over exactly one request finds out; nobody waits for it.

use super::*;

/// The stage with an open breaker of `one`, whose time is over soon; `probe` is what `a` does from then on.
async fn opened(probe: impl Into<Script>, cool_down: &str) -> Stage {
    let stage = stage(broken(), 1, cool_down).await;
    fail(&stage, 1).await;
    stage.a.play(probe);
    stage
}

/// Waits until a request could be the probe.
async fn cooled_down(stage: &Stage) {
    eventually("the end of the cool-down", async || {
        match look(&stage.gateway, "a", "one-on-a").await.retry_in {
            None => Ok(()),
            Some(seconds) => Err(format!("{seconds} s are left")),
        }
    })
    .await;
}

#[tokio::test]
async fn one_of_twenty_probes_and_the_others_are_told_to_come_back_in_a_second() {
    let answer = Latch::new();
    let held = sse::chat_saying("A", 3).hold_before_head(&answer);
    let stage = opened(held, "300ms").await;
    cooled_down(&stage).await;
    let request = ask(&stage, "one");
    let refused_19 = Latch::new();
    let opener = async {
        eventually("nineteen refusals", async || {
            let refused = stage.gateway.ledger().replies();
            let refused = refused
                .iter()
                .filter(|reply| reply.code().as_deref() == Some("circuit_open"));
            match refused.count() {
                19 => Ok(()),
                other => Err(format!("{other}")),
            }
        })
        .await;
        assert_eq!(
            look(&stage.gateway, "a", "one-on-a").await.state,
            "half_open"
        );
        refused_19.open();
        answer.open();
    };
    let asking = many(20, |_| {
        let request = request.clone();
        async move { request.send().await }
    });
    let (replies, ()) = tokio::join!(asking, opener);
    assert!(refused_19.is_open());
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!((served.len(), refused.len()), (1, 19));
    for reply in refused {
        assert_eq!(expect_circuit_open(reply), 1);
        assert!(reply.took() < Duration::from_secs(3), "{:?}", reply.took());
    }
    // The one that opened it, and the probe.
    assert_eq!(stage.a.requests().len(), 2);
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "closed");
    stage.end().await;
}

#[tokio::test]
async fn while_the_probe_is_out_the_others_fail_over() {
    let answer = Latch::new();
    let stage = stage_with(broken(), 1, "300ms", |gateway| gateway.needs_places(21)).await;
    stage
        .tell(stage.chat())
        .await
        .expect_failure(502, "upstream_error");
    stage
        .a
        .play(sse::chat_saying("A", 3).hold_before_head(&answer));
    eventually("the end of the cool-down", async || {
        match look(&stage.gateway, "a", "chat-on-a").await.retry_in {
            None => Ok(()),
            Some(seconds) => Err(format!("{seconds} s are left")),
        }
    })
    .await;
    let probe = stage.chat().start().await;
    stage.a.wait_requests(2).await;
    for told in stage.tell_many(20, || stage.chat()).await {
        told.expect_whole("B", 3).expect_attempts(1);
    }
    answer.open();
    stage
        .told(probe.finish().await)
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage.tell(stage.chat()).await.expect_whole("A", 3);
    stage.end().await;
}

/// What happens to that stream afterwards counts like any other.
#[tokio::test]
async fn the_first_content_closes_it_while_the_probe_still_streams() {
    let rest = Latch::new();
    let slow = sse::chat_saying("A", 3).hold_before_token(2, &rest);
    let stage = stage_with(broken(), 1, "300ms", |gateway| gateway.needs_places(2)).await;
    fail(&stage, 1).await;
    stage
        .a
        .play(Script::new().nth(2, slow.answer()).otherwise(good()));
    cooled_down(&stage).await;
    let probe = ask(&stage, "one").start().await;
    probe.tokens(1).await;
    wait_state(&stage.gateway, "a", "one-on-a", "closed").await;
    for _ in 0..3 {
        stage.tell(ask(&stage, "one")).await.expect_whole("A", 3);
    }
    rest.open();
    stage.told(probe.finish().await).await.expect_whole("A", 3);
    let metrics = stage.gateway.metrics().await;
    for state in ["open", "half_open", "closed"] {
        let went = [("model", "one-on-a"), ("to", state)];
        let times = metrics.sum("sidegate_breaker_transitions_total", &went);
        assert_eq!(times, 1.0, "to {state}");
    }
    stage.end().await;
}

/// The client sees nothing before the whole answer is there; the breaker does.
#[tokio::test]
async fn the_first_content_of_an_answer_that_is_held_closes_it_too() {
    let rest = Latch::new();
    let told_first = Latch::new();
    let slow = sse::chat_saying("A", 3)
        .tell_before_token(2, &told_first)
        .hold_before_token(2, &rest);
    let whole = |gateway: Builder| {
        gateway
            .set("routes.one.commit", "whole")
            .set("routes.one.timeouts.idle", "8s")
    };
    let stage = stage_with(broken(), 1, "300ms", whole).await;
    fail(&stage, 1).await;
    stage.a.play(slow);
    cooled_down(&stage).await;
    let probe = ask(&stage, "one").start().await;
    told_first.wait("a first token").await;
    wait_state(&stage.gateway, "a", "one-on-a", "closed").await;
    assert_eq!(probe.so_far().tokens(), 0);
    rest.open();
    stage.told(probe.finish().await).await.expect_whole("A", 3);
    stage.end().await;
}

#[tokio::test]
async fn a_plain_answer_below_500_closes_it() {
    let own = plain::error(400, "invalid_request_error", "bad_value", "temperature");
    for (probe, status) in [(plain::chat("A"), 200), (own, 400)] {
        let stage = opened(probe, "300ms").await;
        cooled_down(&stage).await;
        let told = stage.tell(stage.gateway.client().chat("one")).await;
        assert_eq!(told.reply.status, status, "{:?}", told.reply);
        assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "closed");
        stage.end().await;
    }
}

/// Its stream breaks after the first token: closed by then, and that is the first new failure.
#[tokio::test]
async fn a_probe_that_breaks_later_counts_as_one_failure() {
    let stage = stage(broken(), 3, "300ms").await;
    fail(&stage, 3).await;
    let later = Latch::new();
    stage.a.play(
        sse::chat_saying("A", 9)
            .hold_before_token(5, &later)
            .cut_after_token(5),
    );
    cooled_down(&stage).await;
    let probe = ask(&stage, "one").start().await;
    probe.tokens(4).await;
    wait_state(&stage.gateway, "a", "one-on-a", "closed").await;
    later.open();
    let told = stage.told(probe.finish().await).await;
    told.expect_interrupted(5, "stream_interrupted");
    let closed = look(&stage.gateway, "a", "one-on-a").await;
    assert_eq!((closed.state.as_str(), closed.failures), ("closed", 1));
    stage.end().await;
}

#[tokio::test]
async fn a_failed_probe_opens_it_for_another_full_time() {
    let stage = opened(broken(), "3s").await;
    cooled_down(&stage).await;
    fail(&stage, 1).await;
    let open = look(&stage.gateway, "a", "one-on-a").await;
    assert_eq!(open.state, "open");
    assert_eq!(refused(&stage, "one").await, 3);
    assert_eq!(stage.a.requests().len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_probe_whose_client_left_frees_the_place_for_the_next() {
    let script = Script::new().nth(2, Answer::new().hang()).otherwise(good());
    let stage = opened(script, "300ms").await;
    cooled_down(&stage).await;
    let probe = ask(&stage, "one").start().await;
    stage.a.wait_requests(2).await;
    assert_eq!(refused(&stage, "one").await, 1);
    stage.told(probe.leave().await).await;
    stage.tell(ask(&stage, "one")).await.expect_whole("A", 3);
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "closed");
    stage.end().await;
}

/// A 429 says nothing about the server's health, so the next request finds out.
#[tokio::test]
async fn a_probe_without_a_verdict_frees_the_place_for_the_next() {
    let script = Script::new()
        .nth(2, plain::rate_limited(None))
        .otherwise(good());
    let stage = opened(script, "300ms").await;
    cooled_down(&stage).await;
    stage
        .tell(ask(&stage, "one"))
        .await
        .expect_failure(429, "rate_limited");
    stage.tell(ask(&stage, "one")).await.expect_whole("A", 3);
    stage.end().await;
}

/// So many requests that `a` holds until the latch opens; then they break.
async fn held_requests(
    stage: &Stage,
    count: usize,
    latch: &Latch,
) -> Vec<crate::support::Exchange> {
    stage.a.play(Answer::new().wait_for(latch).then(broken()));
    let before = stage.a.requests().len();
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(ask(stage, "one").start().await);
    }
    stage.a.wait_requests(before + count).await;
    held
}

#[tokio::test]
async fn late_failures_of_requests_that_started_before_change_nothing() {
    let stage = stage_with(broken(), 2, "300ms", |gateway| gateway.needs_places(6)).await;
    let late = Latch::new();
    let held = held_requests(&stage, 5, &late).await;
    stage.a.play(broken());
    fail(&stage, 2).await;
    stage.a.play(good());
    cooled_down(&stage).await;
    stage.tell(ask(&stage, "one")).await.expect_whole("A", 3);
    late.open();
    for exchange in held {
        let told = stage.told(exchange.finish().await).await;
        told.expect_failure(502, "upstream_error");
    }
    let closed = look(&stage.gateway, "a", "one-on-a").await;
    assert_eq!((closed.state.as_str(), closed.failures), ("closed", 0));
    stage.end().await;
}

#[tokio::test]
async fn late_failures_do_not_keep_it_open_for_longer() {
    let patient = |gateway: Builder| {
        let clocks = json!({"header": "8s", "first_token": "8s", "first_token_max": "8s"});
        gateway.set("routes.one.timeouts", clocks).needs_places(4)
    };
    let stage = stage_with(broken(), 1, "4s", patient).await;
    let late = Latch::new();
    let held = held_requests(&stage, 3, &late).await;
    stage.a.play(broken());
    fail(&stage, 1).await;
    let opened_at = Instant::now();
    eventually("a second of the four", async || {
        match refused(&stage, "one").await {
            4 => Err("four are left".to_string()),
            _ => Ok(()),
        }
    })
    .await;
    late.open();
    for exchange in held {
        stage
            .told(exchange.finish().await)
            .await
            .expect_failure(502, "upstream_error");
    }
    let (left, gone) = (refused(&stage, "one").await, opened_at.elapsed());
    assert!(left <= 3, "{left} s after {gone:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_late_success_does_not_close_it() {
    let stage = stage_with(broken(), 1, "60s", |gateway| gateway.needs_places(2)).await;
    let late = Latch::new();
    stage
        .a
        .play(sse::chat_saying("A", 3).hold_before_token(2, &late));
    let slow = ask(&stage, "one").start().await;
    slow.tokens(1).await;
    stage.a.play(broken());
    fail(&stage, 1).await;
    late.open();
    stage.told(slow.finish().await).await.expect_whole("A", 3);
    assert!(refused(&stage, "one").await > 50);
    stage.end().await;
}
