use super::*;
use crate::config::Lane;
use crate::json::Why;
use crate::route::Asked;

fn chat(body: &str) -> Peek {
    peek(Api::Chat, body.as_bytes()).unwrap()
}

fn refusal(api: Api, body: &str) -> Refused {
    peek(api, body.as_bytes()).unwrap_err()
}

#[test]
fn a_whole_request_is_read() {
    let body = r#" {"model":"qwen\u0033-32b","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true},
        "max_tokens":100,"max_completion_tokens":"7","n":2,"service_tier":"flex","store":false,"background":true,"prompt_cache_key":"k",
        "temperature":0.5,"seed":-7,"tools":[ {} ],"response_format":{"type":"json_object"},"user":"u","metadata":{"api_base":1}} "#;
    let peek = chat(body);
    assert_eq!(peek.model.as_deref(), Some("qwen3-32b"));
    assert!(
        peek.stream
            && peek.asked_for_usage
            && peek.has_tools
            && peek.has_response_format
            && peek.wished_lane == Some(Lane::Batch)
    );
    assert_eq!(
        (peek.choices, peek.store, peek.background),
        (2, Some(false), true)
    );
    assert_eq!(
        (
            peek.prompt_cache_key.as_deref(),
            peek.temperature,
            peek.seed
        ),
        (Some("k"), Some(0.5), Some(-7))
    );
    assert_eq!(
        peek.prompt.unwrap().of(body.as_bytes()),
        br#"[{"role":"user","content":"x"}]"#
    );
    let asked: Vec<_> = peek
        .limits
        .iter()
        .flatten()
        .map(|limit| (limit.key, limit.asked))
        .collect();
    assert_eq!(
        asked,
        [
            (Key::MaxCompletionTokens, Asked::Unusable),
            (Key::MaxTokens, Asked::Tokens(100))
        ]
    );
    assert_eq!(
        (peek.asked_limit(), peek.body_bytes),
        (Some(100), body.len())
    );
}

#[test]
fn an_empty_object_asks_for_nothing() {
    let peek = chat("{}");
    assert_eq!(
        (
            peek.model,
            peek.prompt,
            peek.limits,
            peek.store,
            peek.choices
        ),
        (None, None, [None; 2], None, 1)
    );
    assert!(
        !peek.stream
            && !peek.asked_for_usage
            && !peek.has_tools
            && !peek.background
            && peek.wished_lane.is_none()
    );
}

#[test]
fn null_says_nothing() {
    let peek = chat(
        r#"{"model":null,"stream":null,"stream_options":null,"n":null,"store":null,"background":null,"service_tier":null,"tools":null,"response_format":null}"#,
    );
    assert_eq!((peek.model, peek.store, peek.choices), (None, None, 1));
    assert!(
        !peek.stream
            && !peek.background
            && peek.wished_lane.is_none()
            && !peek.has_tools
            && !peek.has_response_format
    );
}

#[test]
fn what_is_no_json_object_is_refused() {
    assert!(
        matches!(refusal(Api::Chat, "{\"model\":"), Refused::NotJson(malformed) if malformed.why == Why::UnexpectedEnd && malformed.at == 9)
    );
    for body in ["[]", "\"model\"", "1", "null", "[{\"model\":\"m\"}]"] {
        assert_eq!(refusal(Api::Chat, body), Refused::NotAnObject);
    }
    assert_eq!(
        refusal(Api::Chat, &"{\"a\":".repeat(1_000_000)),
        Refused::TooDeep
    );
    assert_eq!(
        refusal(
            Api::Chat,
            &format!("{{{}}}", vec!["\"a\":0"; 600].join(","))
        ),
        Refused::TooManyKeys
    );
}

#[test]
fn a_key_that_stands_twice_is_refused_however_it_is_spelled() {
    for (body, pointer) in [
        (r#"{"model":"a","model":"b"}"#, "/model"),
        (r#"{"model":"a","model":"a"}"#, "/model"),
        (r#"{"model":"a","mod\u0065l":"b"}"#, "/model"),
        (
            r#"{"\u006d\u006F\u0064\u0065\u006c":"a","x":{},"model":null}"#,
            "/model",
        ),
        (r#"{"stream":true,"x":1,"stream":true}"#, "/stream"),
        (r#"{"secret":1,"secret":1}"#, "/*"),
        (r#"{"":1,"a":2,"":3}"#, "/*"),
        (r#"{"😀":1,"\ud83d\ude00":2}"#, "/*"),
        (r#"{"a/b":1,"a\/b":2}"#, "/*"),
        (r#"{"a":1,"api_base":1,"a":1}"#, "/*"),
    ] {
        let refused = refusal(Api::Chat, body);
        assert!(
            matches!(refused, Refused::DuplicateKey { .. }),
            "{body}: {refused:?}"
        );
        assert_eq!(refused.pointer(), pointer, "{body}");
    }
}

#[test]
fn keys_that_are_alike_but_not_equal_pass() {
    for body in [
        r#"{"a":1,"A":1,"a ":1,"a\u0000":1}"#,
        r#"{"é":1,"e\u0301":1}"#,
        r#"{"model":"m","x":{"model":"n","model":"o"}}"#,
        r#"{"model":"m","models":"n","mode":1}"#,
    ] {
        assert!(peek(Api::Chat, body.as_bytes()).is_ok(), "{body}");
    }
}

#[test]
fn a_lone_surrogate_is_no_key() {
    assert!(matches!(
        refusal(Api::Chat, r#"{"\ud800":1,"\ud800":2}"#),
        Refused::NotJson(_)
    ));
}

#[test]
fn a_key_that_some_servers_take_for_ours_is_refused() {
    for (body, key) in [
        (r#"{"model":"a","Model":"b"}"#, Key::Model),
        (r#"{"MODEL":"b"}"#, Key::Model),
        (r#"{"\u017ftream":true}"#, Key::Stream),
        (r#"{"max_to\u212Aens":1}"#, Key::MaxTokens),
        (r#"{"Api_Base":1}"#, Key::ApiBase),
    ] {
        let refused = refusal(Api::Chat, body);
        assert_eq!(
            (refused, refused.pointer()),
            (Refused::MistakableKey { key }, "/*")
        );
    }
}

#[test]
fn every_forbidden_key_is_refused_whatever_its_value() {
    for key in Key::FORBIDDEN {
        for value in ["null", "\"x\"", "{}"] {
            let refused = refusal(
                Api::Embeddings,
                &format!("{{\"model\":\"m\",\"{}\":{value}}}", key.as_str()),
            );
            assert_eq!(
                (refused, refused.pointer()),
                (Refused::ForbiddenKey { key }, key.pointer())
            );
        }
    }
    assert!(peek(
        Api::Chat,
        br#"{"user":1,"metadata":{"api_base":1},"store":true,"priority":1}"#
    )
    .is_ok());
}

#[test]
fn a_value_that_servers_would_coerce_is_refused() {
    for (body, pointer) in [
        (r#"{"model":1}"#, "/model"),
        (r#"{"model":["m"]}"#, "/model"),
        (r#"{"stream":"true"}"#, "/stream"),
        (r#"{"stream":1}"#, "/stream"),
        (r#"{"stream_options":[]}"#, "/stream_options"),
        (r#"{"stream_options":"{}"}"#, "/stream_options"),
        (
            r#"{"stream_options":{"include_usage":1}}"#,
            "/stream_options/include_usage",
        ),
        (
            r#"{"stream_options":{"include_usage":true,"include_us\u0061ge":true}}"#,
            "/stream_options/include_usage",
        ),
        (r#"{"n":"8"}"#, "/n"),
        (r#"{"n":1.5}"#, "/n"),
        (r#"{"n":0}"#, "/n"),
        (r#"{"n":-1}"#, "/n"),
    ] {
        assert_eq!(refusal(Api::Chat, body).pointer(), pointer, "{body}");
    }
}

#[test]
fn a_key_means_something_only_where_its_api_has_it() {
    let body = br#"{"stream":true,"n":"8","stream_options":[],"max_tokens":1,"max_output_tokens":2,"max_completion_tokens":3,"messages":1,"prompt":2,"input":3}"#;
    let seen = |api| {
        let peek = peek(api, body).unwrap();
        let limits: Vec<_> = peek
            .limits
            .iter()
            .flatten()
            .map(|limit| limit.key)
            .collect();
        (
            peek.stream,
            limits,
            peek.prompt.map(|prompt| prompt.of(body)),
        )
    };
    assert_eq!(
        seen(Api::Responses),
        (true, vec![Key::MaxOutputTokens], Some(&b"3"[..]))
    );
    assert_eq!(
        seen(Api::Messages),
        (true, vec![Key::MaxTokens], Some(&b"1"[..]))
    );
    assert_eq!(
        seen(Api::CountTokens),
        (false, vec![Key::MaxTokens], Some(&b"1"[..]))
    );
    assert_eq!(seen(Api::Embeddings), (false, vec![], Some(&b"3"[..])));
    assert_eq!(seen(Api::Rerank), (false, vec![], None));
    let completions = peek(Api::Completions, br#"{"prompt":2}"#).unwrap();
    assert!(completions.prompt.is_some());
}

#[test]
fn store_and_background_count_unless_they_are_false() {
    for (value, store, background) in [
        ("true", Some(true), true),
        ("false", Some(false), false),
        ("null", None, false),
        ("\"false\"", Some(true), true),
    ] {
        let peek = chat(&format!("{{\"store\":{value},\"background\":{value}}}"));
        assert_eq!(
            (peek.store, peek.background),
            (store, background),
            "{value}"
        );
    }
}

#[test]
fn tools_count_where_there_is_one() {
    for (tools, has_tools) in [
        ("[]", false),
        ("[ \n ]", false),
        ("[0]", true),
        ("[ {} ]", true),
        ("{}", false),
        ("\"[1]\"", false),
    ] {
        assert_eq!(
            chat(&format!("{{\"tools\":{tools}}}")).has_tools,
            has_tools,
            "{tools}"
        );
    }
}

#[test]
fn a_long_or_odd_cache_key_is_ignored() {
    for (value, key) in [
        ("\"\\u0061\"".to_owned(), Some("a")),
        ("7".to_owned(), None),
        (format!("\"{}\"", "k".repeat(300)), None),
    ] {
        assert_eq!(
            chat(&format!("{{\"prompt_cache_key\":{value}}}"))
                .prompt_cache_key
                .as_deref(),
            key
        );
    }
}

#[test]
fn twenty_mebibytes_are_looked_at() {
    let body = format!(
        "{{\"messages\":[{{\"content\":\"{}\"}}],\"model\":\"m\"}}",
        "prose ".repeat(3_500_000)
    );
    assert!(body.len() > 20 * 1024 * 1024);
    assert_eq!(chat(&body).model.as_deref(), Some("m"));
}

#[test]
fn a_service_tier_wishes_for_a_lane() {
    let cases = [
        (r#""flex""#, Some(Lane::Batch)),
        (r#""batch""#, Some(Lane::Batch)),
        (r#""priority""#, Some(Lane::Interactive)),
        (r#""default""#, Some(Lane::Interactive)),
        (r#""def\u0061ult""#, Some(Lane::Interactive)),
        (r#""auto""#, None),
        (r#""scale""#, None),
        ("null", None),
        ("7", None),
        (r#"["flex"]"#, None),
    ];
    for (value, lane) in cases {
        let body = format!(r#"{{"service_tier":{value}}}"#);
        let peek = peek(Api::Chat, body.as_bytes()).unwrap();
        assert_eq!(peek.wished_lane, lane, "{value}");
    }
}
