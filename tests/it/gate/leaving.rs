//! A client that leaves is noticed in every phase, its upstream is let go, and nobody is blamed.

use super::*;
use crate::support::{blackhole, Metrics};

const ATTEMPTS: &str = "sidegate_upstream_attempts_total";

/// From the client's leaving to the end of whatever was done for it.
const SOON: Duration = Duration::from_millis(250);

/// The client leaves; the upstream's connection has to close soon, and the log says in which phase it was.
async fn leaves(stage: &Stage, exchange: Exchange, upstream: &Upstream, phase: &str) -> Told {
    let left_at = Instant::now();
    let told = stage.told(exchange.leave().await).await;
    let connection = upstream.requests().last().expect("a request").connection;
    let after = upstream.wait_closed(connection, DEADLINE).await - left_at;
    assert!(after < SOON, "the upstream was let go after {after:?}");
    expect_left(stage, &told, phase).await;
    told
}

/// The same where no connection shows it: the log has to tell it as soon.
async fn leaves_unseen(stage: &Stage, exchange: Exchange, phase: &str) -> Told {
    let left_at = Instant::now();
    let told = stage.told(exchange.leave().await).await;
    let after = left_at.elapsed();
    assert!(after < SOON, "noticed after {after:?}");
    expect_left(stage, &told, phase).await;
    told
}

async fn expect_left(stage: &Stage, told: &Told, phase: &str) {
    let line = &told.line;
    assert_eq!(
        (&line["status"], &line["code"]),
        (&json!(499), &json!("client_closed")),
        "{line}"
    );
    assert_eq!(line["phase"], phase, "{line}");
    let nothing_came = told.reply.head_at.is_none();
    assert_eq!(nothing_came, line["bytes_out"] == 0, "{line}");
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_client_aborts_total", &[]), 1.0);
    assert_eq!(
        metrics.sum("sidegate_client_aborts_total", &[("phase", phase)]),
        1.0
    );
}

/// Every attempt was given up by us, but for so many that failed before.
async fn expect_nobody_blamed(stage: &Stage, failed_before: f64) {
    let metrics = stage.gateway.metrics().await;
    let all = metrics.sum(ATTEMPTS, &[]);
    let cancelled = stage.attempts("cancelled").await;
    assert_eq!(
        (cancelled, all - cancelled),
        (1.0, failed_before),
        "{metrics}"
    );
    stage.end().await;
}

/// What the upstream has written is with the gateway when the gateway has done something else since.
async fn settle(stage: &Stage) {
    for _ in 0..3 {
        stage.gateway.metrics().await;
    }
}

#[tokio::test]
async fn while_it_uploads() {
    let stage = Stage::start(sse::chat(3), sse::chat(3)).await;
    let request = stage.chat().body_bytes(1_000_000).expecting_continue();
    let exchange = request
        .slowly(1000, Duration::from_millis(20))
        .start()
        .await;
    exchange
        .until("100 Continue", |reply| !reply.interim.is_empty())
        .await;
    let told = leaves_unseen(&stage, exchange, "queue").await;
    told.expect_attempts(0);
    assert!(stage.a.connections().is_empty());
    stage.end().await;
}

#[tokio::test]
async fn while_a_connection_is_being_made() {
    let hole = blackhole().await;
    let b = Upstream::start(sse::chat(3)).await;
    let stage = Stage::before(Upstream::start(Answer::new()).await, b, |gateway| {
        gateway
            .upstream("hole", &hole)
            .route("chat", "chat", &["hole", "b"])
            .set("routes.chat.timeouts.connect", "5s")
    })
    .await;
    let exchange = stage.chat().start().await;
    let connecting = |metrics: &Metrics| {
        metrics.sum("sidegate_upstream_streams", &[("upstream", "hole")]) == 1.0
    };
    stage
        .gateway
        .wait_metrics("an attempt at the black hole", connecting)
        .await;
    let told = leaves_unseen(&stage, exchange, "connect").await;
    told.expect_attempts(1);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}

#[tokio::test]
async fn while_the_head_is_waited_for() {
    let stage = Stage::start(Answer::new().hang(), sse::chat(3)).await;
    let exchange = stage.chat().start().await;
    stage.a.wait_requests(1).await;
    leaves(&stage, exchange, &stage.a, "header")
        .await
        .expect_attempts(1);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}

#[tokio::test]
async fn while_the_first_token_is_waited_for() {
    let sent = Latch::new();
    let role = sse::chat(3)
        .tell_before_token(1, &sent)
        .hold_before_token(1, &Latch::new());
    let stage = Stage::start(role, sse::chat(3)).await;
    let exchange = stage.chat().start().await;
    sent.wait("a head and a role").await;
    settle(&stage).await;
    leaves(&stage, exchange, &stage.a, "first_token")
        .await
        .expect_attempts(1);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}

#[tokio::test]
async fn in_the_middle_of_a_silent_stream() {
    let stage = Stage::start(sse::chat_saying("A", 60).hang_after_token(5), sse::chat(3)).await;
    let exchange = stage.chat().start().await;
    exchange.tokens(5).await;
    leaves(&stage, exchange, &stage.a, "stream")
        .await
        .expect_attempts(1);
    expect_nobody_blamed(&stage, 0.0).await;
}

#[tokio::test]
async fn in_the_middle_of_a_busy_stream_by_end_and_by_reset() {
    let busy = sse::chat_saying("A", 3000).every(Duration::from_millis(2));
    for by_reset in [false, true] {
        let stage = Stage::start(busy.clone(), sse::chat(3)).await;
        let exchange = stage.chat().start().await;
        exchange.tokens(15).await;
        if by_reset {
            let left_at = Instant::now();
            let told = stage.told(exchange.leave_by_reset().await).await;
            let after = stage.a.wait_closed(0, DEADLINE).await - left_at;
            assert!(after < SOON, "the upstream was let go after {after:?}");
            expect_left(&stage, &told, "stream").await;
        } else {
            leaves(&stage, exchange, &stage.a, "stream").await;
        }
        expect_nobody_blamed(&stage, 0.0).await;
    }
}

#[tokio::test]
async fn while_a_whole_answer_is_being_collected() {
    let sent = Latch::new();
    let half = sse::chat_saying("A", 60)
        .tell_before_token(20, &sent)
        .hold_before_token(20, &Latch::new());
    let stage = Stage::start(half, sse::chat(3)).await;
    let exchange = stage.whole().start().await;
    sent.wait("19 tokens").await;
    settle(&stage).await;
    let told = leaves(&stage, exchange, &stage.a, "first_token").await;
    told.expect_attempts(1);
    assert_eq!(told.reply.first_byte_at, None);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}

#[tokio::test]
async fn in_the_second_attempt() {
    let stage = Stage::start(Answer::new().close_reset(), Answer::new().hang()).await;
    let exchange = stage.chat().start().await;
    stage.b.wait_requests(1).await;
    leaves(&stage, exchange, &stage.b, "header")
        .await
        .expect_attempts(2);
    assert_eq!(stage.a.requests().len(), 1);
    expect_nobody_blamed(&stage, 1.0).await;
}

#[tokio::test]
async fn between_two_attempts() {
    let later = plain::status(503, &[("retry-after", "30")], "{}");
    let stage = Stage::set_up(later, Answer::new(), |gateway| {
        gateway.set("routes.alone.timeouts.total", "5m")
    })
    .await;
    let exchange = stage.alone().start().await;
    let failed_once =
        |metrics: &Metrics| metrics.sum(ATTEMPTS, &[("outcome", "server_error")]) == 1.0;
    stage
        .gateway
        .wait_metrics("the end of an attempt", failed_once)
        .await;
    let told = leaves_unseen(&stage, exchange, "queue").await;
    told.expect_attempts(1);
    assert_eq!(stage.a.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn while_a_plain_answer_is_waited_for() {
    let stage = Stage::start(Answer::new().hang(), plain::chat("b")).await;
    let exchange = stage.plain().start().await;
    stage.a.wait_requests(1).await;
    leaves(&stage, exchange, &stage.a, "plain")
        .await
        .expect_attempts(1);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}

/// A large body still on its way to the upstream holds nothing up.
#[tokio::test]
async fn while_its_body_is_stuck_on_the_way_to_the_upstream() {
    let stage = Stage::set_up(
        Answer::new().hang().reading_nothing(),
        sse::chat(3),
        |gateway| gateway.set("routes.chat.max_prompt_bytes", "32MiB"),
    )
    .await;
    let exchange = stage.plain().body_bytes(20 * 1024 * 1024).start().await;
    stage.a.wait_heads(1).await;
    let told = leaves_unseen(&stage, exchange, "plain").await;
    told.expect_attempts(1);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}

/// A server that takes the connection and never says a word of TLS.
#[tokio::test]
async fn while_tls_is_being_agreed_on() {
    let (mute, b) = (
        Upstream::start(Answer::new()).await,
        Upstream::start(sse::chat(3)).await,
    );
    let over_tls = mute.url().replacen("http", "https", 1);
    let stage = Stage::before(mute, b, |gateway| {
        gateway
            .set("upstreams.a.url", over_tls)
            .set("routes.chat.timeouts.connect", "5s")
    })
    .await;
    let exchange = stage.chat().start().await;
    stage.a.wait_connections(1).await;
    let told = leaves_unseen(&stage, exchange, "connect").await;
    told.expect_attempts(1);
    stage.expect_b_unasked();
    expect_nobody_blamed(&stage, 0.0).await;
}
