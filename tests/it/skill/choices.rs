//! Choices and switches: the other ways to tools than listing them.

use super::tools::{expect_refused, expect_taken, function, listed, OTHER};
use super::*;

#[tokio::test]
async fn a_choice_names_only_what_is_listed() {
    let stage = listed().await;
    for choice in [
        json!("auto"),
        json!("none"),
        json!("required"),
        json!({"type": "function", "function": {"name": "send"}}),
        json!({"type": "tool", "name": "send"}),
        json!({"type": "any"}),
    ] {
        expect_taken(&stage, "tool_choice", choice).await;
    }
    for choice in [
        json!(OTHER),
        json!({"type": "function", "function": {"name": OTHER}}),
        json!({"type": "tool", "name": OTHER}),
        json!({"type": "web_search_preview"}),
        json!({"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "function", "function": {"name": OTHER}}]}}),
        json!(7),
    ] {
        expect_refused(&stage, "tool_choice", choice, "/tool_choice").await;
    }
    expect_taken(&stage, "function_call", json!({"name": "send"})).await;
    expect_refused(
        &stage,
        "function_call",
        json!({"name": OTHER}),
        "/function_call",
    )
    .await;
    stage.end().await;
}

#[tokio::test]
async fn a_switch_of_a_servers_own_tools_stays_off() {
    let stage = listed().await;
    for key in [
        "web_search_options",
        "mcp_servers",
        "plugins",
        "search_parameters",
        "data_sources",
    ] {
        expect_refused(&stage, key, json!({}), &format!("/{key}")).await;
        expect_refused(&stage, key, json!([{"name": OTHER}]), &format!("/{key}")).await;
        expect_taken(&stage, key, Value::Null).await;
        expect_taken(&stage, key, json!([])).await;
    }
    stage.end().await;
}

#[tokio::test]
async fn a_key_that_a_careless_server_takes_for_tools_is_refused_untold() {
    let stage = listed().await;
    for key in [
        "Tools",
        "TOOLS",
        "tool\u{17f}",
        "Functions",
        "Tool_Choice",
        "Web_Search_Options",
    ] {
        let reply = mail(&stage)
            .field(key, json!([function("send")]))
            .send()
            .await;
        println!("-- {key}");
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(
            matches!(
                reply.code().as_deref(),
                Some("schema_violation" | "invalid_request")
            ),
            "{reply:?}"
        );
        assert!(
            !String::from_utf8_lossy(&reply.body).contains(key),
            "{reply:?}"
        );
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}
