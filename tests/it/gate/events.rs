//! What may be changed about a stream: a broken event goes, a missing `[DONE]` comes, usage that only we asked for is hidden.

use super::*;

fn asking_for_usage(request: Request) -> Request {
    request.field("stream_options", json!({"include_usage": true}))
}

fn tells_usage(reply: &Reply) -> bool {
    let has_usage = |value: Value| value["usage"].is_object();
    reply
        .events()
        .iter()
        .filter_map(|event| event.json())
        .any(has_usage)
}

#[tokio::test]
async fn a_broken_event_is_dropped_and_the_rest_arrives() {
    let stream = sse::chat_saying("A", 60).broken_json_after_token(30);
    let stage = Stage::start(stream, sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 60).expect_attempts(1);
    assert!(told
        .reply
        .events()
        .iter()
        .all(|event| event.data == "[DONE]" || event.json().is_some()));
    assert_eq!(told.line["dropped_events"], 1, "{}", told.line);
    stage.end().await;
}

#[tokio::test]
async fn a_missing_done_is_added_and_the_stream_ends_promptly() {
    let without_done = || sse::chat_saying("A", 9).without_usage().without_done();
    let stage = Stage::start(Answer::new(), sse::chat_saying("B", 9)).await;
    for (what, stream, limit) in [
        ("a polite end", without_done(), Duration::ZERO),
        (
            "the connection's end",
            without_done().close_delimited(),
            Duration::ZERO,
        ),
        (
            "silence",
            without_done().hang_at_the_end(),
            Duration::from_secs(1),
        ),
    ] {
        println!("-- {what}");
        stage.a.play(stream);
        let told = stage.tell(stage.chat()).await;
        told.expect_whole("A", 9)
            .expect_attempts(1)
            .expect_took_about(limit);
    }
    stage.end().await;
}

#[tokio::test]
async fn usage_behind_the_finish_is_waited_for() {
    let stream = sse::chat_saying("A", 9).without_done().hang_at_the_end();
    let stage = Stage::start(stream, sse::chat_saying("B", 9)).await;
    let told = stage.tell(asking_for_usage(stage.chat())).await;
    told.expect_whole("A", 9).expect_attempts(1);
    assert!(tells_usage(&told.reply));
    assert_eq!(
        (&told.line["prompt_tokens"], &told.line["completion_tokens"]),
        (&json!(7), &json!(9))
    );
    stage.end().await;
}

#[tokio::test]
async fn usage_is_asked_for_and_hidden_from_a_client_that_did_not() {
    let stage = Stage::start(sse::chat_saying("A", 60), sse::chat_saying("B", 60)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 60);
    assert_eq!(
        stage.a.requests()[0].json()["stream_options"]["include_usage"],
        true
    );
    assert!(!tells_usage(&told.reply), "{:?}", told.reply);
    assert_eq!(
        (&told.line["usage_source"], &told.line["completion_tokens"]),
        (&json!("reported"), &json!(60))
    );
    stage.end().await;
}

#[tokio::test]
async fn usage_is_passed_on_to_a_client_that_asked() {
    let stream = sse::chat_saying("A", 60);
    let stage = Stage::start(stream.clone(), sse::chat_saying("B", 60)).await;
    let told = stage.tell(asking_for_usage(stage.chat())).await;
    told.expect_whole("A", 60);
    assert_eq!(told.reply.body, stream.text());
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_might_not_know_the_option_is_not_asked_for_usage() {
    let stream = sse::chat_saying("A", 9).without_usage();
    let stage = Stage::set_up(stream, sse::chat_saying("B", 9), |gateway| {
        gateway.set("upstreams.a.family", "other")
    })
    .await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 9);
    assert_eq!(stage.a.requests()[0].json()["stream_options"], Value::Null);
    assert_eq!(
        (&told.line["usage_source"], &told.line["completion_tokens"]),
        (&json!("estimated"), &json!(9))
    );
    stage.end().await;
}

#[tokio::test]
async fn fifty_events_in_single_bytes_arrive_identical() {
    let stream = sse::chat_saying("A", 46)
        .comment_after_token(20, "a comment is nobody's to drop")
        .crlf();
    let bytes = stream
        .clone()
        .split_head(1, Duration::ZERO)
        .split_events(usize::MAX, Duration::ZERO);
    let stage = Stage::start(bytes, sse::chat_saying("B", 46)).await;
    let told = stage.tell(asking_for_usage(stage.chat())).await;
    told.expect_whole("A", 46).expect_attempts(1);
    assert_eq!(told.reply.body, stream.text());
    assert_eq!(told.reply.all_events().len(), 51);
    stage.end().await;
}
