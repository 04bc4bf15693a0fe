//! `commit: whole`: what is held can be taken back.

use std::time::Duration;

use super::*;
use crate::support::canary;

async fn held(script: impl Into<Script>) -> Stage {
    stage_with(ADDRESSED, script, whole).await
}

fn whole(builder: Builder) -> Builder {
    builder.set("routes.chat.commit", "whole")
}

fn beating(builder: Builder) -> Builder {
    whole(builder).set("routes.chat.keepalive", "100ms")
}

pub fn fitting() -> sse::Stream {
    saying(&[r#"{"to""#, r#":"ann"}"#])
}

pub fn misfit() -> sse::Stream {
    saying(&["{\"misfit", "Word8d21\":", "1}"])
}

#[tokio::test]
async fn a_held_stream_is_tried_again_and_delivered_whole() {
    let script = Script::sequence([misfit().answer(), fitting().answer()]);
    let stage = held(script).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    assert_eq!(
        (reply.status, reply.is_whole(), reply.has_done()),
        (200, true, true),
        "{reply:?}"
    );
    assert_eq!(reply.text(), FITTING);
    assert_eq!(reply.comments().len(), 0, "{reply:?}");
    assert_eq!(
        (told(&line).0, told(&line).1, told(&line).2),
        (2, Some(true), 1)
    );
    stage.end().await;
}

#[tokio::test]
async fn a_held_stream_that_never_fits_is_refused_like_any_other_answer() {
    let stage = held(misfit()).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    // It can be any rule of the two that it breaks.
    expect_failure(&reply, 502, "response_schema_violation");
    assert!(!reply.is_stream(), "nothing has begun: {reply:?}");
    assert_eq!(canary::found(MISFIT_WORD, &reply.body), None);
    assert_eq!(
        (told(&line).0, told(&line).1, told(&line).2),
        (4, Some(false), 4)
    );
    stage.end().await;
}

#[tokio::test]
async fn a_waiting_client_has_comments_and_then_the_answer() {
    let slow = |stream: sse::Stream| stream.wait_before_head(Duration::from_millis(350)).answer();
    let script = Script::sequence([slow(misfit()), slow(fitting())]);
    let stage = stage_with(ADDRESSED, script, beating).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, FITTING),
        "{reply:?}"
    );
    assert!(reply.is_whole() && reply.has_done(), "{reply:?}");
    assert!(reply.comments().len() >= 4, "{reply:?}");
    assert_eq!(canary::found(MISFIT_WORD, &reply.body), None);
    assert_eq!(told(&line).0, 2, "{line}");
    stage.end().await;
}

#[tokio::test]
async fn a_waiting_client_has_comments_and_then_the_failure() {
    let slow = misfit().wait_before_head(Duration::from_millis(150));
    let stage = stage_with(ADDRESSED, slow, beating).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    assert_eq!((reply.status, reply.is_stream()), (200, true), "{reply:?}");
    assert_eq!(reply.code().as_deref(), Some("response_schema_violation"));
    assert!(!reply.has_done() && !reply.is_whole(), "{reply:?}");
    assert_eq!(canary::found(MISFIT_WORD, &reply.body), None);
    assert_eq!(
        (&line["status"], &line["code"]),
        (&json!(200), &json!("response_schema_violation"))
    );
    assert_eq!(told(&line).0, 4, "{line}");
    assert_eq!(ended(&stage.gateway, "misfit").await, 1.0);
    stage.end().await;
}

#[tokio::test]
async fn arguments_that_come_in_pieces_are_put_together() {
    const RULES: &str = "
tools: [send]
response: {tools: {send: {type: object, required: [to]}}}
";
    let call = |name: Value, arguments: &str| {
        let call = json!([{"index": 0, "id": name.as_str().map(|_| "c"), "type": "function",
                           "function": {"name": name, "arguments": arguments}}]);
        format!(
            "data: {}\n\n",
            json!({"choices": [{"index": 0, "delta": {"tool_calls": call}, "finish_reason": null}]})
        )
    };
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
    let calling = |last: &str| {
        let stream = sse::empty()
            .and(call(json!("send"), ""))
            .and(call(Value::Null, "{\"t"));
        stream
            .and(call(Value::Null, last))
            .and(format!("data: {end}\n\ndata: [DONE]\n\n"))
            .answer()
    };
    let stage = stage_with(RULES, Answer::new(), |builder| {
        whole(builder).set("retry.max", 0)
    })
    .await;
    for (last, broken) in [
        ("o\":1}", None),
        ("wo\":1}", Some(("/tool_calls/send/to", "required"))),
        ("o\":1", Some(("/tool_calls/send", "json"))),
    ] {
        stage.upstream.play(calling(last));
        let reply = mail(&stage).stream().send().await;
        match broken {
            None => assert!(reply.status == 200 && reply.has_done(), "{reply:?}"),
            Some((pointer, rule)) => expect_misfit(&reply, pointer, rule),
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn an_answer_too_large_to_hold_fits_no_skill() {
    let large = json!({"to": "x".repeat(200_000)}).to_string();
    let stage = stage_with(ADDRESSED, plain::chat(&large), |builder| {
        whole(builder)
            .set("limits.held_answer", "64KiB")
            .set("retry.max", 1)
    })
    .await;
    for request in [mail(&stage), mail(&stage).stream()] {
        let (reply, line) = stage.tell(&request).await;
        expect_failure(&reply, 502, "response_schema_violation");
        assert_eq!(line["refused_answers"], 2, "{line}");
        stage
            .upstream
            .play(saying(&["{\"to\":\"", &"x".repeat(200_000), "\"}"]));
    }
    stage.end().await;
}
