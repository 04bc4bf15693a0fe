//! Whole answers of failures, in `failures/<name>.json`, with the id masked.
//!
//! `SIDEGATE_BLESS=1` writes them anew; read the difference before it is kept.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Event, Reply};

const TYPES: [&str; 8] = [
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "insufficient_quota",
    "server_error",
    "upstream_error",
];

/// The longest hint that fits on two lines of a terminal beside its label.
const LONGEST_HINT: usize = 300;

pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/failures"))
}

/// The whole answer is the one in the file, and has the headers that belong to it.
#[track_caller]
pub fn expect_answer(name: &str, reply: &Reply) {
    assert!(reply.is_whole() && !reply.is_stream(), "{name}: {reply:?}");
    compare(name, &String::from_utf8_lossy(&reply.body), reply);
    expect_headers(name, reply);
    expect_rules(name, &reply.json(), reply);
    assert_eq!(reply.json()["http_status"], reply.status, "{name}");
}

/// The data of the stream's last event is the one in the file, and the stream doesn't pretend to be whole.
#[track_caller]
pub fn expect_event(name: &str, reply: &Reply) {
    let last = reply.events().pop().expect("an event");
    assert!(last.is_error(), "{name}: the last event is {last:?}");
    assert!(!reply.is_whole() && !reply.has_done(), "{name}: {reply:?}");
    compare(name, &last.data, reply);
    let failure = last.json().expect("JSON");
    expect_rules(name, &failure, reply);
    assert_eq!(
        reply
            .events()
            .iter()
            .filter(|event| Event::is_error(event))
            .count(),
        1,
        "{name}"
    );
}

#[track_caller]
fn compare(name: &str, text: &str, reply: &Reply) {
    let id = reply.correlation_id().expect("an id");
    let actual = indented(text).replace(id, "<correlation id>") + "\n";
    let file = folder().join(format!("{name}.json"));
    if std::env::var_os("SIDEGATE_BLESS").is_some() {
        return std::fs::write(&file, actual).expect("a file beside the tests");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs", file.display());
}

#[track_caller]
fn expect_headers(name: &str, reply: &Reply) {
    let retryable = reply.json()["error"]["retryable"].to_string();
    assert_eq!(
        reply.header("x-should-retry"),
        Some(retryable.as_str()),
        "{name}"
    );
    assert_eq!(
        reply.header("content-type"),
        Some("application/json"),
        "{name}"
    );
    let seconds = reply
        .header("retry-after")
        .map(|text| text.parse::<u64>().expect("whole seconds"));
    let millis = reply
        .header("retry-after-ms")
        .map(|text| text.parse::<u64>().expect("a number"));
    let waits = matches!(reply.status, 429 | 503);
    assert_eq!(
        (seconds.is_some(), millis),
        (waits, seconds.map(|s| s * 1000)),
        "{name}: {reply:?}"
    );
    assert_ne!(seconds, Some(0), "{name}");
}

/// What holds for every failure, in any shape.
#[track_caller]
fn expect_rules(name: &str, failure: &Value, reply: &Reply) {
    let id = reply.correlation_id().expect("an id");
    let error = &failure["error"];
    for key in [
        "route",
        "provider_family",
        "http_status",
        "correlation_id",
        "remediation_hint",
    ] {
        assert!(
            !failure[key].is_null() && failure[key] == error[key],
            "{name}: {key} in {failure}"
        );
    }
    assert_eq!(failure["correlation_id"], id, "{name}");
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.ends_with(&format!(". (sidegate {id})")),
        "{name}: {message}"
    );
    let hint = failure["remediation_hint"].as_str().expect("a hint");
    assert!(
        hint.len() <= LONGEST_HINT && hint.ends_with('.'),
        "{name}: {hint}"
    );
    let first_step = hint.split("; ").next().unwrap_or_default();
    assert!(
        message.contains(first_step),
        "{name}: the message lacks {first_step:?}"
    );
    let kind = error["type"].as_str().expect("a type");
    let known = TYPES.contains(&kind) || failure["type"] == "error";
    assert!(known, "{name}: {kind}");
}

/// The same JSON with a line for each member; the order of keys stays.
fn indented(text: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0, false, false);
    for letter in text.chars() {
        let closes = !quoted && letter == '}';
        if closes {
            depth -= 1;
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
        out.push(letter);
        if quoted {
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => quoted = true,
            '{' | ',' => {
                depth += usize::from(letter == '{');
                out.push('\n');
                out.push_str(&"  ".repeat(depth));
            }
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

#[test]
fn indenting_changes_nothing_but_white_space() {
    let text = r#"{"a":{"b":"x, {\"y\": 1}","c":null},"d":1}"#;
    let indented = indented(text);
    let expected =
        "{\n  \"a\": {\n    \"b\": \"x, {\\\"y\\\": 1}\",\n    \"c\": null\n  },\n  \"d\": 1\n}";
    assert_eq!(indented, expected);
}
