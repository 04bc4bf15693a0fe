use super::*;
use crate::route::peek;
use proptest::prelude::*;

fn key_of(api: Api, body: &str) -> Option<u64> {
    prefix_key(None, &peek(api, body.as_bytes()).unwrap(), body.as_bytes())
}

fn chat(body: &str) -> u64 {
    key_of(Api::Chat, body).unwrap()
}

fn with_header(header: &str, body: &str) -> Option<u64> {
    let peek = peek(Api::Chat, body.as_bytes()).unwrap();
    prefix_key(Some(header.as_bytes()), &peek, body.as_bytes())
}

/// A conversation as it is at some turn.
fn turn(turns: &str) -> String {
    let system = r#"{"role":"system","content":"Be brief."}"#;
    let user = r#"{"role":"user","content":"What is DNS?"}"#;
    format!(r#"{{"model":"m","messages":[{system},{user}{turns}]}}"#)
}

#[test]
fn a_conversation_keeps_its_key_from_turn_to_turn() {
    let first = chat(&turn(""));
    let more =
        r#",{"role":"assistant","content":"A phone book."},{"role":"user","content":"Why?"}"#;
    assert_eq!(chat(&turn(more)), first);
    let tool = r#",{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},{"role":"system","content":"x"}"#;
    assert_eq!(chat(&turn(tool)), first);
}

#[test]
fn only_leading_system_messages_count() {
    let greeted =
        r#"{"messages":[{"role":"assistant","content":"Hi!"},{"role":"user","content":"a"}]}"#;
    let reminded = r#"{"messages":[{"role":"assistant","content":"Hi!"},{"role":"system","content":"It is noon."},{"role":"user","content":"a"}]}"#;
    assert_eq!(chat(greeted), chat(reminded));
    assert_eq!(
        chat(greeted),
        chat(r#"{"messages":[{"role":"user","content":"a"}]}"#)
    );
}

#[test]
fn another_beginning_is_another_key() {
    let bodies = [
        r#"{"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}]}"#,
        r#"{"messages":[{"role":"system","content":"a"},{"role":"user","content":"c"}]}"#,
        r#"{"messages":[{"role":"system","content":"x"},{"role":"user","content":"b"}]}"#,
        r#"{"messages":[{"role":"system","content":"ab"},{"role":"user","content":""}]}"#,
        r#"{"messages":[{"role":"system","content":""},{"role":"user","content":"ab"}]}"#,
        r#"{"messages":[{"role":"system","content":"a"},{"role":"developer","content":"b"},{"role":"user","content":"b"}]}"#,
        r#"{"messages":[{"role":"user","content":"b"}]}"#,
        r#"{"messages":[{"role":"system","content":"a"}]}"#,
    ];
    let keys = bodies.map(chat);
    for (i, key) in keys.iter().enumerate() {
        assert!(!keys[..i].contains(key), "{}", bodies[i]);
    }
}

#[test]
fn white_space_and_the_order_of_keys_do_not_matter() {
    let packed = chat(&turn(""));
    for same in [
        "{ \"messages\" : [ { \"content\" : \"Be brief.\" , \"role\" : \"system\" } ,\n\t{ \"name\" : \"n\", \"role\" : \"user\",\r\n \"content\" : \"What is DNS?\" } ] , \"model\" : \"m\" }",
        r#"{"temperature":0.5,"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"What is DNS?"}],"model":"other"}"#,
    ] {
        assert_eq!(chat(same), packed, "{same}");
    }
    let image = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}"#;
    let spaced = r#"{"messages":[{"role":"user","content":[ { "type" : "image_url", "image_url" : { "url":"data:," } } ]}]}"#;
    assert_eq!(chat(image), chat(spaced));
    assert_ne!(chat(image), chat(&image.replace("data:,", "data:;")));
}

#[test]
fn a_text_is_the_same_alone_and_as_a_part() {
    let alone = chat(r#"{"messages":[{"role":"user","content":"hello"}]}"#);
    for content in [
        r#"[{"type":"text","text":"hello"}]"#,
        r#"[{"text":"hello","type":"text","cache_control":{"type":"ephemeral"}}]"#,
        r#"["hello"]"#,
    ] {
        let body = format!(r#"{{"messages":[{{"role":"user","content":{content}}}]}}"#);
        assert_eq!(chat(&body), alone, "{content}");
    }
    let parts = r#"{"messages":[{"role":"user","content":[{"text":"hel"},{"text":"lo"}]}]}"#;
    assert_ne!(chat(parts), alone);
}

#[test]
fn an_escape_may_begin_differently_than_its_letter() {
    let escaped = chat(r#"{"messages":[{"role":"user","content":"\u0041"}]}"#);
    assert_ne!(
        escaped,
        chat(r#"{"messages":[{"role":"user","content":"A"}]}"#)
    );
}

#[test]
fn messages_are_known_by_their_system_and_their_first_user_message() {
    let key = |body: &str| key_of(Api::Messages, body);
    let text = r#"{"system":"Be brief.","messages":[{"role":"user","content":"What is DNS?"}],"max_tokens":9}"#;
    let parts = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"What is DNS?"}]},{"role":"assistant","content":"x"}],
        "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]}"#;
    assert_eq!(key(text), key(parts));
    assert_eq!(key(text), Some(chat(&turn(""))));
    assert_ne!(key(text), key(&text.replace("brief", "long")));
    assert_ne!(key(text), key(&text.replace("DNS", "TLS")));
}

#[test]
fn responses_are_known_by_their_instructions_and_their_first_input() {
    let key = |body: &str| key_of(Api::Responses, body);
    let text = r#"{"instructions":"Be brief.","input":"What is DNS?"}"#;
    let items = r#"{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"What is DNS?"}]},
        {"type":"function_call","call_id":"c"}],"instructions":"Be brief."}"#;
    let developer = r#"{"input":[{"role":"developer","content":"Be brief."},{"role":"user","content":"What is DNS?"}]}"#;
    assert_eq!(key(text), key(items));
    assert_eq!(key(text), key(developer));
    assert_ne!(key(text), key(r#"{"input":"What is DNS?"}"#));
    assert!(key(r#"{"instructions":null,"input":"What is DNS?"}"#).is_some());
}

#[test]
fn completions_are_known_by_the_first_kib_of_their_prompt() {
    let key = |prompt: &str| key_of(Api::Completions, &format!(r#"{{"prompt":{prompt}}}"#));
    let long = "a".repeat(TEXT_BYTES);
    let text = format!("\"{long}\"");
    assert_eq!(key(&text), key(&format!("\"{long} and more\"")));
    assert_eq!(key(&text), key(&format!("[\"{long} and more\", \"b\"]")));
    assert_ne!(key(&text), key(&text.replacen('a', "b", 1)));
    assert_ne!(key("\"a\""), key("\"b\""));
    assert_eq!(key("[1, 2,3]"), key("[1,2,3]"));
    assert_eq!(key("[1,2,3]"), key("[[1,2,3],[4]]"));
    assert_ne!(key("[1,2,3]"), key("[1,23]"));
    let ids = format!("[{}1]", "12, ".repeat(100));
    assert_ne!(key(&ids), key(&ids.replace("1]", "2]")));
    let ids = format!("[{}1]", "12, ".repeat(400));
    assert_eq!(key(&ids), key(&ids.replace("1]", "2]")));
}

#[test]
fn a_name_comes_before_the_prompt_and_the_header_first() {
    let named = r#"{"prompt_cache_key":"s1","messages":[{"role":"user","content":"a"}]}"#;
    assert_eq!(chat(named), chat(&named.replace(r#""a""#, r#""b""#)));
    assert_ne!(chat(named), chat(&named.replace("s1", "s2")));
    assert_eq!(with_header("x", named), with_header("x", "{}"));
    assert_ne!(with_header("x", named), with_header("y", named));
    assert_eq!(with_header("", named), Some(chat(named)));
    // What one client calls its cache isn't what another calls its session.
    assert_ne!(with_header("s1", "{}"), Some(chat(named)));
}

#[test]
fn an_empty_name_is_none() {
    let unnamed = r#"{"messages":[{"role":"user","content":"a"}]}"#;
    let empty = r#"{"prompt_cache_key":"","messages":[{"role":"user","content":"a"}]}"#;
    assert_eq!(chat(empty), chat(unnamed));
}

#[test]
fn without_a_beginning_there_is_no_key() {
    for (api, body) in [
        (Api::Chat, "{}"),
        (Api::Chat, r#"{"messages":null}"#),
        (Api::Chat, r#"{"messages":[]}"#),
        (Api::Chat, r#"{"messages":{"role":"user","content":"a"}}"#),
        (
            Api::Chat,
            r#"{"messages":[{"role":"assistant","content":"a"}]}"#,
        ),
        (
            Api::Chat,
            r#"{"messages":[{"role":"user","content":null}]}"#,
        ),
        (Api::Chat, r#"{"messages":[{"role":"user","content":""}]}"#),
        (
            Api::Chat,
            r#"{"messages":[{"role":"user"},{"content":"a"},7,[]]}"#,
        ),
        (Api::Completions, r#"{"prompt":""}"#),
        (Api::Completions, r#"{"prompt":null}"#),
        (Api::Completions, r#"{"prompt":[]}"#),
        (Api::Responses, r#"{"input":[]}"#),
        (Api::Messages, r#"{"messages":[]}"#),
    ] {
        assert_eq!(key_of(api, body), None, "{body}");
    }
}

#[test]
fn what_caches_no_prompts_has_no_key() {
    let body = r#"{"prompt_cache_key":"k","input":"a","query":"a","messages":[{"role":"user","content":"a"}]}"#;
    for api in [Api::CountTokens, Api::Embeddings, Api::Rerank, Api::Score] {
        let peek = peek(api, body.as_bytes()).unwrap();
        assert_eq!(prefix_key(Some(b"x"), &peek, body.as_bytes()), None);
    }
}

#[test]
fn so_much_of_system_and_user_counts() {
    let body = |system: &str, user: &str| {
        format!(
            r#"{{"messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{user}"}}]}}"#
        )
    };
    let full = "a".repeat(MESSAGE_BYTES);
    assert_eq!(
        chat(&body(&full, "b")),
        chat(&body(&(full.clone() + "x"), "b"))
    );
    assert_eq!(
        chat(&body("b", &full)),
        chat(&body("b", &(full.clone() + "x")))
    );
    // A long system message, which all share, leaves room to tell the conversations apart.
    assert_ne!(chat(&body(&full, "b")), chat(&body(&full, "c")));
    let nearly = &full[1..];
    assert_ne!(
        chat(&body("b", nearly)),
        chat(&body("b", &(nearly.to_owned() + "x")))
    );
}

#[test]
fn the_key_is_the_same_on_every_host() {
    // Found once; another number means that gateways of two builds disagree.
    assert_eq!(chat(&turn("")), 10_595_140_541_663_018_677);
}

/// The same JSON with white space of every kind between its tokens.
fn spaced(body: &str, spaces: &[&str]) -> String {
    let mut spaces = spaces.iter().cycle();
    let tokens = tokens(body.as_bytes());
    tokens
        .flat_map(|token| [std::str::from_utf8(token).unwrap(), spaces.next().unwrap()])
        .collect()
}

proptest! {
    #[test]
    fn white_space_between_any_tokens_does_not_matter(text in any::<String>(), part in crate::json::sample::value(), spaces in prop::collection::vec(prop::sample::select(&["", " ", "\n\t", "\r\n  "][..]), 1..9)) {
        let text = serde_json::to_string(&text).unwrap();
        let body = format!(r#"{{"messages":[{{"role":"system","content":{text}}},{{"role":"user","content":[{part},{{"text":{text}}}]}}]}}"#);
        prop_assert_eq!(key_of(Api::Chat, &body), key_of(Api::Chat, &spaced(&body, &spaces)));
    }

    #[test]
    fn any_messages_have_a_key_or_none(prompt in crate::json::sample::value(), system in crate::json::sample::value()) {
        let body = format!(r#"{{"messages":{prompt},"prompt":{prompt},"input":{prompt},"system":{system},"instructions":{system}}}"#);
        for api in Api::ALL {
            prop_assert_eq!(key_of(api, &body), key_of(api, &body));
        }
    }
}
