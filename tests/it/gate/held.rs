//! What is held back has an end: answers are committed as they stand, and of errors only so much is read.

use super::*;

#[tokio::test]
async fn an_answer_that_outgrows_its_limit_is_committed_as_it_stands() {
    let (most, rest) = (Latch::new(), Latch::new());
    let stream = sse::chat_saying("A", 200)
        .tell_before_token(150, &most)
        .hold_before_token(150, &rest);
    let stage = Stage::set_up(stream, sse::chat_saying("B", 200), |gateway| {
        gateway.set("limits.held_answer", "16KiB")
    })
    .await;
    let exchange = stage.whole().start().await;
    most.wait("149 tokens, more than may be held").await;
    exchange.tokens(149).await;
    rest.open();
    let told = stage.told(exchange.finish().await).await;
    told.expect_whole("A", 200).expect_attempts(1);
    stage.end().await;
}

#[tokio::test]
async fn what_breaks_beyond_the_limit_is_interrupted_like_any_stream() {
    let stream = sse::chat_saying("A", 200).cut_after_token(150);
    let stage = Stage::set_up(stream, sse::chat_saying("B", 200), |gateway| {
        gateway.set("limits.held_answer", "16KiB")
    })
    .await;
    let told = stage.tell(stage.whole()).await;
    told.expect_interrupted(150, "stream_interrupted")
        .expect_attempts(1);
    stage.expect_b_unasked();
    stage.end().await;
}

/// Roles are no token, but they are held like one.
#[tokio::test]
async fn roles_beyond_the_limit_are_committed_as_they_stand() {
    let stream = sse::chat_saying("A", 3).openings(100).hang_after_token(0);
    let stage = Stage::set_up(stream, sse::chat_saying("B", 3), |gateway| {
        gateway.set("limits.held_answer", "16KiB")
    })
    .await;
    let told = stage.tell(stage.chat()).await;
    told.expect_interrupted(0, "stream_interrupted")
        .expect_attempts(1);
    assert_eq!(told.reply.events().len(), 100 + 1);
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn of_an_endless_error_only_so_much_is_read() {
    let echo = vec![b'x'; 64 * 1024 * 1024];
    let head = plain::head(400, &[("transfer-encoding", "chunked")]);
    let endless = Answer::new()
        .send(head)
        .send(format!("{:x}\r\n", 1u64 << 40))
        .send_split(echo, 64 * 1024, Duration::ZERO)
        .hang();
    let stage = Stage::start(endless, sse::chat_saying("B", 3)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_failure(400, "upstream_rejected")
        .expect_attempts(1);
    stage.a.wait_closed(0, DEADLINE).await;
    let seen = &stage.a.requests()[0];
    let written: usize = seen.sent.iter().map(|(_, piece)| piece.len()).sum();
    // The rest is what two kernels keep for a connection.
    assert!(
        !seen.played && written < 32 * 1024 * 1024,
        "{written} bytes were taken"
    );
    stage.end().await;
}

/// An event that never ends is no event stream.
#[tokio::test]
async fn an_endless_event_is_given_up() {
    let event = vec![b'x'; 8 * 1024 * 1024];
    let endless = stream_head()
        .send(format!("{:x}\r\ndata: ", 1u64 << 40))
        .send_split(event, 256 * 1024, Duration::ZERO)
        .hang();
    let stage = Stage::start(endless, sse::chat_saying("B", 3)).await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("B", 3)
        .expect_attempts(2);
    assert_eq!(stage.attempts("protocol_error").await, 1.0);
    stage.end().await;
}
