//! Bodies that two parsers could disagree about, or that would steer where a call goes: refused, with the place.

use serde_json::Value;

use crate::stage::{expect_failure, Stage};
use crate::support::plain;

const FORBIDDEN: [&str; 10] = [
    "api_base",
    "api_key",
    "api_type",
    "api_version",
    "base_url",
    "custom_llm_provider",
    "extra_headers",
    "extra_query",
    "mock_response",
    "fallbacks",
];

/// Sends each body, expects the code and the place of it, and that nothing of the body stands in the answer.
async fn expect_refused(code: &str, bodies: &[(&str, &str)]) {
    let stage = Stage::start(plain::chat("never")).await;
    for (body, place) in bodies {
        let reply = stage.chat().body(body.to_string()).send().await;
        assert_eq!(
            (reply.status, reply.code().as_deref()),
            (400, Some(code)),
            "{body}: {reply:?}"
        );
        let failure = reply.json();
        assert_eq!(failure["error"]["param"], Value::from(*place), "{body}");
        assert_eq!(failure["error"]["type"], "invalid_request_error", "{body}");
        let text = failure.to_string();
        assert!(!text.contains("zebra"), "{body}: {text}");
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_however_it_is_spelled() {
    expect_refused(
        "duplicate_key",
        &[
            (r#"{"model":"m","model":"m"}"#, "/model"),
            (r#"{"model":"m","model":"zebra"}"#, "/model"),
            (r#"{"model":"m","mod\u0065l":"zebra"}"#, "/model"),
            (r#"{"\u006dodel":"m","messages":[],"model":"m"}"#, "/model"),
            (r#"{"model":"m","messages":[],"messages":[]}"#, "/messages"),
            (r#"{"model":"m","stream":false,"stream":true}"#, "/stream"),
            (r#"{"model":"m","zebra":1,"zebra":1}"#, "/*"),
            (r#"{"model":"m","zebra":1,"\u007aebra":2}"#, "/*"),
            (r#"{"model":"m","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#, "/stream_options/include_usage"),
        ],
    )
    .await;
}

#[tokio::test]
async fn keys_that_steer_where_a_call_goes_are_refused() {
    let stage = Stage::start(plain::chat("never")).await;
    for key in FORBIDDEN {
        let reply = stage.chat().field(key, "http://zebra.example").send().await;
        expect_failure(&reply, 400, "invalid_request");
        let failure = reply.json();
        assert_eq!(failure["error"]["param"], format!("/{key}"));
        assert!(!failure.to_string().contains("zebra"), "{failure}");
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn keys_that_only_look_like_it_pass() {
    let stage = Stage::start(plain::chat("yes")).await;
    let body = r#"{"model":"m","messages":[{"api_key":"x","a":1,"a":2}],"user":"u","metadata":{"base_url":"y"},"store":true,"priority":3}"#;

    let reply = stage.chat().body(body).send().await;

    assert_eq!(reply.status, 200, "{reply:?}");
    let expected = body.replace(r#""model":"m""#, r#""model":"m-on-a""#);
    assert_eq!(String::from_utf8_lossy(&stage.last_seen().body), expected);
    stage.end().await;
}

#[tokio::test]
async fn a_key_in_other_letters_and_a_value_of_another_type_are_refused() {
    expect_refused(
        "invalid_request",
        &[
            (r#"{"model":"m","Model":"zebra"}"#, "/*"),
            (r#"{"model":"m","MAX_TOKENS":5}"#, "/*"),
            (r#"{"model":"m","\u017ftream":true}"#, "/*"),
            (r#"{"model":"m","Api_Base":"http://zebra.example"}"#, "/*"),
            (r#"{"model":7}"#, "/model"),
            (r#"{"model":["m"]}"#, "/model"),
            (r#"{"model":"m","stream":"true"}"#, "/stream"),
            (r#"{"model":"m","stream":1}"#, "/stream"),
            (r#"{"model":"m","n":"2"}"#, "/n"),
            (r#"{"model":"m","n":0}"#, "/n"),
            (r#"{"model":"m","n":1.5}"#, "/n"),
            (
                r#"{"model":"m","stream":true,"stream_options":[]}"#,
                "/stream_options",
            ),
            (
                r#"{"model":"m","stream":true,"stream_options":{"include_usage":"yes"}}"#,
                "/stream_options/include_usage",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_one_json_object_is_refused() {
    let deep = format!(
        r#"{{"model":"m","messages":{}{}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    expect_refused(
        "invalid_request",
        &[
            ("", ""),
            ("{", ""),
            ("null", ""),
            ("[]", ""),
            (r#""zebra""#, ""),
            (r#"{"model":"m"} zebra"#, ""),
            (r#"{"model":"m"}{"model":"m"}"#, ""),
            (r#"{"model":"m",}"#, ""),
            (r#"{'model':'m'}"#, ""),
            (r#"{"model":"m","x":NaN}"#, ""),
            (r#"{"model":"m","x":01}"#, ""),
            (r#"{"model":"m","x":"\ud800"}"#, ""),
            ("{\"model\":\"m\",\"x\":\"a\nb\"}", ""),
            ("\u{feff}{\"model\":\"m\"}", ""),
            ("{\"model\":\"m\"}\0", ""),
            (&deep, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_no_json() {
    let stage = Stage::start(plain::chat("never")).await;
    for bytes in [
        &b"{\"model\":\"m\",\"x\":\"\xff\"}"[..],
        b"{\"model\":\"m\",\"x\":\"\xc0\xaf\"}",
        b"\xff\xfe{\0}\0",
    ] {
        let reply = stage.chat().body(bytes).send().await;
        expect_failure(&reply, 400, "invalid_request");
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}
