//! `commit: whole`: the client gets one whole answer, whoever had to give it, or none.

use super::*;

fn long() -> sse::Stream {
    sse::chat_saying("A", 60)
}

#[tokio::test]
async fn nothing_leaves_before_the_answer_is_whole() {
    let (almost, rest) = (Latch::new(), Latch::new());
    let stream = long()
        .tell_before_token(60, &almost)
        .hold_before_token(60, &rest);
    let stage = Stage::start(stream, sse::chat_saying("B", 60)).await;
    let exchange = stage.whole().start().await;
    almost.wait("59 tokens on their way").await;
    // Time enough for what was sent to come through, if anything could.
    stage.gateway.metrics().await;
    assert_eq!(exchange.so_far().first_byte_at, None);
    rest.open();
    let told = stage.told(exchange.finish().await).await;
    told.expect_whole("A", 60).expect_attempts(1);
    stage.end().await;
}

#[tokio::test]
async fn what_breaks_in_the_middle_is_repeated_elsewhere_unseen() {
    let stage = Stage::start(Answer::new(), sse::chat_saying("B", 60)).await;
    for (what, stream) in [
        ("the connection's end", long().cut_after_token(40)),
        ("a reset", long().reset_after_token(40)),
        ("a polite end", long().end_after_token(40)),
        (
            "an end without framing",
            long().close_delimited().cut_after_token(40),
        ),
    ] {
        println!("-- {what}");
        stage.a.play(stream);
        let told = stage.tell(stage.whole()).await;
        told.expect_whole("B", 60).expect_attempts(2);
    }
    assert_eq!(stage.retries("truncated").await, 4.0);
    stage.end().await;
}

#[tokio::test]
async fn an_error_event_in_the_middle_is_tried_there_once_more_and_then_elsewhere() {
    let error = sse::error_event(None, "boom");
    let broken = long().insert_after_token(40, error);
    let stage = Stage::start(broken, sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.whole()).await;
    told.expect_whole("B", 60).expect_attempts(3);
    stage.end().await;
}

#[tokio::test]
async fn what_falls_silent_in_the_middle_is_repeated_elsewhere_unseen() {
    let stage = Stage::start(long().hang_after_token(20), sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.whole()).await;
    told.expect_whole("B", 60).expect_attempts(2);
    told.expect_took_about(Duration::from_millis(700));
    stage.end().await;
}

#[tokio::test]
async fn when_all_break_the_client_gets_a_summary_and_no_piece_of_an_answer() {
    let broken = |name: &str| sse::chat_saying(name, 60).cut_after_token(40);
    let stage = Stage::start(broken("A"), broken("B")).await;
    let told = stage.tell(stage.whole()).await;
    told.expect_failure(502, "upstream_truncated")
        .expect_attempts(2);
    stage.end().await;
}

#[tokio::test]
async fn a_plain_answer_cut_short_is_repeated_elsewhere_unseen() {
    let short = plain::json_cut_short(&plain::chat_body("from a"), 60);
    let stage = Stage::start(short, plain::chat("from b")).await;
    let told = stage.tell(stage.gateway.client().chat("whole")).await;
    assert_eq!(
        (told.reply.text().as_str(), &told.reply.end),
        ("from b", &End::Whole)
    );
    told.expect_attempts(2);
    stage.end().await;
}

#[tokio::test]
async fn a_request_in_the_batch_lane_is_held_by_default() {
    let broken = sse::chat_saying("A", 60).cut_after_token(40);
    let stage = Stage::set_up(broken, sse::chat_saying("B", 60), |gateway| {
        gateway.set("routes.chat.lane", "batch")
    })
    .await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("B", 60)
        .expect_attempts(2);
    stage.end().await;
}
