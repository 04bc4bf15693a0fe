//! Tokens: reported where the upstream says them, estimated and marked so where a stream doesn't, none where nothing came.

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::{plain, sse, Answer, Client, Request};

struct Case {
    name: &'static str,
    request: fn(&Client) -> Request,
    answer: Answer,
    /// Prompt, completion, source.
    told: [Value; 3],
}

fn case(
    name: &'static str,
    request: fn(&Client) -> Request,
    answer: impl Into<Answer>,
    told: [Value; 3],
) -> Case {
    let answer = answer.into();
    Case {
        name,
        request,
        answer,
        told,
    }
}

fn without_usage(mut body: Value) -> Answer {
    body.as_object_mut().expect("an object").remove("usage");
    plain::json(&body)
}

fn cases() -> Vec<Case> {
    let chat: fn(&Client) -> Request = |client| client.chat("m");
    let stream: fn(&Client) -> Request = |client| client.chat("m").stream();
    let completions: fn(&Client) -> Request = |client| client.completions("m");
    let responses: fn(&Client) -> Request = |client| client.responses("m");
    let responses_stream: fn(&Client) -> Request = |client| client.responses("m").stream();
    let messages: fn(&Client) -> Request = |client| client.messages("m");
    let messages_stream: fn(&Client) -> Request = |client| client.messages("m").stream();
    let embeddings: fn(&Client) -> Request = |client| client.embeddings("m");
    let reported =
        |prompt: u64, completion: u64| [json!(prompt), json!(completion), json!("reported")];
    let none = || [Value::Null, Value::Null, json!("none")];
    vec![
        case("chat", chat, plain::chat("yes"), reported(7, 5)),
        case("a chat stream", stream, sse::chat(4), reported(7, 4)),
        case(
            "a chat stream without [DONE]",
            stream,
            sse::chat(4).without_done(),
            reported(7, 4),
        ),
        case(
            "completions",
            completions,
            plain::json(&plain::completion_body("yes")),
            reported(7, 5),
        ),
        case(
            "responses",
            responses,
            plain::json(&plain::response_body("yes")),
            reported(7, 5),
        ),
        case(
            "a responses stream",
            responses_stream,
            sse::responses(4),
            reported(7, 4),
        ),
        case(
            "messages",
            messages,
            plain::json(&plain::message_body("yes")),
            reported(7, 5),
        ),
        case(
            "a messages stream",
            messages_stream,
            sse::messages(4),
            reported(7, 4),
        ),
        case(
            "embeddings",
            embeddings,
            plain::json(&plain::embeddings_body(2)),
            [json!(7), Value::Null, json!("reported")],
        ),
        case(
            "a plain answer in chunks",
            chat,
            plain::json_chunked(&plain::chat_body("yes")),
            reported(7, 5),
        ),
        case(
            "a plain answer that doesn't say",
            chat,
            without_usage(plain::chat_body("yes")),
            none(),
        ),
        case(
            "a plain answer that says nonsense",
            chat,
            plain::json(&json!({"usage": "much", "choices": []})),
            none(),
        ),
        case(
            "an answer of nothing",
            chat,
            plain::status(200, &[], ""),
            none(),
        ),
        case(
            "a rejected request",
            chat,
            plain::error(400, "x", "x", "x"),
            none(),
        ),
        case(
            "a stream that ends before its first token",
            stream,
            sse::chat(4).cut_after_token(0),
            none(),
        ),
    ]
}

#[tokio::test]
async fn what_an_upstream_reports_is_what_is_logged_and_counted() {
    for case in cases() {
        let stage = Stage::start(case.answer).await;
        let (_, line) = stage.tell(&(case.request)(&stage.client())).await;
        let told =
            ["prompt_tokens", "completion_tokens", "usage_source"].map(|key| line[key].clone());
        assert_eq!(told, case.told, "{}: {line}", case.name);
        stage
            .gateway
            .wait_metrics("the tokens of the line", |metrics| {
                let counted = |kind| {
                    metrics.sum(
                        "sidegate_tokens_total",
                        &[("kind", kind), ("caller", "agent"), ("route", "chat")],
                    )
                };
                let logged = |key: &str| line[key].as_f64().unwrap_or(0.0);
                counted("prompt") == logged("prompt_tokens")
                    && counted("completion") == logged("completion_tokens")
            })
            .await;
        stage.end().await;
    }
}

#[tokio::test]
async fn a_stream_that_reports_nothing_is_estimated_and_marked_so() {
    for stream in [
        sse::chat(40).without_usage(),
        sse::chat(40).without_usage().without_done(),
        sse::chat(50).cut_after_token(40),
    ] {
        let stage = Stage::start(stream).await;
        let (_, line) = stage.tell(&stage.chat().stream().body_bytes(4000)).await;
        assert_eq!(line["usage_source"], "estimated", "{line}");
        // A token an event; about four bytes a token of the prompt.
        assert_eq!(line["completion_tokens"], 40, "{line}");
        let prompt = line["prompt_tokens"].as_u64().expect("a number");
        assert!((800..=1200).contains(&prompt), "{prompt} for 4000 bytes");
        stage.end().await;
    }
}

#[tokio::test]
async fn cached_tokens_are_counted_apart() {
    let mut body = plain::chat_body("yes");
    body["usage"]["prompt_tokens_details"] = json!({"cached_tokens": 6});
    let stage = Stage::start(plain::json(&body)).await;

    assert_eq!(stage.chat().send().await.status, 200);

    stage
        .gateway
        .wait_metrics("six cached tokens", |metrics| {
            metrics.sum("sidegate_tokens_total", &[("kind", "cached")]) == 6.0
        })
        .await;
    stage.end().await;
}
