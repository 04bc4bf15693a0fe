//! Answers in one piece: framing, interim heads, the connection afterwards, one clock.

use super::*;

fn expect_says(told: &Told, text: &str) {
    let reply = &told.reply;
    assert_eq!((reply.status, &reply.end), (200, &End::Whole), "{reply:?}");
    assert_eq!(reply.text(), text, "{reply:?}");
    assert!(reply.interim.is_empty(), "{:?}", reply.interim);
    assert_eq!(told.line["completion_tokens"], 5, "{}", told.line);
}

#[tokio::test]
async fn every_framing_of_a_plain_answer_arrives() {
    let stage = Stage::start(Answer::new(), plain::chat("b")).await;
    let text = plain::chat_body("a").to_string();
    let until_close = format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{text}");
    for (what, answer) in [
        ("a length", plain::json(&plain::chat_body("a"))),
        ("chunks", plain::json_chunked(&plain::chat_body("a"))),
        (
            "the connection's end",
            Answer::new().send(until_close).close_fin(),
        ),
        (
            "a length, in single bytes",
            split(plain::json(&plain::chat_body("a"))),
        ),
    ] {
        println!("-- {what}");
        stage.a.play(answer);
        expect_says(stage.tell(stage.plain()).await.expect_attempts(1), "a");
    }
    stage.expect_b_unasked();
    stage.end().await;
}

fn split(answer: Answer) -> Answer {
    let bytes = answer.steps.into_iter().map(|step| match step {
        Step::Send(bytes) => bytes,
        other => panic!("a plain answer sends only: {other:?}"),
    });
    Answer::new().send_split(bytes.collect::<Vec<_>>().concat(), 1, Duration::ZERO)
}

#[tokio::test]
async fn interim_heads_are_dropped() {
    let interim = || {
        Answer::new()
            .send("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
            .send("HTTP/1.1 100 Continue\r\n\r\n")
    };
    let script = Script::sequence([
        interim().then(plain::chat("a")),
        interim().then(sse::chat_saying("A", 9).answer()),
    ]);
    let stage = Stage::start(script, plain::chat("b")).await;
    expect_says(&stage.tell(stage.plain()).await, "a");
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 9)
        .expect_attempts(1);
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_closes_behind_its_answer_costs_the_next_request_nothing() {
    let stage = Stage::start(plain::chat("a").close_fin(), plain::chat("b")).await;
    for _ in 0..5 {
        expect_says(&stage.tell(stage.plain()).await, "a");
    }
    assert_eq!(stage.a.connections().len(), 5);
    stage.expect_b_unasked();
    stage.end().await;
}

/// Bytes behind an answer may be the beginning of somebody else's.
#[tokio::test]
async fn a_connection_with_surplus_bytes_is_not_used_again() {
    let mut bytes = Vec::new();
    for step in plain::chat("a").steps {
        let Step::Send(piece) = step else { continue };
        bytes.extend_from_slice(&piece);
    }
    bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    let stage = Stage::start(Answer::new().send(bytes), plain::chat("b")).await;
    for _ in 0..2 {
        expect_says(stage.tell(stage.plain()).await.expect_attempts(1), "a");
    }
    assert_eq!(stage.a.connections().len(), 2);
    stage.end().await;
}

/// Its first byte is out: nothing can be repaired any more, but nothing is made up either.
#[tokio::test]
async fn a_plain_answer_that_falls_short_is_cut_for_the_client_too() {
    let short = plain::json_cut_short(&plain::chat_body("from a"), 60);
    let stage = Stage::start(short, plain::chat("from b")).await;
    let told = stage.tell(stage.plain()).await;
    assert_eq!(
        (&told.reply.end, told.reply.body.len()),
        (&End::ShortLength, 60)
    );
    told.expect_attempts(1);
    assert_eq!(told.line["code"], "upstream_truncated", "{}", told.line);
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn a_plain_answer_has_one_clock_and_is_not_asked_for_twice() {
    let stage = Stage::set_up(Answer::new().hang(), plain::chat("b"), |gateway| {
        let clocks =
            json!({"header": "100ms", "first_token": "100ms", "idle": "100ms", "plain": "600ms"});
        gateway.set("routes.chat.timeouts", clocks)
    })
    .await;
    let told = stage.tell(stage.plain()).await;
    told.expect_failure(504, "upstream_plain_timeout")
        .expect_attempts(1);
    told.expect_took_about(Duration::from_millis(600));
    stage.expect_b_unasked();
    stage.end().await;
}

/// Its framing ends well, but there is no answer in it.
#[tokio::test]
async fn an_answer_that_is_empty_or_half_is_none() {
    let stage = Stage::start(Answer::new(), sse::chat_saying("B", 9)).await;
    for (what, answer, request) in [
        ("nothing", plain::status(200, &[], ""), stage.chat()),
        ("no content", plain::status(204, &[], ""), stage.chat()),
        (
            "half",
            plain::status(200, &[], "{\"choices\":["),
            stage.whole(),
        ),
    ] {
        println!("-- {what}");
        stage.a.play(answer);
        let told = stage.tell(request).await;
        told.expect_whole("B", 9).expect_attempts(2);
    }
    assert_eq!(stage.attempts("truncated").await, 3.0);
    stage.end().await;
}
