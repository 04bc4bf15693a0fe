//! What an upstream says when it fails is for the operator: no byte of it reaches the client.

use std::time::Duration;

use serde_json::json;

use crate::stage::{expect_failure, Stage};
use crate::support::canary::{UPSTREAM_BODY, UPSTREAM_HEADER};
use crate::support::{plain, sse, Answer, Latch, Upstream};

/// The canary in every place of an error that a client might be shown.
fn telling() -> Vec<Answer> {
    let c = UPSTREAM_BODY;
    let bodies = [
        json!({"error": {"message": c, "type": c, "code": c, "param": c, c: c}}),
        json!({"error": c}),
        json!({"detail": [{"loc": ["body", c], "msg": c, "type": c}]}),
        json!({"message": c, "code": c}),
        json!({"type": "error", "error": {"type": "invalid_request_error", "message": format!("maximum context length {c}")}}),
        json!([c]),
        json!(c),
    ];
    let statuses = [
        400, 401, 403, 404, 413, 418, 422, 429, 500, 501, 502, 503, 529,
    ];
    let mut answers = Vec::new();
    for (place, status) in statuses.into_iter().enumerate() {
        let body = &bodies[place % bodies.len()];
        let headers = [
            ("retry-after", c),
            ("www-authenticate", c),
            ("x-ratelimit-reset", c),
            ("openai-organization", c),
        ];
        answers.push(plain::status(status, &headers, body.to_string()));
    }
    for body in &bodies {
        answers.push(plain::status(400, &[], body.to_string()));
    }
    answers.push(plain::html(404));
    answers.push(plain::status(500, &[("content-type", "text/plain")], c));
    answers.push(plain::status(
        302,
        &[("location", &format!("http://{c}.example/"))],
        c,
    ));
    answers.push(Answer::new().send(format!("HTTP/1.1 500 {c}\r\ncontent-length: 0\r\n\r\n")));
    answers.push(Answer::new().send(format!("{c}\r\n\r\n")).close_fin());
    answers
}

#[tokio::test]
async fn nothing_of_an_upstreams_error_is_in_the_answer() {
    let stage = Stage::start(Answer::new()).await;
    for answer in telling() {
        let what = format!("{answer:?}");
        stage.upstream.play(answer);
        for request in [stage.chat(), stage.client().messages("m").stream()] {
            let reply = request.send().await;
            let shown =
                String::from_utf8_lossy(&[&reply.head.raw[..], &reply.body].concat()).into_owned();
            assert!(
                reply.status >= 400 && reply.failure().is_some(),
                "{what}: {reply:?}"
            );
            assert!(
                !shown.contains(UPSTREAM_BODY) && !shown.contains(UPSTREAM_HEADER),
                "{what}: {shown}"
            );
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn an_error_event_in_the_middle_of_a_stream_is_replaced_by_ours() {
    let chat = sse::chat(5).insert_after_token(2, sse::error_event(None, UPSTREAM_BODY));
    let named = sse::error_event(Some("error"), UPSTREAM_BODY);
    let messages = sse::messages(5).insert_after_token(2, named);
    for (stream, of_messages) in [(chat, false), (messages, true)] {
        let committed = Latch::new();
        let stage = Stage::start(stream.hold_before_token(2, &committed)).await;
        let request = match of_messages {
            true => stage.client().messages("m"),
            false => stage.chat(),
        };
        let running = request.stream().start().await;
        running.tokens(1).await;
        committed.open();
        let reply = running.finish().await;
        let last = reply.events().pop().expect("an event");
        assert!(
            last.is_error() && !last.data.contains(UPSTREAM_BODY),
            "{last:?}"
        );
        assert_eq!(
            last.json().expect("JSON")["error"]["code"],
            "stream_interrupted"
        );
        assert_eq!(reply.text(), "t1 t2 ", "{reply:?}");
        assert!(!reply.has_done() && !reply.is_whole(), "{reply:?}");
        stage.end().await;
    }
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Upstream::start(plain::chat("never")).await;
    let location = format!("{}/chat/completions", elsewhere.url());
    for status in [301, 302, 303, 307, 308] {
        let stage = Stage::start(plain::status(status, &[("location", &location)], "")).await;
        let (reply, line) = stage.tell(&stage.chat()).await;
        expect_failure(&reply, 502, "upstream_redirect");
        assert_eq!(reply.header("location"), None);
        assert_eq!(
            (&line["upstream_status"], &line["attempts"]),
            (&status.into(), &1.into())
        );
        stage.end().await;
    }
    assert!(elsewhere.connections().is_empty());
}

#[tokio::test]
async fn an_error_without_end_is_left_after_a_while() {
    let endless = plain::head(400, &[("transfer-encoding", "chunked")]);
    let piece = crate::support::wire::chunk(&vec![b'x'; 32 << 10]);
    let mut answer = Answer::new().send(endless);
    for _ in 0..64 {
        answer = answer.send(piece.clone());
    }
    let stage = Stage::start(answer.hang()).await;

    let reply = stage.chat().send().await;

    expect_failure(&reply, 400, "upstream_rejected");
    assert!(reply.took() < Duration::from_secs(2), "{:?}", reply.took());
    stage.upstream.wait_closed(0, Duration::from_secs(2)).await;
    stage.end().await;
}

#[tokio::test]
async fn a_page_is_told_apart_from_a_model_servers_own_error() {
    let stage = Stage::start(plain::html(403)).await;
    // A login page in front of the server refuses as the server would.
    expect_failure(&stage.chat().send().await, 502, "upstream_auth_failed");
    stage.upstream.play(plain::html(404));
    let reply = stage.chat().send().await;
    expect_failure(&reply, 502, "upstream_error");
    assert!(
        reply.json()["remediation_hint"]
            .to_string()
            .contains("a web page answered"),
        "{reply:?}"
    );
    stage.end().await;
}
