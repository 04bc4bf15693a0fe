//! Which tools a request may offer to the model, in every way that an API has for it.

use super::*;

const RULES: &str = "tools: [send, bash]";

/// Stands for a tool that isn't on the list; no answer may repeat it.
pub const OTHER: &str = "otherTool5b1f";

pub async fn listed() -> Stage {
    stage(RULES, plain::chat("yes")).await
}

pub async fn expect_taken(stage: &Stage, key: &str, value: Value) {
    let reply = mail(stage).field(key, value.clone()).send().await;
    assert_eq!(reply.status, 200, "{key}: {value}: {reply:?}");
}

pub async fn expect_refused(stage: &Stage, key: &str, value: Value, pointer: &str) {
    let reply = mail(stage).field(key, value.clone()).send().await;
    println!("-- {key}: {value}");
    expect_violation(&reply, pointer, "tools");
    let body = String::from_utf8_lossy(&reply.body);
    assert!(!body.contains(OTHER), "{reply:?}");
}

pub fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
}

#[tokio::test]
async fn a_listed_tool_passes_in_every_shape() {
    let stage = listed().await;
    for tool in [
        function("send"),
        json!({"type": "function", "name": "send", "parameters": {}}),
        json!({"name": "send", "input_schema": {}}),
        json!({"type": "custom", "custom": {"name": "send"}}),
        json!({"type": "bash_20250124", "name": "bash"}),
    ] {
        expect_taken(&stage, "tools", json!([tool])).await;
    }
    expect_taken(&stage, "tools", json!([])).await;
    expect_taken(&stage, "tools", Value::Null).await;
    expect_taken(&stage, "functions", json!([{"name": "send"}])).await;
    stage.end().await;
}

#[tokio::test]
async fn any_other_is_refused_by_its_place_and_never_by_its_name() {
    let stage = listed().await;
    for (tools, pointer) in [
        (json!([function(OTHER)]), "/tools/0/function/name"),
        (json!([function("send"), {"name": OTHER}]), "/tools/1/name"),
        (
            json!([{"type": "custom", "custom": {"name": OTHER}}]),
            "/tools/0/custom/name",
        ),
        // Which of two names counts is the server's choice.
        (
            json!([{"type": "function", "name": "send", "function": {"name": OTHER}}]),
            "/tools/0/function/name",
        ),
        (json!([function("Send")]), "/tools/0/function/name"),
        (json!([function("send ")]), "/tools/0/function/name"),
        (json!([{"name": 7}]), "/tools/0/name"),
        (json!([{}]), "/tools/0/name"),
        (json!(["send"]), "/tools/0/name"),
        (json!({"0": function("send")}), "/tools"),
        (json!("send"), "/tools"),
    ] {
        expect_refused(&stage, "tools", tools, pointer).await;
    }
    expect_refused(
        &stage,
        "functions",
        json!([{"name": OTHER}]),
        "/functions/0/name",
    )
    .await;
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn tools_that_the_server_runs_itself_are_tools() {
    let stage = listed().await;
    for kind in [
        "web_search",
        "web_search_preview_2025_03_11",
        "code_interpreter",
        "file_search",
        "mcp",
        "computer_use_preview",
    ] {
        expect_refused(&stage, "tools", json!([{"type": kind}]), "/tools/0/type").await;
    }
    // The name of one and the work of another.
    let other = json!([{"type": "web_search_20250305", "name": "send"}]);
    expect_refused(&stage, "tools", other, "/tools/0/type").await;
    stage.end().await;
}

#[tokio::test]
async fn an_empty_list_allows_none() {
    let stage = stage("tools: []", plain::chat("yes")).await;
    expect_taken(&stage, "tools", json!([])).await;
    expect_taken(&stage, "tool_choice", json!("none")).await;
    expect_refused(
        &stage,
        "tools",
        json!([function("send")]),
        "/tools/0/function/name",
    )
    .await;
    expect_refused(
        &stage,
        "tool_choice",
        json!({"type": "tool", "name": "send"}),
        "/tool_choice",
    )
    .await;
    stage.end().await;
}

#[tokio::test]
async fn without_a_list_any_may_be_offered() {
    let stage = stage("description: any", plain::chat("yes")).await;
    expect_taken(
        &stage,
        "tools",
        json!([function(OTHER), {"type": "web_search"}]),
    )
    .await;
    expect_taken(&stage, "web_search_options", json!({})).await;
    stage.end().await;
}

#[tokio::test]
async fn a_list_and_a_schema_hold_together() {
    let rules = format!("{RULES}\nrequest: {{type: object, required: [user]}}");
    let stage = stage(&rules, plain::chat("yes")).await;
    expect_refused(
        &stage,
        "tools",
        json!([function(OTHER)]),
        "/tools/0/function/name",
    )
    .await;
    let reply = mail(&stage)
        .field("tools", json!([function("send")]))
        .send()
        .await;
    expect_violation(&reply, "/user", "required");
    let both = mail(&stage)
        .field("user", "ann")
        .field("tools", json!([function("send")]));
    assert_eq!(both.send().await.status, 200);
    stage.end().await;
}
