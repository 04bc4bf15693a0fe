//! What a client is told while the gateway stops.

use std::time::Duration;

use super::golden::{expect_answer, expect_event};
use crate::stage::Stage;
use crate::support::{sse, Answer, End, Latch};

#[tokio::test]
async fn a_request_that_still_waits_when_the_drain_is_over() {
    let stage = Stage::with(Answer::new().hang(), |builder| {
        builder
            .set("drain", "200ms")
            .set("routes.chat.timeouts.plain", "8s")
    })
    .await;
    let waiting = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;

    assert_eq!(stage.gateway.stop().await, 0);

    expect_answer("draining", &waiting.finish().await);
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_still_runs_when_the_drain_is_over() {
    let stage = Stage::with(sse::chat(5).hang_after_token(2), |builder| {
        builder
            .set("drain", "200ms")
            .set("routes.chat.timeouts.idle", "7s")
    })
    .await;
    let running = stage.chat().stream().start().await;
    running.tokens(2).await;

    assert_eq!(stage.gateway.stop().await, 0);

    let cut = running.finish().await;
    assert_eq!(cut.text(), "t1 t2 ");
    expect_event("stream_interrupted-draining", &cut);
    stage.end().await;
}

#[tokio::test]
async fn what_comes_too_late_is_never_half_answered() {
    let goes_on = Latch::new();
    let stage = Stage::start(sse::chat(3).hold_before_token(3, &goes_on)).await;
    let rest = Latch::new();
    let half = stage.chat().pausing_after(30, &rest).start().await;
    let running = stage.chat().stream().start().await;
    running.tokens(2).await;

    stage.gateway.signal(rustix::process::Signal::TERM);
    crate::support::eventually("a closed data port", async || {
        match stage.client().try_connect().await {
            Ok(_) => Err("it still takes connections".to_string()),
            Err(_) => Ok(()),
        }
    })
    .await;
    rest.open();
    let late = half.finish().await;
    goes_on.open();

    let told = (late.status, late.code());
    let is_refused = told == (503, Some("draining".into()));
    assert!(
        is_refused || matches!(late.end, End::NoHead | End::Reset),
        "{late:?}"
    );
    let whole = running.finish().await;
    assert_eq!(
        (whole.tokens(), whole.has_done(), whole.is_whole()),
        (3, true, true)
    );
    assert_eq!(stage.gateway.wait_exit(Duration::from_secs(5)).await, 0);
    stage.end().await;
}
