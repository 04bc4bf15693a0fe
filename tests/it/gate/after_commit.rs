//! After the first token a failure is told inside the stream, and nobody can take the stream for complete.

use super::*;
use crate::support::wire::chunk;

fn long() -> sse::Stream {
    sse::chat_saying("A", 60)
}

fn error() -> String {
    sse::error_event(None, "boom")
}

#[tokio::test]
async fn a_stream_that_ends_early_is_interrupted_however_politely() {
    interrupted(vec![
        ("the connection's end", 40, long().cut_after_token(40)),
        ("a polite last chunk", 40, long().end_after_token(40)),
        (
            "a length that is reached",
            40,
            long().content_length().end_after_token(40),
        ),
        (
            "an end without any framing",
            40,
            long().close_delimited().cut_after_token(40),
        ),
        ("a finish for one of two choices", 60, half_finished()),
    ])
    .await;
}

#[tokio::test]
async fn an_error_event_is_replaced_by_ours_however_it_is_split() {
    let gap = Duration::from_millis(5);
    let with_error = || sse::chat_saying("A", 8).insert_after_token(5, error());
    interrupted(vec![
        ("in one read", 5, with_error()),
        ("in two reads", 5, with_error().split_events(2, gap)),
        ("in nine reads", 5, with_error().split_events(9, gap)),
        (
            "as the last event",
            8,
            sse::chat_saying("A", 8).end_after_token(8).and(error()),
        ),
    ])
    .await;
}

/// Each of the streams in turn breaks after so many tokens; the client has got all but the last of them by then.
async fn interrupted(cases: Vec<(&str, usize, sse::Stream)>) {
    let stage = Stage::start(Answer::new(), sse::chat_saying("B", 60)).await;
    for (what, tokens, stream) in cases {
        println!("-- {what}");
        let read = Latch::new();
        stage.a.play(stream.hold_before_token(tokens, &read));
        let exchange = stage.chat().start().await;
        exchange.tokens(tokens - 1).await;
        read.open();
        let told = stage.told(exchange.finish().await).await;
        told.expect_interrupted(tokens, "stream_interrupted")
            .expect_attempts(1);
    }
    stage.expect_b_unasked();
    stage.end().await;
}

/// Two choices were begun, one was finished.
fn half_finished() -> sse::Stream {
    let second =
        json!({"choices": [{"index": 1, "delta": {"content": ""}, "finish_reason": null}]});
    long()
        .insert_after_token(60, format!("data: {second}\n\n"))
        .without_done()
}

/// As long as nothing of it has left, a broken answer can be had whole elsewhere.
#[tokio::test]
async fn an_error_in_one_read_with_the_first_token_is_repaired_elsewhere() {
    let token = long().end_after_token(1).text();
    let error = error();
    let both = chunk(format!("{token}{error}").as_bytes());
    let head = sse::head(("transfer-encoding", "chunked"));
    let answer = Answer::new().send([head.as_bytes(), &both].concat()).hang();
    let stage = Stage::start(answer, sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 60);
    stage.end().await;
}

#[tokio::test]
async fn the_first_bytes_of_an_error_event_never_leave() {
    let token = long().end_after_token(1).text();
    let error = error();
    let (first, rest) = error.split_at(9);
    let answer = stream_head()
        .send(chunk(format!("{token}{first}").as_bytes()))
        .wait(Duration::from_millis(80))
        .send(chunk(rest.as_bytes()))
        .hang();
    let stage = Stage::start(answer, sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_interrupted(1, "stream_interrupted")
        .expect_attempts(1);
    stage.end().await;
}

#[tokio::test]
async fn a_reset_is_told_like_an_end() {
    let read = Latch::new();
    let answer = then_when(long().hang_after_token(40), &read, Step::CloseReset);
    let stage = Stage::start(answer, sse::chat_saying("B", 60)).await;
    let exchange = stage.chat().start().await;
    exchange.tokens(40).await;
    read.open();
    let told = stage.told(exchange.finish().await).await;
    told.expect_interrupted(40, "stream_interrupted")
        .expect_attempts(1);
    assert_eq!(stage.attempts("truncated").await, 1.0);
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_ended_by_the_idle_limit() {
    let stage = Stage::start(long().hang_after_token(20), sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_interrupted(20, "stream_interrupted")
        .expect_attempts(1);
    told.expect_took_about(Duration::from_millis(700));
    assert_eq!(stage.attempts("timeout").await, 1.0);
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_goes_on_is_ended_when_its_time_is_up() {
    let endless = sse::chat_saying("A", 100).every(Duration::from_millis(50));
    let stage = Stage::set_up(endless, sse::chat_saying("B", 60), |gateway| {
        let clocks =
            json!({"header": "900ms", "first_token": "900ms", "plain": "900ms", "total": "900ms"});
        gateway.set("routes.chat.timeouts", clocks)
    })
    .await;
    let told = stage.tell(stage.chat()).await;
    told.expect_interrupted(told.reply.tokens(), "deadline_exceeded")
        .expect_attempts(1);
    told.expect_took_about(Duration::from_millis(900));
    assert!((2..=18).contains(&told.reply.tokens()), "{:?}", told.reply);
    assert_eq!(stage.attempts("cancelled").await, 1.0);
    stage.end().await;
}

#[tokio::test]
async fn every_event_in_three_reads_arrives_whole() {
    let split = sse::chat_saying("A", 30).split_events(3, Duration::from_millis(2));
    let stage = Stage::start(split, sse::chat_saying("B", 30)).await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 30)
        .expect_attempts(1);
    stage.end().await;
}

/// While the client takes nothing the upstream can't send: it isn't silent, it is held up.
#[tokio::test]
async fn a_client_that_reads_late_gets_everything() {
    let giant = json!({"choices": [{"index": 0, "delta": {"reasoning": "x".repeat(3 << 20)}}]});
    let with_giants =
        |stream: sse::Stream, _| stream.insert_after_token(2, format!("data: {giant}\n\n"));
    let stream = (0..12).fold(sse::chat_saying("A", 4), with_giants);
    let stage = Stage::start(stream, sse::chat_saying("B", 4)).await;
    let read = Latch::new();
    let exchange = stage.chat().reading_after(&read).start().await;
    stage.a.wait_requests(1).await;
    // Longer than the idle limit.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!stage.a.requests()[0].played, "36 MiB fit into the sockets");
    read.open();
    let told = stage.told(exchange.finish().await).await;
    told.expect_whole("A", 4).expect_attempts(1);
    stage.end().await;
}

/// Each API has its own shape for a failure inside a stream, and its own sign of an end.
#[tokio::test]
async fn each_api_is_told_in_its_own_shape() {
    let stage = Stage::start(Answer::new(), Answer::new()).await;
    let client = stage.gateway.client();
    for (request, stream, pointer) in [
        (
            client.completions("alone"),
            sse::completions(9),
            "/error/code",
        ),
        (client.responses("alone"), sse::responses(9), "/code"),
        (client.messages("alone"), sse::messages(9), "/error/code"),
    ] {
        stage.a.play(stream.clone().end_after_token(4));
        let told = stage.tell(request.clone().stream()).await;
        let event = told
            .reply
            .all_events()
            .pop()
            .expect("an event")
            .json()
            .expect("JSON");
        assert_eq!(
            (&told.reply.end, told.reply.tokens()),
            (&End::CutChunked, 4),
            "{:?}",
            told.reply
        );
        assert_eq!(
            event.pointer(pointer),
            Some(&json!("stream_interrupted")),
            "{event}"
        );
        stage.a.play(stream);
        let told = stage.tell(request.stream()).await;
        assert_eq!(
            (&told.reply.end, told.reply.tokens()),
            (&End::Whole, 9),
            "{:?}",
            told.reply
        );
    }
    stage.end().await;
}
