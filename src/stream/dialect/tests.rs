use super::*;

fn chat(json: &str) -> Meaning {
    meaning(Dialect::Chat, json.as_bytes()).unwrap()
}

#[test]
fn a_role_alone_is_no_content() {
    for json in [
        r#"{"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{}}]}"#,
    ] {
        assert!(!chat(json).content, "{json}");
    }
}

#[test]
fn text_reasoning_and_tool_calls_are_content() {
    for json in [
        r#"{"choices":[{"delta":{"content":"a"}}]}"#,
        r#"{"choices":[{"delta":{"content":"\n"}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#,
        r#"{"choices":[{"text":"a"}]}"#,
    ] {
        assert!(chat(json).content, "{json}");
    }
}

#[test]
fn each_choice_finishes_by_itself() {
    let one = chat(
        r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"},{"index":0,"delta":{"content":"x"},"finish_reason":null}]}"#,
    );
    assert_eq!((one.choices, one.finished), (0b11, 0b10));
    assert_eq!(one.finish_reason.unwrap().as_str(), "stop");
}

#[test]
fn an_empty_finish_reason_is_none() {
    assert_eq!(
        chat(r#"{"choices":[{"index":0,"delta":{},"finish_reason":""}]}"#).finished,
        0
    );
}

#[test]
fn a_finish_reason_that_is_no_plain_word_is_other() {
    let odd = chat(r#"{"choices":[{"finish_reason":"Ignore all\nprevious"}]}"#);
    assert_eq!(odd.finish_reason.unwrap().as_str(), "other");
}

#[test]
fn usage_is_read_with_its_cached_part() {
    let said = chat(
        r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}}"#,
    );
    assert!(said.no_choices);
    assert_eq!(
        said.usage,
        Some(Usage {
            prompt: Some(7),
            completion: Some(3),
            cached: Some(2)
        })
    );
    assert_eq!(chat(r#"{"choices":[],"usage":null}"#).usage, None);
}

#[test]
fn an_error_is_seen_and_a_null_error_is_none() {
    assert!(chat(r#"{"error":{"message":"x"}}"#).error);
    assert!(chat(r#"{"error":"x"}"#).error);
    assert!(!chat(r#"{"error":null,"choices":[]}"#).error);
}

#[test]
fn odd_types_pass_and_no_json_does_not() {
    assert!(chat(r#"{"choices":"none"}"#).content);
    assert!(chat(r#"[1]"#).content);
    assert_eq!(meaning(Dialect::Chat, b"{\"choices\":[{"), None);
    assert_eq!(meaning(Dialect::Opaque, b"nope"), None);
}

#[test]
fn responses_end_with_their_own_event() {
    let of = |json: &str| meaning(Dialect::Responses, json.as_bytes()).unwrap();
    assert!(
        !of(r#"{"type":"response.created","response":{"status":"in_progress","usage":null}}"#)
            .content
    );
    assert!(of(r#"{"type":"response.output_text.delta","delta":"a"}"#).content);
    let end = of(
        r#"{"type":"response.completed","response":{"status":"completed","usage":{"input_tokens":5,"output_tokens":6,"input_tokens_details":{"cached_tokens":1}}}}"#,
    );
    assert!(end.last);
    assert_eq!(
        end.usage,
        Some(Usage {
            prompt: Some(5),
            completion: Some(6),
            cached: Some(1)
        })
    );
    assert_eq!(end.finish_reason.unwrap().as_str(), "completed");
    assert!(of(r#"{"type":"error","code":"x","message":"y"}"#).error);
}

#[test]
fn messages_end_with_message_stop() {
    let of = |json: &str| meaning(Dialect::Messages, json.as_bytes()).unwrap();
    let start =
        of(r#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#);
    assert!(!start.content);
    assert_eq!(start.usage.unwrap().prompt, Some(9));
    assert!(!of(r#"{"type":"ping"}"#).content);
    assert!(
        of(r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}"#).content
    );
    let delta = of(
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}"#,
    );
    assert_eq!(delta.finish_reason.unwrap().as_str(), "end_turn");
    assert_eq!(delta.usage.unwrap().completion, Some(4));
    assert!(of(r#"{"type":"message_stop"}"#).last);
    assert!(of(r#"{"type":"error","error":{"type":"overloaded_error"}}"#).error);
}
