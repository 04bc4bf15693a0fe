use super::*;
use crate::json::sample;
use crate::route::{peek, Api};
use proptest::prelude::*;
use serde_json::{json, Map, Value as Json};

const MOST: u64 = 4096;

fn spliced(api: Api, body: &str, edits: &Edits<'_>) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let peek = peek(api, &body).unwrap();
    String::from_utf8(splice(&body, &peek, edits).to_vec()).unwrap()
}

fn limit() -> Edits<'static> {
    Edits {
        max_tokens: Some(MOST),
        ..Edits::NONE
    }
}

fn usage() -> Edits<'static> {
    Edits {
        ask_usage: true,
        ..Edits::NONE
    }
}

fn tier() -> Edits<'static> {
    Edits {
        drop_service_tier: true,
        ..Edits::NONE
    }
}

fn model(name: &str) -> Edits<'_> {
    Edits {
        model: Some(name),
        ..Edits::NONE
    }
}

#[test]
fn an_unchanged_body_is_the_same_one_and_no_copy() {
    let body = Bytes::from_static(
        br#"{"model":"m","max_tokens":4096,"stream":true,"stream_options":{"include_usage":true}}"#,
    );
    let peek = peek(Api::Chat, &body).unwrap();
    let all = Edits {
        model: Some("m"),
        max_tokens: Some(MOST),
        ask_usage: true,
        drop_service_tier: true,
        ..Edits::NONE
    };
    for edits in [Edits::NONE, all] {
        assert_eq!(splice(&body, &peek, &edits).as_ptr(), body.as_ptr());
    }
}

#[test]
fn only_the_models_name_changes() {
    for (body, expected) in [
        (
            " {\"x\" :1e5,\r\n\"model\"\t: \"a\\u0062\" } ",
            " {\"x\" :1e5,\r\n\"model\"\t: \"Q/3 \\\"x\\\"\" } ",
        ),
        (
            r#"{"m":{"model":"in"},"model":null}"#,
            r#"{"m":{"model":"in"},"model":"Q/3 \"x\""}"#,
        ),
        (r#"{ "x":1}"#, r#"{"model":"Q/3 \"x\"", "x":1}"#),
        ("{ }", r#"{"model":"Q/3 \"x\"" }"#),
    ] {
        assert_eq!(spliced(Api::Chat, body, &model("Q/3 \"x\"")), expected);
    }
}

#[test]
fn a_chat_limit_is_clamped_filled_or_made_sane() {
    for (body, expected) in [
        (r#"{"max_tokens":5000}"#, r#"{"max_tokens":4096}"#),
        (r#"{"max_tokens":4096}"#, r#"{"max_tokens":4096}"#),
        (r#"{"max_tokens":1}"#, r#"{"max_tokens":1}"#),
        (
            r#"{"max_tokens":99999999999999999999999}"#,
            r#"{"max_tokens":4096}"#,
        ),
        (
            r#"{"max_tokens":9999,"max_completion_tokens":9999}"#,
            r#"{"max_tokens":4096,"max_completion_tokens":4096}"#,
        ),
        (r#"{}"#, r#"{"max_tokens":4096}"#),
        (r#"{"x":1}"#, r#"{"max_tokens":4096,"x":1}"#),
        (r#"{"max_tokens":null}"#, r#"{"max_tokens":4096}"#),
        (r#"{"max_tokens":-5}"#, r#"{"max_tokens":4096}"#),
        (r#"{"max_tokens":1.5}"#, r#"{"max_tokens":4096}"#),
        (r#"{"max_tokens":1e3}"#, r#"{"max_tokens":4096}"#),
        (r#"{"max_tokens":"12"}"#, r#"{"max_tokens":4096}"#),
        (
            r#"{"max_completion_tokens":10,"max_tokens":"99999"}"#,
            r#"{"max_completion_tokens":10,"max_tokens":null}"#,
        ),
        (
            r#"{"max_completion_tokens":10,"max_tokens":null}"#,
            r#"{"max_completion_tokens":10,"max_tokens":null}"#,
        ),
        (
            r#"{"max_completion_tokens":-1}"#,
            r#"{"max_tokens":4096,"max_completion_tokens":null}"#,
        ),
        (
            r#"{"x":{"max_tokens":9999}}"#,
            r#"{"max_tokens":4096,"x":{"max_tokens":9999}}"#,
        ),
    ] {
        assert_eq!(spliced(Api::Chat, body, &limit()), expected, "{body}");
        assert_eq!(spliced(Api::Chat, body, &Edits::NONE), body);
    }
}

#[test]
fn a_target_may_want_the_limit_in_its_own_field() {
    let edits = Edits {
        fill_field: MaxTokensField::MaxCompletionTokens,
        ..limit()
    };
    for (api, body, expected) in [
        (Api::Chat, r#"{}"#, r#"{"max_completion_tokens":4096}"#),
        (
            Api::Chat,
            r#"{"max_tokens":null}"#,
            r#"{"max_completion_tokens":4096,"max_tokens":null}"#,
        ),
        (
            Api::Chat,
            r#"{"max_tokens":9999}"#,
            r#"{"max_tokens":4096}"#,
        ),
        (Api::Completions, r#"{}"#, r#"{"max_tokens":4096}"#),
        (Api::Responses, r#"{}"#, r#"{"max_output_tokens":4096}"#),
    ] {
        assert_eq!(spliced(api, body, &edits), expected, "{body}");
    }
}

#[test]
fn messages_are_clamped_only_and_the_rest_has_no_limit() {
    for (api, body, expected) in [
        (Api::Messages, r#"{"x":1}"#, r#"{"x":1}"#),
        (
            Api::Messages,
            r#"{"max_tokens":null}"#,
            r#"{"max_tokens":null}"#,
        ),
        (
            Api::Messages,
            r#"{"max_tokens":9999}"#,
            r#"{"max_tokens":4096}"#,
        ),
        (
            Api::Messages,
            r#"{"max_tokens":"9999"}"#,
            r#"{"max_tokens":4096}"#,
        ),
        (
            Api::CountTokens,
            r#"{"max_tokens":9999}"#,
            r#"{"max_tokens":4096}"#,
        ),
        (
            Api::Responses,
            r#"{"max_output_tokens":9999,"max_tokens":9999}"#,
            r#"{"max_output_tokens":4096,"max_tokens":9999}"#,
        ),
        (
            Api::Embeddings,
            r#"{"max_tokens":9999}"#,
            r#"{"max_tokens":9999}"#,
        ),
        (Api::Rerank, r#"{}"#, r#"{}"#),
        (Api::Score, r#"{}"#, r#"{}"#),
    ] {
        assert_eq!(spliced(api, body, &limit()), expected, "{body}");
    }
}

#[test]
fn usage_is_asked_for_where_a_stream_has_to_be_asked() {
    for (body, expected) in [
        (
            r#"{"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"stream":true,"stream_options":null}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{ }}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true }}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"a":1}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#,
        ),
        (
            r#"{"stream":true,"stream_options": {"a":1,"include_usage" :false }}"#,
            r#"{"stream":true,"stream_options": {"a":1,"include_usage" :true }}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_us\u0061ge":null}}"#,
            r#"{"stream":true,"stream_options":{"include_us\u0061ge":true}}"#,
        ),
        (r#"{"stream":false}"#, r#"{"stream":false}"#),
        (
            r#"{"stream_options":{"include_usage":false}}"#,
            r#"{"stream_options":{"include_usage":false}}"#,
        ),
    ] {
        assert_eq!(spliced(Api::Chat, body, &usage()), expected);
        assert_eq!(spliced(Api::Completions, body, &usage()), expected);
        assert_eq!(spliced(Api::Responses, body, &usage()), body);
        assert_eq!(spliced(Api::Messages, body, &usage()), body);
    }
}

#[test]
fn the_service_tier_goes_with_its_comma() {
    for (body, expected) in [
        (r#"{"service_tier":"auto"}"#, "{}"),
        (r#"{ "service_tier" : "auto" , "x":1}"#, r#"{ "x":1}"#),
        (r#"{"x":1 , "service_tier":"auto" }"#, r#"{"x":1 }"#),
        (r#"{"x":1,"service_tier":null,"y":2}"#, r#"{"x":1,"y":2}"#),
    ] {
        assert_eq!(spliced(Api::Chat, body, &tier()), expected);
    }
}

#[test]
fn neighbours_change_together() {
    let edits = Edits {
        model: Some("new"),
        max_tokens: Some(MOST),
        ask_usage: true,
        drop_service_tier: true,
        ..Edits::NONE
    };
    for (body, expected) in [
        (
            r#"{"service_tier":"auto"}"#,
            r#"{"model":"new","max_tokens":4096}"#,
        ),
        (
            r#"{"service_tier":"auto","stream":true}"#,
            r#"{"model":"new","max_tokens":4096,"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"model":"old","service_tier":"auto","max_tokens":9999}"#,
            r#"{"model":"new","max_tokens":4096}"#,
        ),
    ] {
        assert_eq!(spliced(Api::Chat, body, &edits), expected);
    }
}

#[test]
fn a_copy_has_exactly_the_right_size() {
    let body = Bytes::from_static(br#"{"model":"m","x":1}"#);
    let looked = peek(Api::Chat, &body).unwrap();
    let name = "a\"\\\u{1}\u{7f}é😀";
    let result = splice(
        &body,
        &looked,
        &Edits {
            max_tokens: Some(u64::MAX),
            ..model(name)
        },
    );
    let vec = Vec::from(result);
    assert_eq!(vec.capacity(), vec.len());
    assert_eq!(peek(Api::Chat, &vec).unwrap().model.as_deref(), Some(name));
}

/// The same edits, done on a document tree.
fn edited(api: Api, body: &str, edits: &Edits<'_>) -> Json {
    let mut tree: Map<String, Json> = serde_json::from_str(body).unwrap();
    if edits.drop_service_tier {
        tree.remove("service_tier");
    }
    if let Some(name) = edits.model {
        tree.insert("model".into(), json!(name));
    }
    if let Some(most) = edits.max_tokens {
        edit_limits(api, &mut tree, most, edits.fill_field);
    }
    if edits.ask_usage
        && matches!(api, Api::Chat | Api::Completions)
        && tree.get("stream") == Some(&json!(true))
    {
        let options = tree.entry("stream_options").or_insert(Json::Null);
        if options.is_null() {
            *options = json!({});
        }
        options["include_usage"] = json!(true);
    }
    Json::Object(tree)
}

fn edit_limits(api: Api, tree: &mut Map<String, Json>, most: u64, chat_field: MaxTokensField) {
    let (fields, fill): (&[&str], _) = match api {
        Api::Chat => (
            &["max_tokens", "max_completion_tokens"],
            Some(chat_field.as_str()),
        ),
        Api::Completions => (&["max_tokens"], Some("max_tokens")),
        Api::Responses => (&["max_output_tokens"], Some("max_output_tokens")),
        Api::Messages | Api::CountTokens => (&["max_tokens"], None),
        Api::Embeddings | Api::Rerank | Api::Score => (&[], None),
    };
    let counts = fields
        .iter()
        .any(|field| tree.get(*field).is_some_and(Json::is_u64));
    for field in fields {
        match tree.get(*field) {
            None | Some(Json::Null) => {}
            Some(value) if value.is_u64() => {
                let tokens = value.as_u64().unwrap().min(most);
                tree.insert((*field).into(), json!(tokens));
            }
            Some(_) => {
                let value = if fields.len() == 1 {
                    json!(most)
                } else {
                    Json::Null
                };
                tree.insert((*field).into(), value);
            }
        }
    }
    if let (Some(fill), false) = (fill, counts) {
        tree.insert(fill.into(), json!(most));
    }
}

/// A member whose value the gateway reads, spelled in many ways.
fn known_member() -> impl Strategy<Value = (String, String)> {
    fn one_of(
        key: &'static str,
        values: &'static [&'static str],
    ) -> BoxedStrategy<(String, String)> {
        prop::sample::select(values)
            .prop_map(move |value| (key.to_owned(), value.to_owned()))
            .boxed()
    }
    const LIMITS: &[&str] = &[
        "null",
        "-5",
        "1.5",
        "\"12\"",
        "1e3",
        "0",
        "7",
        "4096",
        "4097",
        "[]",
        "18446744073709551615",
    ];
    let options = prop_oneof![
        Just("null".to_owned()),
        prop::sample::select(&["true", "false", "null"][..])
            .prop_map(|flag| format!("{{ \"include_usage\" :{flag}}}")),
        sample::value()
            .prop_map(|value| format!("{{\"include\\u005fusage\":false,\"a\":{value}}}")),
        (sample::space(), sample::value())
            .prop_map(|(space, value)| format!("{{{space}\"stream_options\":{value}}}")),
        sample::space().prop_map(|space| format!("{{{space}}}")),
    ];
    prop_oneof![
        one_of(
            "model",
            &["null", "\"m\"", "\"\\u006d\"", "\"new\\\"\"", "\"other\""]
        ),
        one_of("stream", &["true", "true", "true", "false", "null"]),
        options.prop_map(|value| ("stream_options".to_owned(), value)),
        one_of("max_tokens", LIMITS),
        one_of("max_completion_tokens", LIMITS),
        one_of("max_output_tokens", LIMITS),
        one_of(
            "service_tier",
            &["\"auto\"", "null", "{\"service_tier\":[1,2]}"]
        ),
    ]
}

/// A body with known members in any order, others between them, no key twice, odd spelling and white space.
fn body() -> impl Strategy<Value = String> {
    let other =
        ("[a-z_]{0,3}", sample::value()).prop_map(|(key, value)| (format!("x{key}"), value));
    let member = prop_oneof![3 => known_member(), 1 => other];
    let spaced = (
        member,
        any::<bool>(),
        prop::collection::vec(sample::space(), 4),
    );
    (prop::collection::vec(spaced, 0..9), sample::space()).prop_map(|(members, space)| {
        let mut seen = std::collections::HashSet::new();
        let members: Vec<_> = members
            .into_iter()
            .filter(|((key, _), _, _)| seen.insert(key.clone()))
            .map(|((key, value), escape, space)| {
                let key = if escape {
                    sample::fully_escaped(&key)
                } else {
                    format!("\"{key}\"")
                };
                format!(
                    "{}{key}{}:{}{value}{}",
                    space[0], space[1], space[2], space[3]
                )
            })
            .collect();
        format!("{space}{{{space}{}}}{space}", members.join(","))
    })
}

fn any_edits() -> impl Strategy<Value = Edits<'static>> {
    let name = prop::option::of(prop::sample::select(&["m", "new\"", "Q/3 é\n"][..]));
    let most = prop::option::of(prop::sample::select(&[1, MOST, u64::MAX][..]));
    let field = prop::sample::select(
        &[
            MaxTokensField::MaxTokens,
            MaxTokensField::MaxCompletionTokens,
        ][..],
    );
    (name, most, field, any::<bool>(), any::<bool>()).prop_map(
        |(model, max_tokens, fill_field, ask_usage, drop_service_tier)| Edits {
            model,
            max_tokens,
            fill_field,
            ask_usage,
            drop_service_tier,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_splice_equals_the_edit_of_a_tree(text in body(), api in prop::sample::select(&Api::ALL[..]), edits in any_edits()) {
        let body = Bytes::from(text.clone());
        let looked = peek(api, &body).unwrap();
        let result = splice(&body, &looked, &edits);
        let tree: Json = serde_json::from_slice(&result).unwrap();
        prop_assert_eq!(tree, edited(api, &text, &edits), "{}", String::from_utf8_lossy(&result));

        // No key is there twice, and there is nothing left to change.
        let again = peek(api, &result).unwrap();
        prop_assert_eq!(splice(&result, &again, &edits).as_ptr(), result.as_ptr());
    }
}

#[test]
fn llama_cpps_own_limit_is_clamped_and_counts_for_no_other_server() {
    for (api, body, expected) in [
        (
            Api::Chat,
            r#"{"max_tokens":1,"n_predict":100000}"#,
            r#"{"max_tokens":1,"n_predict":4096}"#,
        ),
        (
            Api::Completions,
            r#"{"n_predict":-1}"#,
            r#"{"max_tokens":4096,"n_predict":4096}"#,
        ),
        (
            Api::Chat,
            r#"{"n_predict":"12","max_tokens":7}"#,
            r#"{"n_predict":4096,"max_tokens":7}"#,
        ),
        (
            Api::Chat,
            r#"{"n_predict":null,"max_tokens":7}"#,
            r#"{"n_predict":null,"max_tokens":7}"#,
        ),
    ] {
        assert_eq!(spliced(api, body, &limit()), expected);
    }
    let peek = peek(Api::Chat, br#"{"max_tokens":1,"n_predict":50}"#).unwrap();
    assert_eq!((peek.asked_limit(), peek.most_asked()), (Some(1), Some(50)));
}
