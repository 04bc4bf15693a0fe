//! SIGTERM: nobody new comes in, streams get their time, and the process is gone as soon as the last one is.

use super::*;
use rustix::process::Signal;

/// From the last answer's end to the process's.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn refuses_connections(client: &Client) {
    eventually("a closed port", async || match client.try_connect().await {
        Err(_) => Ok(()),
        Ok(_) => Err("it still accepts".to_string()),
    })
    .await;
}

async fn draining_for(drain: &str, a: impl Into<Script>) -> Stage {
    let drain = drain.to_string();
    Stage::set_up(a, sse::chat(3), move |gateway| gateway.set("drain", drain)).await
}

#[tokio::test]
async fn an_open_stream_is_finished_and_then_the_process_ends_at_once() {
    let rest = Latch::new();
    let stage = draining_for(
        "10s",
        sse::chat_saying("A", 60).hold_before_token(30, &rest),
    )
    .await;
    let client = stage.gateway.client();
    let exchange = stage.chat().start().await;
    exchange.tokens(29).await;
    stage.gateway.signal(Signal::TERM);
    refuses_connections(&client).await;
    rest.open();
    let reply = exchange.finish().await;
    let ended_at = Instant::now();
    assert_eq!(stage.gateway.wait_exit(DEADLINE).await, 0);
    assert!(
        ended_at.elapsed() < AT_ONCE,
        "it took {:?}",
        ended_at.elapsed()
    );
    stage.told(reply).await.expect_whole("A", 60);
    stage.end().await;
}

#[tokio::test]
async fn without_streams_the_process_ends_at_once() {
    let stage = draining_for("10s", sse::chat_saying("A", 3)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 3);
    let idle = stage.gateway.client().connect().await;
    let asked_at = Instant::now();
    assert_eq!(stage.gateway.stop().await, 0);
    assert!(
        asked_at.elapsed() < AT_ONCE,
        "it took {:?}",
        asked_at.elapsed()
    );
    idle.wait_closed("the close of an idle connection").await;
    stage.end().await;
}

#[tokio::test]
async fn a_stream_longer_than_the_drain_is_interrupted_and_the_process_ends() {
    let stage = draining_for("300ms", sse::chat_saying("A", 60).hang_after_token(5)).await;
    let exchange = stage.chat().start().await;
    exchange.tokens(5).await;
    stage.gateway.signal(Signal::TERM);
    let told = stage.told(exchange.finish().await).await;
    told.expect_interrupted(5, "stream_interrupted")
        .expect_attempts(1);
    assert_eq!(stage.gateway.wait_exit(AT_ONCE).await, 0);
    stage.end().await;
}

#[tokio::test]
async fn an_answer_held_at_the_end_of_the_drain_is_refused_whole() {
    let sent = Latch::new();
    let half = sse::chat_saying("A", 60)
        .tell_before_token(20, &sent)
        .hold_before_token(20, &Latch::new());
    let stage = draining_for("200ms", half).await;
    let exchange = stage.whole().start().await;
    sent.wait("19 tokens").await;
    stage.gateway.signal(Signal::TERM);
    let told = stage.told(exchange.finish().await).await;
    told.expect_failure(503, "draining").expect_attempts(1);
    assert_eq!(told.reply.header("x-should-retry"), Some("true"));
    assert_eq!(stage.gateway.wait_exit(AT_ONCE).await, 0);
    stage.end().await;
}

/// A connection that was kept open is told, not left hanging.
#[tokio::test]
async fn a_request_on_a_kept_connection_gets_no_new_stream() {
    let rest = Latch::new();
    let stage = draining_for("10s", sse::chat_saying("A", 9).hold_before_token(5, &rest)).await;
    let client = stage.gateway.client();
    let kept = client.connect().await;
    let exchange = stage.chat().start().await;
    exchange.tokens(4).await;
    stage.gateway.signal(Signal::TERM);
    refuses_connections(&client).await;
    let late = kept.start(&stage.chat()).finish().await;
    let refused = late.code().as_deref() == Some("draining");
    assert!(
        refused || matches!(late.end, End::NoHead | End::Reset),
        "{late:?}"
    );
    rest.open();
    assert_eq!(exchange.finish().await.text(), text_of("A", 9));
    assert_eq!(stage.gateway.wait_exit(DEADLINE).await, 0);
    assert_eq!(stage.a.requests().len(), 1);
    stage.end().await;
}

/// What is being connected or waited for when the drain ends has an answer coming, too.
#[tokio::test]
async fn a_request_without_a_connection_at_the_end_of_the_drain_is_refused() {
    let hole = crate::support::blackhole().await;
    let later = plain::status(503, &[("retry-after", "30")], "{}");
    let (a, b) = (
        Upstream::start(later).await,
        Upstream::start(Answer::new()).await,
    );
    let stage = Stage::before(a, b, |gateway| {
        gateway
            .upstream("hole", &hole)
            .route("chat", "chat", &["hole"])
            .set("routes.chat.timeouts.connect", "5s")
            .set("routes.alone.timeouts.total", "5m")
            .set("drain", "200ms")
            .needs_places(2)
    })
    .await;
    let connecting = stage.chat().start().await;
    let pausing = stage.alone().start().await;
    let failed = [("outcome", "server_error")];
    let both = |metrics: &crate::support::Metrics| {
        metrics.sum("sidegate_upstream_streams", &[("upstream", "hole")]) == 1.0
            && metrics.sum("sidegate_upstream_attempts_total", &failed) == 1.0
    };
    stage
        .gateway
        .wait_metrics("one that connects and one that waits", both)
        .await;
    stage.gateway.signal(Signal::TERM);
    for exchange in [connecting, pausing] {
        let told = stage.told(exchange.finish().await).await;
        told.expect_failure(503, "draining");
    }
    assert_eq!(stage.gateway.wait_exit(AT_ONCE).await, 0);
    stage.end().await;
}
