//! The outer shape that the clients of each path know, as an answer and inside a stream.

use super::golden::{expect_answer, expect_event};
use crate::stage::Stage;
use crate::support::{plain, sse, Client, Request};

/// A path's name, a request for it, and a good stream of it.
type Path = (&'static str, fn(&Client) -> Request, sse::Stream);

fn paths() -> Vec<Path> {
    vec![
        ("chat", |client| client.chat("m"), sse::chat(5)),
        (
            "completions",
            |client| client.completions("m"),
            sse::completions(5),
        ),
        (
            "responses",
            |client| client.responses("m"),
            sse::responses(5),
        ),
        ("messages", |client| client.messages("m"), sse::messages(5)),
    ]
}

#[tokio::test]
async fn a_stream_that_is_cut_after_its_first_tokens_says_so_in_the_shape_of_its_path() {
    for (path, request, stream) in paths() {
        let stage = Stage::start(stream.cut_after_token(2)).await;
        let (reply, line) = stage.tell(&request(&stage.client()).stream()).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "t1 t2 "),
            "{path}: {reply:?}"
        );
        expect_event(&format!("stream_interrupted-{path}"), &reply);
        assert_eq!(
            (&line["code"], &line["status"]),
            (&"stream_interrupted".into(), &200.into()),
            "{path}"
        );
        stage.end().await;
    }
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_its_path() {
    let stage = Stage::start(plain::overloaded()).await;
    for (path, request, _) in paths() {
        let client = stage.client();
        let request = || request(&client);
        expect_answer(
            &format!("invalid_token-{path}"),
            &request().token("wrong").send().await,
        );
        expect_answer(
            &format!("upstream_overloaded-{path}"),
            &request().send().await,
        );
    }
    let count = serde_json::json!({"model": "nobody", "messages": []});
    let reply = stage
        .client()
        .post("/v1/messages/count_tokens", count)
        .send()
        .await;
    expect_answer("unknown_model-count_tokens", &reply);
    stage.end().await;
}

#[tokio::test]
async fn what_is_refused_at_the_first_look_has_the_shape_of_its_path_too() {
    let stage = Stage::start(plain::chat("never")).await;

    let host = stage
        .client()
        .host("evil.example")
        .messages("m")
        .send()
        .await;
    let large = stage
        .client()
        .messages("m")
        .header("x-large", &"a".repeat(40_000))
        .send()
        .await;

    expect_answer("host_denied-messages", &host);
    expect_answer("headers_too_large-messages", &large);
    stage.end().await;
}

#[tokio::test]
async fn the_names_of_anthropics_own_errors_are_used_on_messages() {
    for (answer, kind) in [
        (plain::overloaded(), "overloaded_error"),
        (plain::rate_limited(None), "rate_limit_error"),
        (plain::unauthorized(), "api_error"),
        (plain::context_length_exceeded(), "invalid_request_error"),
    ] {
        let stage = Stage::start(answer).await;
        let failure = stage.client().messages("m").send().await.json();
        assert_eq!(
            (&failure["type"], &failure["error"]["type"]),
            (&"error".into(), &kind.into()),
            "{failure}"
        );
        stage.end().await;
    }
}
