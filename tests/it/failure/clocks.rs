//! What takes too long, each by the clock that says so.

use super::golden::expect_answer;
use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{blackhole, plain, sse, Answer, Gateway, Request};

fn quick(builder: Builder) -> Builder {
    builder
        .set("routes.chat.timeouts.header", "200ms")
        .set("routes.chat.timeouts.first_token", "400ms")
        .set("routes.chat.timeouts.idle", "200ms")
        .set("routes.chat.timeouts.plain", "300ms")
}

async fn expect(
    name: &str,
    answer: Answer,
    more: impl FnOnce(Builder) -> Builder,
    request: impl FnOnce(Request) -> Request,
) {
    let stage = Stage::with(answer, |builder| more(quick(builder))).await;
    expect_answer(name, &request(stage.chat()).send().await);
    assert_eq!(
        stage.upstream.requests().len(),
        1,
        "who is silent is not asked again"
    );
    stage.end().await;
}

#[tokio::test]
async fn no_head_in_time() {
    expect(
        "upstream_header_timeout",
        Answer::new().hang(),
        |it| it,
        Request::stream,
    )
    .await;
}

#[tokio::test]
async fn no_token_in_time() {
    let silent = sse::chat(3).hang_after_token(0).answer();
    expect(
        "upstream_first_token_timeout",
        silent,
        |it| it,
        Request::stream,
    )
    .await;
}

#[tokio::test]
async fn silence_in_the_middle_of_an_answer_that_is_held_until_it_is_whole() {
    let stalled = sse::chat(5).hang_after_token(2).answer();
    let whole = |builder: Builder| builder.set("routes.chat.commit", "whole");
    expect("upstream_idle_timeout", stalled, whole, Request::stream).await;
}

#[tokio::test]
async fn no_plain_answer_in_time() {
    expect(
        "upstream_plain_timeout",
        Answer::new().hang(),
        |it| it,
        |request| request,
    )
    .await;
}

#[tokio::test]
async fn the_requests_own_time_is_up() {
    let slow = |builder: Builder| {
        builder
            .set("routes.chat.timeouts.plain", "10s")
            .set("routes.chat.timeouts.total", "10s")
    };
    // The client's own 1.3 s less the second that an answer needs.
    let impatient = |request: Request| request.header("x-stainless-read-timeout", "1.3");
    expect("deadline_exceeded", Answer::new().hang(), slow, impatient).await;
}

#[tokio::test]
async fn nobody_takes_the_connection() {
    let hole = blackhole().await;
    let gateway = Gateway::builder()
        .upstream("a", &hole)
        .route("chat", "m", &["a"])
        .set("routes.chat.timeouts.connect", "100ms")
        .start()
        .await;

    let reply = gateway.client().chat("m").send().await;

    expect_answer("upstream_connect_timeout", &reply);
    crate::support::laws::check(&gateway, &[]).await;
}

#[tokio::test]
async fn a_plain_answer_is_as_slow_as_its_own_clock_allows() {
    let stage = Stage::with(
        plain::chat("yes").after(std::time::Duration::from_millis(250)),
        |builder| quick(builder).set("routes.chat.timeouts.plain", "2s"),
    )
    .await;

    // Longer than header and idle would be for a stream.
    assert_eq!(stage.chat().send().await.text(), "yes");

    stage.end().await;
}
