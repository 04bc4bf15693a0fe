//! What differs from API to API: how JSON is asked for, how a tool is called.

use super::apis::APIS;
use super::*;

#[tokio::test]
async fn each_api_has_its_own_way_of_asking_for_json() {
    let stage = stage_with("description: any", Answer::new(), |builder| {
        builder.set("retry.max", 0)
    })
    .await;
    let format = json!({"type": "json_object"});
    let schema = json!({"format": {"type": "json_schema", "name": "x", "schema": {}}});
    for (api, key, value) in [
        (&APIS[0], "response_format", format.clone()),
        (&APIS[1], "response_format", format),
        (&APIS[2], "text", schema.clone()),
        (&APIS[3], "output_format", schema["format"].clone()),
        (&APIS[3], "output_config", schema),
    ] {
        stage.upstream.play(plain::json(&(api.plain)("only words")));
        let request = of_skill((api.request)(&stage.client()), "mail");
        assert_eq!(
            request.send().await.status,
            200,
            "{key}: nobody asked for JSON"
        );
        let reply = request.field(key, value).send().await;
        expect_misfit(&reply, "/content", "json");
    }
    stage.end().await;
}

#[tokio::test]
async fn each_api_has_its_own_way_of_calling_a_tool() {
    const RULES: &str = "
response: {tools: {send: {type: object, required: [to]}}}
";
    let stage = stage_with(RULES, Answer::new(), |builder| builder.set("retry.max", 0)).await;
    let item = json!({"type": "function_call", "call_id": "c", "name": "send", "arguments": "{}"});
    let block = json!({"type": "tool_use", "id": "c", "name": "send", "input": {}});
    let mut response = plain::response_body("");
    response["output"] = json!([item]);
    let mut message = plain::message_body("");
    message["content"] = json!([block]);
    for (api, answer) in [
        (&APIS[0], calling("send", "{}")),
        (&APIS[2], plain::json(&response)),
        (&APIS[3], plain::json(&message)),
    ] {
        stage.upstream.play(answer);
        let reply = of_skill((api.request)(&stage.client()), "mail")
            .send()
            .await;
        expect_misfit(&reply, "/tool_calls/send/to", "required");
    }
    stage.end().await;
}

#[tokio::test]
async fn what_no_model_says_is_nobodys_to_judge() {
    let stage = stage(ADDRESSED, plain::json(&plain::embeddings_body(1))).await;

    let (reply, line) = stage
        .tell(&of_skill(stage.client().embeddings("m"), "mail"))
        .await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!((told(&line).0, told(&line).1), (1, None));
    stage.end().await;
}
