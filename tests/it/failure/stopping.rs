//! What a client is told while the gateway stops.

use rustix::process::Signal;

use super::golden::{expect_answer, expect_event};
use crate::stage::Stage;
use crate::support::{eventually, plain, sse, Answer, Script};

#[tokio::test]
async fn a_request_that_comes_while_the_gateway_drains() {
    let script = Script::sequence([
        plain::chat("yes"),
        sse::chat(5).hang_after_token(2).answer(),
    ]);
    let stage = Stage::with(script, |builder| {
        builder.set("routes.chat.timeouts.idle", "7s")
    })
    .await;
    let (_, kept) = stage.chat().send_on(stage.client().connect().await).await;
    let running = stage.chat().stream().start().await;
    running.tokens(2).await;

    stage.gateway.signal(Signal::TERM);
    eventually("a gateway that is no longer ready", async || {
        match stage.gateway.admin().try_connect().await {
            Ok(_) => Err("the admin port still answers".to_string()),
            Err(_) => Ok(()),
        }
    })
    .await;
    let (late, _) = stage
        .chat()
        .send_on(kept.expect("a connection that is kept"))
        .await;

    expect_answer("draining", &late);
    let cut = running.finish().await;
    assert_eq!(cut.text(), "t1 t2 ");
    expect_event("stream_interrupted-draining", &cut);
    assert_eq!(
        stage
            .gateway
            .wait_exit(std::time::Duration::from_secs(5))
            .await,
        0
    );
    stage.end().await;
}

#[tokio::test]
async fn a_request_that_waits_for_its_answer_when_the_drain_is_over() {
    let stage = Stage::with(Answer::new().hang(), |builder| {
        builder
            .set("drain", "200ms")
            .set("routes.chat.timeouts.plain", "10s")
            .set("routes.chat.timeouts.total", "10s")
    })
    .await;
    let waiting = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;

    assert_eq!(stage.gateway.stop().await, 0);

    expect_answer("draining-waiting", &waiting.finish().await);
    stage.end().await;
}
