//! Until the first token is here nothing has happened yet, as far as the client knows.

use super::*;

const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_good_stream_is_passed_on_and_its_connection_serves_the_next() {
    let stage = Stage::start(sse::chat_saying("A", 60), sse::chat_saying("B", 60)).await;
    for _ in 0..2 {
        let told = stage.tell(stage.chat()).await;
        told.expect_whole("A", 60).expect_attempts(1);
    }
    assert_eq!(stage.a.connections().len(), 1);
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn a_slow_stream_outlives_the_limits_of_its_beginning() {
    let slow = sse::chat_saying("A", 12).every(Duration::from_millis(100));
    let stage = Stage::start(slow, sse::chat_saying("B", 12)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 12).expect_attempts(1);
    assert!(told.reply.took() > LIMIT);
    assert!(told.reply.first_token_after() < Some(LIMIT));
    stage.end().await;
}

/// Pingora's channel between its two halves holds four pieces: a gate that waited behind it would block itself.
#[tokio::test]
async fn many_roles_before_the_first_token_block_nothing() {
    let roles = sse::chat_saying("A", 9)
        .openings(12)
        .every(Duration::from_millis(20))
        .wait_before_token(1, Duration::from_millis(300));
    let stage = Stage::start(roles, sse::chat_saying("B", 9)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 9).expect_attempts(1);
    assert_eq!(told.reply.events().len(), 12 + 9 + 2);
    stage.end().await;
}

#[tokio::test]
async fn silence_before_the_first_token_ends_at_the_limit_of_its_phase() {
    let silent = Script::sequence([
        Answer::new().hang(),
        stream_head().hang(),
        sse::chat_saying("A", 60).hang_after_token(0).answer(),
        sse::chat_saying("A", 60)
            .openings(6)
            .hang_after_token(0)
            .answer(),
    ]);
    let stage = Stage::set_up(silent, sse::chat_saying("B", 60), |gateway| {
        gateway.needs_places(4)
    })
    .await;
    for told in stage.tell_many(4, || stage.chat()).await {
        told.expect_whole("B", 60).expect_attempts(2);
        told.expect_took_about(LIMIT);
        let silence = told.line["tries"][0]["took_seconds"].as_f64();
        assert!(silence >= Some(LIMIT.as_secs_f64()), "{}", told.line);
    }
    assert_eq!(stage.retries("header_timeout").await, 1.0);
    assert_eq!(stage.retries("first_token_timeout").await, 3.0);
    assert_eq!(stage.attempts("timeout").await, 4.0);
    // All of that time was the upstream's.
    let metrics = stage.gateway.metrics().await;
    assert!(metrics.sum("sidegate_overhead_seconds_sum", &[]) < LIMIT.as_secs_f64());
    stage.end().await;
}

/// Comments say that somebody is there, not that anything is coming.
#[tokio::test]
async fn comments_do_not_put_off_the_first_token_limit() {
    let comment = |stream: sse::Stream, _| stream.insert_after_token(0, ": still here\n\n");
    let comments = (0..60)
        .fold(sse::chat_saying("A", 1), comment)
        .every(Duration::from_millis(50));
    let stage = Stage::start(comments, sse::chat_saying("B", 5)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 5).expect_took_about(LIMIT);
    stage.end().await;
}

#[tokio::test]
async fn a_head_and_tokens_in_single_bytes_are_put_together() {
    let bytes = sse::chat_saying("A", 3)
        .split_head(1, Duration::ZERO)
        .split_events(usize::MAX, Duration::ZERO);
    let stage = Stage::start(bytes, sse::chat_saying("B", 3)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 3).expect_attempts(1);
    stage.end().await;
}

#[tokio::test]
async fn a_connection_that_ends_before_the_first_token_is_repaired_elsewhere() {
    let role_only = || sse::chat_saying("A", 9);
    let half_a_token = stream_head().send("30\r\ndata: {\"choi");
    let cases = vec![
        ("reset before the head", Answer::new().close_reset()),
        ("end before the head", Answer::new().close_fin()),
        ("half a head", Answer::new().send("HTTP/1.1 20").close_fin()),
        ("reset after the head", stream_head().close_reset()),
        ("end after the head", stream_head().close_fin()),
        ("end after a role", role_only().cut_after_token(0).answer()),
        (
            "reset after a role",
            role_only().reset_after_token(0).answer(),
        ),
        (
            "a polite end after a role",
            role_only().end_after_token(0).answer(),
        ),
        ("end in a token", half_a_token.close_fin()),
    ];
    repaired_by_b(cases, 2).await;
}

/// The server lives and failed once: it may be this request's bad luck.
#[tokio::test]
async fn an_error_of_the_servers_own_is_tried_there_once_more() {
    let error = || sse::error_event(None, "boom");
    let named = sse::error_event(Some("error"), "boom");
    let after_a_role = sse::chat(9).insert_after_token(0, error());
    let cases = vec![
        ("an error event", sse::empty().and(error()).answer()),
        ("a named error event", sse::empty().and(named).answer()),
        ("a role, then an error event", after_a_role.answer()),
        ("500", plain::error(500, "server_error", "boom", "it broke")),
    ];
    repaired_by_b(cases, 3).await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_repaired_elsewhere() {
    let head = |lines: &str| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        Answer::new().send(format!("{head}{lines}\r\n\r\n")).hang()
    };
    let hello = "SSH-2.0-OpenSSH_9.6\r\n";
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(70_000));
    let cases = vec![
        ("503", plain::overloaded()),
        ("502, a page", plain::html(502)),
        ("200, a page", plain::html(200)),
        ("401", plain::unauthorized()),
        ("no such model", plain::model_missing("chat-on-a")),
        ("no HTTP", Answer::new().send(hello).close_fin()),
        (
            "two lengths",
            head("content-length: 5\r\ncontent-length: 6"),
        ),
        (
            "compressed",
            head("content-encoding: gzip\r\ncontent-length: 5"),
        ),
        ("a head without end", Answer::new().send(endless).hang()),
        ("a broken chunk", stream_head().send("zz\r\n").hang()),
        // The last one: it paces the upstream for a while.
        ("429", plain::rate_limited(None)),
    ];
    repaired_by_b(cases, 2).await;
}

/// Each of the answers in turn; `b` answers instead, and the client sees nothing of the attempts before.
async fn repaired_by_b(cases: Vec<(&str, Answer)>, attempts: u64) {
    let stage = Stage::start(Answer::new(), sse::chat_saying("B", 5)).await;
    for (what, answer) in cases {
        println!("-- {what}");
        stage.a.play(answer);
        let told = stage.tell(stage.chat()).await;
        told.expect_whole("B", 5).expect_attempts(attempts);
    }
    stage.end().await;
}

#[tokio::test]
async fn when_all_fail_the_client_gets_one_summary() {
    let stage = Stage::start(Answer::new().close_reset(), Answer::new().close_fin()).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_failure(502, "upstream_protocol_error")
        .expect_attempts(4);
    assert_eq!(told.reply.header("x-should-retry"), Some("false"));
    assert_eq!(told.reply.header("x-sidegate-attempts"), Some("4"));
    assert_eq!(told.reply.json()["error"]["attempts"], 4);
    assert_eq!((stage.a.requests().len(), stage.b.requests().len()), (2, 2));
    stage.end().await;
}

#[tokio::test]
async fn a_silent_target_is_never_asked_twice() {
    let stage = Stage::start(stream_head().hang(), Answer::new().hang()).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_failure(504, "upstream_header_timeout")
        .expect_attempts(2);
    told.expect_took_about(2 * LIMIT);
    stage.end().await;
}
