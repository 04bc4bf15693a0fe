//! What of an answer is held against what: text, calls, and what the request said that it would be.

use super::*;

/// Each answer alone: attempts are not what these tests are about.
async fn judge(rules: &str) -> Stage {
    stage_with(rules, Answer::new(), |builder| builder.set("retry.max", 0)).await
}

async fn answer(stage: &Stage, request: Request, answer: Answer) -> Reply {
    stage.upstream.play(answer);
    request.send().await
}

#[tokio::test]
async fn json_that_was_asked_for_has_to_come_also_without_a_schema() {
    let stage = judge("description: any").await;
    let object = json!({"type": "json_object"});
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "integer"}}});
    for (format, text, broken) in [
        (&object, r#"{"a":1}"#, None),
        (&object, "Sure! {\"a\":1}", Some(("/content", "json"))),
        (&object, "```json\n{}\n```", Some(("/content", "json"))),
        (&object, "", Some(("/content", "json"))),
        (&object, "[1]", Some(("/content", "type"))),
        (
            &object,
            r#"{"a":1,"a":2}"#,
            Some(("/content", "repeated_key")),
        ),
        // The client's own schema is the upstream's to keep.
        (&schema, "\"seven\"", None),
        (&schema, "seven", Some(("/content", "json"))),
        (&schema, "{\"a\":", Some(("/content", "json"))),
    ] {
        println!("-- {format} {text}");
        let request = mail(&stage).field("response_format", format.clone());
        let reply = answer(&stage, request, plain::chat(text)).await;
        match broken {
            None => assert_eq!((reply.status, reply.text().as_str()), (200, text)),
            Some((pointer, rule)) => expect_misfit(&reply, pointer, rule),
        }
    }
    let reply = answer(&stage, mail(&stage), plain::chat("words")).await;
    assert_eq!(reply.status, 200, "nobody asked for JSON: {reply:?}");
    stage.end().await;
}

#[tokio::test]
async fn the_content_is_held_against_the_schema() {
    let stage = judge(ADDRESSED).await;
    for (text, pointer, rule) in [
        ("no JSON", "/content", "json"),
        ("[]", "/content", "type"),
        (r#"{"to":7}"#, "/content/to", "type"),
        (
            r#"{"to":"a name of more than twenty letters"}"#,
            "/content/to",
            "maxLength",
        ),
        (
            r#"{"to":"ann","misfitWord8d21":1}"#,
            "/content/*",
            "additionalProperties",
        ),
    ] {
        let reply = answer(&stage, mail(&stage), plain::chat(text)).await;
        expect_misfit(&reply, pointer, rule);
        assert!(!String::from_utf8_lossy(&reply.body).contains(MISFIT_WORD));
    }
    let reply = answer(
        &stage,
        mail(&stage),
        plain::json_chunked(&plain::chat_body(MISFIT)),
    )
    .await;
    expect_misfit(&reply, "/content/to", "required");
    stage.end().await;
}

#[tokio::test]
async fn arguments_are_an_object_in_json_whatever_the_tool() {
    let stage = judge("description: any").await;
    for (arguments, broken) in [
        ("{}", None),
        (r#"{"id":7}"#, None),
        ("", Some("json")),
        (r#"{"id":7"#, Some("json")),
        ("null", Some("type")),
        ("[]", Some("type")),
        (r#"{"id":7,"id":8}"#, Some("repeated_key")),
    ] {
        let reply = answer(&stage, mail(&stage), calling("any", arguments)).await;
        match broken {
            None => assert_eq!(reply.status, 200, "{arguments}: {reply:?}"),
            Some(rule) => expect_misfit(&reply, "/tool_calls/*", rule),
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_call_needs_no_content_and_content_is_no_call() {
    let rules = format!("tools: [send]\n{ADDRESSED}");
    let stage = judge(&rules).await;

    let called = answer(&stage, mail(&stage), calling("send", r#"{"to":7}"#)).await;
    let said = answer(&stage, mail(&stage), plain::chat(r#"{"to":7}"#)).await;

    assert_eq!(called.status, 200, "{called:?}");
    expect_misfit(&said, "/content/to", "type");
    stage.end().await;
}

#[tokio::test]
async fn a_tool_that_nobody_offered_is_not_called() {
    let stage = judge("tools: [send]").await;
    let reply = answer(&stage, mail(&stage), calling("drop_tables", "{}")).await;
    expect_misfit(&reply, "/tool_calls/*", "tools");
    assert!(!String::from_utf8_lossy(&reply.body).contains("drop_tables"));
    stage.end().await;
}

#[tokio::test]
async fn a_refusal_of_the_model_passes() {
    let stage = judge(ADDRESSED).await;
    let mut body = plain::chat_body("");
    body["choices"][0]["message"] =
        json!({"role": "assistant", "content": null, "refusal": "I won't."});

    let reply = answer(&stage, mail(&stage), plain::json(&body)).await;

    assert_eq!((reply.status, reply.json()), (200, body));
    stage.end().await;
}

#[tokio::test]
async fn every_choice_has_to_fit() {
    let stage = judge(ADDRESSED).await;
    let two = |one: &str, other: &str| {
        let mut body = plain::chat_body(one);
        let mut second = plain::chat_body(other)["choices"][0].clone();
        second["index"] = json!(1);
        body["choices"]
            .as_array_mut()
            .expect("choices")
            .push(second);
        plain::json(&body)
    };
    let request = || mail(&stage).field("n", 2);

    let both = answer(&stage, request(), two(FITTING, r#"{"to":"bob"}"#)).await;
    let first = answer(&stage, request(), two(MISFIT, FITTING)).await;
    let second = answer(&stage, request(), two(FITTING, MISFIT)).await;

    assert_eq!(both.status, 200, "{both:?}");
    for reply in [first, second] {
        expect_misfit(&reply, "/content/to", "required");
    }
    stage.end().await;
}

#[tokio::test]
async fn an_answer_without_any_choice_says_nothing_that_fits() {
    let stage = judge(ADDRESSED).await;
    for body in [
        json!({"choices": []}),
        json!({}),
        json!({"choices": "none"}),
    ] {
        let reply = answer(&stage, mail(&stage), plain::json(&body)).await;
        expect_misfit(&reply, "/content", "json");
    }
    stage.end().await;
}
