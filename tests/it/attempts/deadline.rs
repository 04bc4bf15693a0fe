//! The request's own end, the client's included: nothing is begun that can't be of use before it.

use super::*;
use crate::breaker::look;

#[tokio::test]
async fn the_clients_own_timeout_less_a_second_ends_the_request() {
    for header in ["x-stainless-read-timeout", "x-stainless-timeout"] {
        let stage = Stage::start(Answer::new().hang(), sse::chat_saying("B", 3)).await;
        let told = stage.tell(stage.chat().header(header, "1.5")).await;
        told.expect_failure(504, "deadline_exceeded")
            .expect_attempts(1);
        let took = told.reply.took();
        let wanted = Duration::from_millis(500)..Duration::from_millis(1400);
        assert!(wanted.contains(&took), "{header}: {took:?}");
        // It says nothing about the server.
        let breaker = look(&stage.gateway, "a", "chat-on-a").await;
        assert_eq!(breaker.failures, 0);
        assert_eq!(stage.attempts("cancelled").await, 1.0);
        stage.expect_b_unasked();
        stage.end().await;
    }
}

#[tokio::test]
async fn a_timeout_that_is_no_number_is_none() {
    let stage = Stage::start(sse::chat_saying("A", 3), Answer::new()).await;
    for value in ["soon", "-1", "0", "NaN", "inf", "1e300", ""] {
        let told = stage
            .tell(stage.alone().header("x-stainless-read-timeout", value))
            .await;
        told.expect_whole("A", 3).expect_attempts(1);
    }
    stage.end().await;
}

/// Two seconds are left, and an answer needs one of them.
#[tokio::test]
async fn a_wait_that_leaves_no_time_for_an_answer_is_not_begun() {
    let stage = Stage::start(overloaded(&[("retry-after", "2")]), Answer::new()).await;
    let told = stage
        .tell(stage.alone().header("x-stainless-read-timeout", "3"))
        .await;
    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(1);
    assert_eq!(told.reply.header("retry-after"), Some("2"));
    assert!(
        told.reply.took() < Duration::from_millis(1500),
        "{:?}",
        told.reply.took()
    );
    stage.end().await;
}

#[tokio::test]
async fn with_less_than_an_answers_time_left_the_same_target_is_not_asked_again() {
    let stage = Stage::start(overloaded(&[]), sse::chat_saying("B", 3)).await;
    let short = |request: Request| request.header("x-stainless-read-timeout", "1.9");
    let told = stage.tell(short(stage.alone())).await;
    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(1);
    // Another one may still be in time.
    let told = stage.tell(short(stage.chat())).await;
    told.expect_whole("B", 3).expect_attempts(2);
    stage.end().await;
}

/// Three silent targets of a second each do not fit into two.
#[tokio::test]
async fn the_total_bounds_all_attempts_together() {
    let (a, b) = (
        Upstream::start(Answer::new().hang()).await,
        Upstream::start(Answer::new().hang()).await,
    );
    let c = Upstream::start(Answer::new().hang()).await;
    let gateway = Gateway::builder()
        .upstream("a", &a)
        .upstream("b", &b)
        .upstream("c", &c)
        .route("chat", "chat", &["a", "b", "c"])
        .set(
            "routes.chat.timeouts",
            json!({"header": "800ms", "plain": "2s", "total": "2s"}),
        )
        .start()
        .await;
    let reply = gateway.client().chat("chat").stream().send().await;
    assert_eq!(
        (reply.status, reply.code().as_deref()),
        (504, Some("deadline_exceeded")),
        "{reply:?}"
    );
    let took = reply.took();
    assert!(
        (Duration::from_secs(2)..Duration::from_millis(3200)).contains(&took),
        "{took:?}"
    );
    let asked = [&a, &b, &c].map(|upstream| upstream.requests().len());
    assert_eq!(asked, [1, 1, 1]);
    laws::check(&gateway, &[&a, &b, &c]).await;
}
