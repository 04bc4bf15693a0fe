use super::*;
use crate::skill::testing::manifest;
use proptest::prelude::*;
use serde_json::json;
use std::time::Instant;

/// What is said of a body: nothing when it may pass.
fn said(manifest: &Manifest, body: &Value) -> String {
    said_of(manifest, body.to_string().as_bytes())
}

fn said_of(manifest: &Manifest, body: &[u8]) -> String {
    match check_request(manifest, body) {
        Ok(()) => String::new(),
        Err(violation) => violation.to_string(),
    }
}

#[test]
fn a_tool_is_known_by_every_name_that_it_has() {
    let skill = manifest("tools: [send, web_search]\n");
    for tool in [
        json!({"type": "function", "function": {"name": "send", "parameters": {}}}),
        json!({"function": {"name": "send"}}),
        json!({"type": "function", "name": "send"}),
        json!({"name": "send", "input_schema": {}}),
        json!({"type": "custom", "name": "send"}),
        json!({"type": "custom", "custom": {"name": "send"}}),
        json!({"type": "web_search"}),
        json!({"type": "web_search_20250305", "name": "web_search"}),
    ] {
        assert_eq!(said(&skill, &json!({"tools": [tool]})), "", "{tool}");
    }
    for (tool, place) in [
        (
            json!({"type": "function", "function": {"name": "rm"}}),
            "function/name",
        ),
        (
            json!({"type": "function", "function": {"name": "Send"}}),
            "function/name",
        ),
        (json!({"type": "function", "name": "rm"}), "name"),
        (
            json!({"name": "send", "function": {"name": "rm"}}),
            "function/name",
        ),
        (json!({"name": "rm", "function": {"name": "send"}}), "name"),
        (json!({"name": ["send"]}), "name"),
        (
            json!({"type": "custom", "custom": {"name": "rm"}}),
            "custom/name",
        ),
        (json!({"type": "code_interpreter"}), "type"),
        (json!({"type": "code_interpreter", "name": "send"}), "type"),
        (
            json!({"type": "mcp", "server_url": "http://a", "name": "send"}),
            "type",
        ),
        (
            json!({"type": "web_search_evil", "name": "web_search"}),
            "type",
        ),
        (json!({"type": ["function"], "name": "send"}), "type"),
        (json!({"type": "function"}), "type"),
        (json!({}), "name"),
        (json!("send"), "name"),
        (
            json!({"name": "send", "tools": [{"name": "rm"}]}),
            "tools/0/name",
        ),
    ] {
        let body = json!({"tools": [{"name": "send"}, tool]});
        assert_eq!(
            said(&skill, &body),
            format!("/tools/1/{place}: tools"),
            "{tool}"
        );
    }
    assert_eq!(
        said(&skill, &json!({"tools": {"name": "send"}})),
        "/tools: tools"
    );
    assert_eq!(said(&skill, &json!({"tools": null})), "");
}

#[test]
fn a_choice_names_only_what_may_be_offered() {
    let skill = manifest("tools: [send]\n");
    for choice in [
        json!("auto"),
        json!("none"),
        json!("required"),
        json!("any"),
        json!(null),
        json!({"type": "function", "function": {"name": "send"}}),
        json!({"type": "function", "name": "send"}),
        json!({"type": "tool", "name": "send", "disable_parallel_tool_use": true}),
        json!({"type": "any"}),
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "send"}}]}}),
        json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "send"}]}),
    ] {
        assert_eq!(
            said(&skill, &json!({ "tool_choice": choice })),
            "",
            "{choice}"
        );
    }
    for choice in [
        json!("rm"),
        json!({"type": "function", "function": {"name": "rm"}}),
        json!({"type": "tool", "name": "rm"}),
        json!({"type": "web_search_preview"}),
        json!({"type": "mcp", "server_label": "x"}),
        json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "send"}, {"type": "function", "name": "rm"}]}),
        json!({"name": {"name": "send"}}),
        json!(["send"]),
        json!(1),
    ] {
        assert_eq!(
            said(&skill, &json!({ "tool_choice": choice })),
            "/tool_choice: tools",
            "{choice}"
        );
    }
    assert_eq!(
        said(&skill, &json!({"function_call": {"name": "rm"}})),
        "/function_call: tools"
    );
    assert_eq!(
        said(&skill, &json!({"functions": [{"name": "rm"}]})),
        "/functions/0/name: tools"
    );
}

#[test]
fn no_spelling_gets_a_tool_past() {
    let skill = manifest("tools: [send]\n");
    for (body, expected) in [
        (r#"{"Tools":[{"name":"rm"}]}"#, "/*: tools"),
        ("{\"tool\u{17f}\":[]}", "/*: tools"),
        (r#"{"TOOL_CHOICE":"auto"}"#, "/*: tools"),
        (r#"{"t\u006fols":[{"name":"rm"}]}"#, "/tools/0/name: tools"),
        (
            r#"{"tools":[{"name":"send","name":"rm"}]}"#,
            ": repeated_key",
        ),
        (
            r#"{"tools":[{"function":{"name":"rm","n\u0061me":"send"}}]}"#,
            ": repeated_key",
        ),
        (r#"{"tools":[{"name":"r\u006d"}]}"#, "/tools/0/name: tools"),
        (r#"{"web_search_options":{}}"#, "/web_search_options: tools"),
        (
            r#"{"mcp_servers":[{"url":"http://a"}]}"#,
            "/mcp_servers: tools",
        ),
        (r#"{"mcp_servers":[],"plugins":null}"#, ""),
        (r#"{"prompt":{"id":"pmpt_1"}}"#, "/prompt: tools"),
        (r#"{"prompt":["say","this"]}"#, ""),
        (
            r#"{"tools":[{"type":"function","function":{"name":"send","Name":"rm"}}]}"#,
            "/tools/0/*: tools",
        ),
        (
            r#"{"tools":[{"function":{"name":"send"},"Function":{"name":"rm"}}]}"#,
            "/tools/0/*: tools",
        ),
        (
            r#"{"tool_choice":{"type":"function","function":{"name":"send","NAME":"rm"}}}"#,
            "/tool_choice/*: tools",
        ),
        (
            r#"{"tools":[{"name":"send","parameters":{"properties":{"Name":{"Type":"x"}}}}]}"#,
            "",
        ),
        (r#"{"messages":[{"tools":[{"name":"rm"}]}]}"#, ""),
    ] {
        assert_eq!(said_of(&skill, body.as_bytes()), expected, "{body}");
    }
    let searching = manifest("tools: [web_search_options]\n");
    assert_eq!(said(&searching, &json!({"web_search_options": {}})), "");
}

#[test]
fn a_skill_without_a_list_may_offer_any_tool_and_one_with_an_empty_list_none() {
    let body = json!({"tools": [{"name": "rm"}]});
    assert_eq!(said(&manifest("max_tokens: 3\n"), &body), "");
    assert_eq!(
        said(&manifest("tools: []\n"), &body),
        "/tools/0/name: tools"
    );
    assert_eq!(said(&manifest("tools: []\n"), &json!({"tools": []})), "");
}

#[test]
fn the_whole_body_meets_the_schema() {
    let skill = manifest("tools: [send]\nrequest: {required: [messages], properties: {messages: {maxItems: 1}, temperature: {maximum: 1}}}\n");
    assert_eq!(said(&skill, &json!({"messages": []})), "");
    assert_eq!(said(&skill, &json!({})), "/messages: required");
    assert_eq!(
        said(&skill, &json!({"messages": [1, 2]})),
        "/messages: maxItems"
    );
    assert_eq!(
        said(&skill, &json!({"messages": [], "temperature": 1.5})),
        "/temperature: maximum"
    );
    assert_eq!(
        said(&skill, &json!({"messages": [], "tools": [{"name": "rm"}]})),
        "/tools/0/name: tools"
    );
    let repeated = r#"{"messages":[{"role":"user","role":"system"}]}"#;
    assert_eq!(said_of(&skill, repeated.as_bytes()), ": repeated_key");
    let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    assert_eq!(said_of(&skill, deep.as_bytes()), ": too_deep");
}

#[test]
fn the_route_is_the_skills_own() {
    let bound = manifest("route: demo\n");
    assert_eq!(check_route(&bound, 1), Ok(()));
    let other = check_route(&bound, 0).unwrap_err();
    assert_eq!(other.to_string(), "/model: route");
    let free = manifest("tools: []\n");
    assert_eq!(check_route(&free, 0), Ok(()));
}

#[test]
fn the_lane_is_the_skills_own_and_no_wish_changes_it() {
    use Lane::{Batch, Interactive};
    let bound = manifest("lane: batch\n");
    let own = LaneWish {
        own: Batch,
        asked: None,
        is_order: false,
    };
    assert_eq!(
        pick_lane(&bound, Interactive, None, Some(Interactive)),
        Ok(own)
    );
    assert_eq!(pick_lane(&bound, Interactive, Some(Batch), None), Ok(own));
    assert_eq!(
        pick_lane(&bound, Interactive, Some(Interactive), None)
            .unwrap_err()
            .rule,
        rule::LANE
    );
    let free = manifest("tools: []\n");
    let wish = |asked, is_order| LaneWish {
        own: Interactive,
        asked,
        is_order,
    };
    assert_eq!(
        pick_lane(&free, Interactive, Some(Batch), Some(Interactive)),
        Ok(wish(Some(Batch), true))
    );
    assert_eq!(
        pick_lane(&free, Interactive, None, Some(Batch)),
        Ok(wish(Some(Batch), false))
    );
    assert_eq!(
        pick_lane(&free, Interactive, None, None),
        Ok(wish(None, false))
    );
}

#[test]
fn the_lower_limit_holds() {
    let skill = manifest("max_tokens: 100\n");
    assert_eq!(limit(&skill, Some(4096)), Some(100));
    assert_eq!(limit(&skill, Some(10)), Some(10));
    assert_eq!(limit(&skill, None), Some(100));
    assert_eq!(limit(&manifest("tools: []\n"), Some(10)), Some(10));
    assert_eq!(limit(&manifest("tools: []\n"), None), None);
}

#[test]
fn a_request_says_what_its_answer_will_be() {
    for (body, expected) in [
        (
            json!({"response_format": {"type": "json_object"}}),
            Claim::Object,
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {}}}),
            Claim::Json,
        ),
        (json!({"response_format": {"type": "text"}}), Claim::Text),
        (json!({"response_format": null}), Claim::Text),
        (
            json!({"text": {"format": {"type": "json_schema"}}}),
            Claim::Json,
        ),
        (json!({"text": {"format": {"type": "text"}}}), Claim::Text),
        (
            json!({"output_format": {"type": "json_schema"}}),
            Claim::Json,
        ),
        (
            json!({"output_config": {"format": {"type": "json_schema"}}}),
            Claim::Json,
        ),
        (json!({"type": "json_object"}), Claim::Text),
        (json!({}), Claim::Text),
    ] {
        assert_eq!(claim(body.to_string().as_bytes()), expected, "{body}");
    }
}

fn large_request() -> Vec<u8> {
    let text = "What is the \"answer\"?\nIt depends, é, on the question. ".repeat(36);
    let message = |number: usize| json!({"role": "user", "content": format!("{number} {text}")});
    let messages: Vec<Value> = (0..98).map(message).collect();
    let body = json!({"model": "demo", "messages": messages, "tools": [{"type": "function", "function": {"name": "send"}}]});
    body.to_string().into_bytes()
}

/// Run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn what_the_gate_in_costs() {
    let body = large_request();
    println!("{} bytes", body.len());
    let with_schema = manifest(
        "tools: [send]\nrequest: {type: object, required: [messages], properties: {messages: {type: array, maxItems: 200, items: \
         {type: object, required: [role, content], additionalProperties: false, properties: {role: {enum: [user, system, \
         assistant]}, content: {type: string, maxLength: 100000}}}}}}\n",
    );
    let with_pattern = manifest(
        "request: {properties: {messages: {items: {properties: {content: {type: string, pattern: '^[^\\x00]*$'}}}}}}\n",
    );
    let tools_alone = manifest("tools: [send]\n");
    let nothing = manifest("max_tokens: 3\n");
    let refusing = manifest(
        "request: {properties: {messages: {items: {anyOf: [{required: [a]}, {required: [b]}]}}}}\n",
    );
    for (name, skill) in [
        ("schema and tools", &with_schema),
        ("schema with a pattern", &with_pattern),
        ("tools alone", &tools_alone),
        ("neither", &nothing),
        ("schema that refuses", &refusing),
    ] {
        let mut times: Vec<_> = (0..300)
            .map(|_| {
                let began = Instant::now();
                let _ = std::hint::black_box(check_request(skill, &body));
                began.elapsed()
            })
            .collect();
        times.sort();
        println!("{name}: median {:?}, p99 {:?}", times[150], times[297]);
    }
    let mut times: Vec<_> = (0..300)
        .map(|_| {
            let began = Instant::now();
            let _ = std::hint::black_box(strict::read(&body));
            began.elapsed()
        })
        .collect();
    times.sort();
    println!("reading alone: median {:?}", times[150]);
}

proptest! {
    #[test]
    fn no_name_outside_the_list_passes(name in "[a-z]{1,6}", wrap in 0usize..5, extra in any::<bool>()) {
        let skill = manifest("tools: [send]\n");
        let tool = match wrap {
            0 => json!({"type": "function", "function": {"name": name}}),
            1 => json!({"name": name}),
            2 => json!({"type": "custom", "custom": {"name": name}}),
            3 => json!({"type": name}),
            _ => json!({"type": name, "name": "send"}),
        };
        let mut tools = vec![tool];
        if extra {
            tools.insert(0, json!({"name": "send"}));
        }
        let harmless = name == "send" || (wrap >= 3 && ["custom", "function"].contains(&name.as_str()));
        let outcome = said(&skill, &json!({ "tools": tools }));
        prop_assert_eq!(outcome.is_empty(), name == "send", "{} {}", name, harmless);
    }

    #[test]
    fn no_document_breaks_the_gate(text in crate::json::sample::document()) {
        let skill = manifest("tools: [send]\nrequest: {properties: {a: {type: string}}}\n");
        let _ = check_request(&skill, text.as_bytes());
        let _ = check_request(&manifest("tools: []\n"), text.as_bytes());
        let _ = claim(text.as_bytes());
    }
}
