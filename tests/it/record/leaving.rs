//! A client that leaves is recorded with where its request was, and counted.

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{blackhole, laws, plain, sse, Answer, Exchange, Gateway, Latch};

fn patient(builder: Builder) -> Builder {
    let long = json!({"connect": "8s", "header": "8s", "first_token": "8s", "first_token_max": "8s", "idle": "8s", "plain": "8s", "total": "9s"});
    builder.set("routes.chat.timeouts", long)
}

/// Leaves, and looks at what is recorded.
async fn expect_left(gateway: &Gateway, exchange: Exchange, phase: &str) -> Value {
    let left = exchange.leave().await;
    let line = gateway
        .wait_access(left.sent.correlation_id.as_deref().expect("an id"))
        .await;
    let told = [&line["status"], &line["code"], &line["phase"]];
    assert_eq!(
        told,
        [&json!(499), &json!("client_closed"), &json!(phase)],
        "{line}"
    );
    let counted =
        |metrics: &crate::support::Metrics| metrics.sum("sidegate_client_aborts_total", &[]) > 0.0;
    let metrics = gateway.wait_metrics("a counted leaving", counted).await;
    assert_eq!(
        metrics.value("sidegate_client_aborts_total", &[("phase", phase)]),
        Some(1.0)
    );
    assert_eq!(metrics.sum("sidegate_client_aborts_total", &[]), 1.0);
    line
}

#[tokio::test]
async fn in_its_own_body() {
    let stage = Stage::with(plain::chat("never"), patient).await;
    let never = Latch::new();
    let exchange = stage
        .chat()
        .body_bytes(100_000)
        .pausing_after(50_000, &never)
        .start()
        .await;
    // The half that is sent has arrived when an answer to a later request has.
    assert_eq!(stage.client().get("/v1/models").send().await.status, 200);

    let line = expect_left(&stage.gateway, exchange, "queue").await;

    assert_eq!(
        (&line["attempts"], &line["upstream"]),
        (&json!(0), &Value::Null)
    );
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn while_a_connection_is_made() {
    let hole = blackhole().await;
    let gateway = patient(
        Gateway::builder()
            .upstream("a", &hole)
            .route("chat", "m", &["a"]),
    )
    .start()
    .await;
    let exchange = gateway.client().chat("m").stream().start().await;
    gateway
        .wait_metrics("an attempt", |metrics| {
            metrics.sum("sidegate_upstream_streams", &[]) == 1.0
        })
        .await;

    let line = expect_left(&gateway, exchange, "connect").await;

    assert_eq!(
        (&line["attempts"], &line["upstream"]),
        (&json!(1), &json!("a"))
    );
    laws::check(&gateway, &[]).await;
}

#[tokio::test]
async fn while_it_waits_for_the_head_or_a_plain_answer() {
    for (streamed, phase) in [(true, "header"), (false, "plain")] {
        let stage = Stage::with(Answer::new().hang(), patient).await;
        let request = if streamed {
            stage.chat().stream()
        } else {
            stage.chat()
        };
        let exchange = request.start().await;
        stage.upstream.wait_requests(1).await;

        expect_left(&stage.gateway, exchange, phase).await;

        stage
            .upstream
            .wait_closed(0, crate::support::DEADLINE)
            .await;
        stage.end().await;
    }
}

#[tokio::test]
async fn while_it_waits_for_the_first_token() {
    let told = Latch::new();
    let never = Latch::new();
    let silent = sse::chat(3)
        .tell_before_token(1, &told)
        .hold_before_token(1, &never);
    let stage = Stage::with(silent, patient).await;
    let exchange = stage.chat().stream().start().await;
    told.wait("the head and the role at the gateway").await;
    // What was written has been read when an answer to a later request is here.
    assert_eq!(stage.client().get("/v1/models").send().await.status, 200);

    let line = expect_left(&stage.gateway, exchange, "first_token").await;

    assert_eq!(line["first_token_seconds"], Value::Null);
    stage
        .upstream
        .wait_closed(0, crate::support::DEADLINE)
        .await;
    stage.end().await;
}

#[tokio::test]
async fn in_the_middle_of_its_stream() {
    let stage = Stage::with(sse::chat(9).hang_after_token(2), patient).await;
    let exchange = stage.chat().stream().start().await;
    exchange.tokens(2).await;

    let line = expect_left(&stage.gateway, exchange, "stream").await;

    let tokens = [&line["completion_tokens"], &line["usage_source"]];
    assert_eq!(tokens, [&json!(2), &json!("estimated")], "{line}");
    assert!(line["first_token_seconds"].is_number());
    stage
        .upstream
        .wait_closed(0, crate::support::DEADLINE)
        .await;
    stage.end().await;
}
