//! Request bodies of every size arrive byte for byte, at each target that is asked.

use super::*;
use crate::support::upstream::SeenRequest;

const MIB: usize = 1024 * 1024;

/// Around the size of every buffer on the way, and far beyond all of them.
const SIZES: [usize; 6] = [1024, 65_535, 65_536, 65_537, MIB, 20 * MIB];

/// Sizes for what takes a while each: below a socket's buffer, and above what all of them hold.
const SMALL_AND_LARGE: [usize; 2] = [65_537, 20 * MIB];

/// A chat of exactly so many bytes for that model, no two places in it alike.
fn chat_body(model: &str, size: usize) -> String {
    let start = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":""#);
    let end = r#""}]}"#;
    let room = size - start.len() - end.len();
    let mut body = String::with_capacity(size);
    body.push_str(&start);
    let mut number = 0u32;
    while body.len() < start.len() + room {
        body.push_str(&format!("{number:x}."));
        number += 1;
    }
    body.truncate(start.len() + room);
    body + end
}

async fn stage_of(a: impl Into<Script>) -> Stage {
    Stage::set_up(a, plain::chat("b"), |gateway| {
        gateway
            .set("routes.chat.max_prompt_bytes", "32MiB")
            // Else a long prompt would be waited for longer.
            .set("routes.chat.timeouts.first_token_max", "1s")
    })
    .await
}

/// The only change is the name of the model.
fn expect_equal(seen: &SeenRequest, model: &str, sent: &str) {
    let expected = sent.replacen("\"chat\"", &format!("\"{model}\""), 1);
    let length = expected.len().to_string();
    assert_eq!(seen.header("content-length"), Some(length.as_str()));
    assert_eq!(seen.header("transfer-encoding"), None);
    assert!(
        seen.body == expected,
        "{} of {length} bytes, or others",
        seen.body.len()
    );
}

/// The answer says `name`, and the body was whole where it was answered.
async fn expect_arrives(stage: &Stage, request: &Request, body: &str, name: &str) -> Told {
    let told = stage.tell(request.clone().body(body.to_string())).await;
    assert_eq!(told.reply.text(), name, "{:?}", told.reply);
    assert_eq!(told.line["bytes_in"], body.len());
    let upstream = if name == "a" { &stage.a } else { &stage.b };
    let seen = upstream.requests().pop().expect("a request");
    expect_equal(&seen, &format!("chat-on-{name}"), body);
    told
}

#[tokio::test]
async fn bodies_of_every_size_arrive_with_a_length_and_in_chunks() {
    let stage = stage_of(plain::chat("a")).await;
    for size in SIZES {
        let body = chat_body("chat", size);
        expect_arrives(&stage, &stage.plain(), &body, "a").await;
        let chunked = stage.plain().chunked(&[1, 4096, 70_000]);
        expect_arrives(&stage, &chunked, &body, "a").await;
    }
    assert!(
        stage.a.connections().len() < 2 * SIZES.len(),
        "none was used again"
    );
    stage.end().await;
}

#[tokio::test]
async fn an_empty_body_names_no_model_and_goes_nowhere() {
    let stage = stage_of(plain::chat("a")).await;
    let told = stage.tell(stage.plain().body("")).await;
    told.expect_failure(400, "invalid_request")
        .expect_attempts(0);
    assert!(stage.a.connections().is_empty());
    stage.end().await;
}

#[tokio::test]
async fn a_body_is_whole_at_the_second_target_when_the_first_refuses_the_connection() {
    let stage = stage_of(plain::chat("a")).await;
    stage.a.go_down().await;
    for size in SIZES {
        let body = chat_body("chat", size);
        expect_arrives(&stage, &stage.plain(), &body, "b")
            .await
            .expect_attempts(2);
    }
    stage.end().await;
}

#[tokio::test]
async fn a_body_is_whole_at_the_second_target_when_the_first_answers_without_reading() {
    let answers = [
        (
            "503, then open",
            plain::overloaded().hang().reading_nothing(),
        ),
        ("503, then closed", plain::overloaded().reading_nothing()),
        ("closed", Answer::close_after_head()),
    ];
    let stage = stage_of(Answer::new()).await;
    for (what, answer) in answers {
        stage.a.play(answer);
        for size in SIZES {
            println!("-- {what}, {size} bytes");
            let body = chat_body("chat", size);
            let told = expect_arrives(&stage, &stage.plain(), &body, "b").await;
            told.expect_attempts(2);
        }
    }
    assert_eq!(stage.retries("status_503").await, 12.0);
    stage.end().await;
}

/// What a server says while we still send counts, a refusal too.
#[tokio::test]
async fn a_refusal_before_the_body_was_read_reaches_the_client() {
    let refused = plain::error(413, "invalid_request_error", "too_large", "too large");
    let stage = stage_of(refused.reading_nothing()).await;
    for size in SMALL_AND_LARGE {
        let body = chat_body("chat", size);
        let told = stage.tell(stage.plain().body(body)).await;
        told.expect_failure(413, "upstream_rejected")
            .expect_attempts(1);
    }
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn a_target_that_never_reads_is_left_at_the_header_limit() {
    let stage = stage_of(Answer::new().hang().reading_nothing()).await;
    stage.b.play(sse::chat_saying("B", 3));
    for size in SMALL_AND_LARGE {
        let body = with_stream(&chat_body("chat", size));
        let told = stage.tell(stage.chat().body(body.clone())).await;
        told.expect_whole("B", 3).expect_attempts(2);
        let waited = told.line["tries"][0]["took_seconds"].as_f64();
        assert!(waited >= Some(1.0) && waited < Some(4.0), "{}", told.line);
        let seen = stage.b.requests().pop().expect("a request");
        expect_equal(&seen, "chat-on-b", &body);
    }
    assert_eq!(stage.retries("header_timeout").await, 2.0);
    stage.end().await;
}

/// The same as a stream whose usage the client asked for, so that nothing else has to be changed.
fn with_stream(body: &str) -> String {
    let options = r#","stream":true,"stream_options":{"include_usage":true}}"#;
    format!("{}{options}", &body[..body.len() - 1])
}
