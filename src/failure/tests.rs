use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::*;
use crate::config::Family;

mod golden;
mod hints;
mod page;

const ABOUT: About<'_> = About {
    route: "chat",
    provider_family: "vllm",
    correlation_id: "0192f0c1-7a1e-7000-8000-0123456789ab",
    attempts: 4,
};

const SHAPES: [Shape; 3] = [Shape::OpenAi, Shape::Responses, Shape::Anthropic];

fn text(failure: &Failure, shape: Shape) -> String {
    String::from_utf8(body(failure, &ABOUT, shape)).unwrap()
}

fn value(failure: &Failure, shape: Shape) -> Value {
    serde_json::from_slice(&body(failure, &ABOUT, shape)).unwrap()
}

fn message(failure: &Failure) -> String {
    let body = value(failure, Shape::OpenAi);
    body["error"]["message"].as_str().unwrap().to_owned()
}

fn header(failure: &Failure, name: &str) -> Option<String> {
    let mut found = headers(failure, &ABOUT)
        .into_iter()
        .filter(|(n, _)| *n == name);
    let value = found.next().map(|(_, value)| value);
    assert!(found.next().is_none(), "{name} is there twice");
    value
}

/// The contract, written down a second time: code, status, resent by SDKs.
const CONTRACT: &str = "
    missing_token 401 no      invalid_token 401 no      expired_token 401 no      insufficient_scope 403 no
    host_denied 421 no        origin_denied 403 no      unknown_model 404 no      unknown_path 404 no
    method_not_allowed 405 no invalid_request 400 no    duplicate_key 400 no      schema_violation 400 no
    skill_unknown 400 no      unsupported_media_type 415 no                       body_too_large 413 no
    headers_too_large 431 no  request_timeout 408 no    context_length_exceeded 400 no
    content_policy_violation 400 no                     upstream_rejected 400 no  rate_limited 429 no
    budget_exhausted 429 no   lane_full 429 yes         queue_timeout 503 yes     circuit_open 503 no
    no_upstream 503 no        upstream_overloaded 503 no                          retry_budget_exhausted 503 no
    upstream_unreachable 502 no                         upstream_error 502 no     upstream_protocol_error 502 no
    upstream_truncated 502 no upstream_auth_failed 502 no                         upstream_model_missing 502 no
    upstream_redirect 502 no  response_schema_violation 502 no                    upstream_connect_timeout 504 no
    upstream_header_timeout 504 no                      upstream_first_token_timeout 504 no
    upstream_idle_timeout 504 no                        upstream_plain_timeout 504 no
    deadline_exceeded 504 no  stream_interrupted 502 no draining 503 yes          too_many_connections 503 yes
    loop_detected 508 no      internal 500 no           client_closed 499 no
";

#[test]
fn codes_have_the_name_status_and_retry_of_the_contract() {
    let words: Vec<&str> = CONTRACT.split_whitespace().collect();
    let expected: Vec<String> = words.chunks(3).map(|row| row.join(" ")).collect();
    let actual: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let again = if code.retryable() { "yes" } else { "no" };
            format!("{} {} {again}", code.as_str(), code.status())
        })
        .collect();
    assert_eq!(actual, expected);
}

#[test]
fn error_types_are_of_the_closed_set() {
    let set = "invalid_request_error authentication_error permission_error not_found_error \
               rate_limit_error insufficient_quota server_error upstream_error";
    for code in Code::ALL {
        let known = set.split(' ').any(|word| word == code.error_type());
        assert!(known, "{code:?}: {}", code.error_type());
    }
}

#[test]
fn refused_tokens_are_told_alike_whatever_else_is_known() {
    let plain = Failure::new(Code::InvalidToken);
    for code in [Code::MissingToken, Code::InvalidToken, Code::ExpiredToken] {
        let telling = Failure::new(code)
            .config_key("callers.token_file")
            .upstream_status(200)
            .retry_after(Duration::from_secs(9))
            .pointer(Pointer::from_static("/model"))
            .family(Family::Ollama)
            .loading();
        for shape in SHAPES {
            assert_eq!(text(&telling, shape), text(&plain, shape), "{code:?}");
            let seen = event(&telling, &ABOUT, shape);
            assert_eq!(seen, event(&plain, &ABOUT, shape), "{code:?}");
        }
        assert_eq!(headers(&telling, &ABOUT), headers(&plain, &ABOUT));
        assert_eq!(hint(&telling, &ABOUT), hint(&plain, &ABOUT));
        assert_eq!(telling.code(), code, "the log has the precise one");
    }
}

#[test]
fn retryable_in_the_body_is_x_should_retry() {
    for &code in Code::ALL {
        let failure = Failure::new(code);
        let told = value(&failure, Shape::OpenAi)["error"]["retryable"].to_string();
        assert_eq!(header(&failure, "x-should-retry"), Some(told), "{code:?}");
    }
}

#[test]
fn every_429_and_503_says_when_to_come_back_and_nothing_else_does() {
    for &code in Code::ALL {
        let failure = Failure::new(code).retry_after(Duration::from_millis(11_200));
        let expected = matches!(code.status(), 429 | 503);
        let seconds = header(&failure, "retry-after");
        let milliseconds = header(&failure, "retry-after-ms");
        assert_eq!(seconds, expected.then(|| "12".to_owned()), "{code:?}");
        assert_eq!(
            milliseconds,
            expected.then(|| "12000".to_owned()),
            "{code:?}"
        );
    }
}

#[test]
fn a_wait_is_whole_seconds_from_one_to_a_day() {
    let told = |wait| {
        Failure::new(Code::RateLimited)
            .retry_after(wait)
            .wait_seconds()
    };
    assert_eq!(told(Duration::ZERO), 1);
    assert_eq!(told(Duration::from_nanos(1)), 1);
    assert_eq!(told(Duration::from_secs(12)), 12);
    assert_eq!(told(Duration::new(12, 1)), 13);
    assert_eq!(told(Duration::MAX), 86_400);
}

#[test]
fn a_wait_that_nobody_named_is_short() {
    for code in [
        Code::LaneFull,
        Code::Draining,
        Code::TooManyConnections,
        Code::CircuitOpen,
    ] {
        assert_eq!(Failure::new(code).wait_seconds(), 1, "{code:?}");
    }
    assert_eq!(Failure::new(Code::QueueTimeout).wait_seconds(), 5);
    assert_eq!(Failure::new(Code::UpstreamOverloaded).wait_seconds(), 5);
}

#[test]
fn only_three_codes_keep_the_status_of_the_upstream() {
    for &code in Code::ALL {
        let told = Failure::new(code).status(422).http_status();
        let expected = if code.keeps_upstream_status() {
            422
        } else {
            code.status()
        };
        assert_eq!(told, expected, "{code:?}");
    }
    for odd in [0, 200, 302, 399, 401, 407, 500, 999] {
        let told = Failure::new(Code::UpstreamRejected)
            .status(odd)
            .http_status();
        assert_eq!(told, 400, "{odd}");
    }
}

#[test]
fn required_headers_of_401_and_405_are_there() {
    let unnamed = Failure::new(Code::ExpiredToken);
    assert_eq!(
        header(&unnamed, "www-authenticate").as_deref(),
        Some("Bearer")
    );
    let get = Failure::new(Code::MethodNotAllowed).allow("POST");
    assert_eq!(header(&get, "allow").as_deref(), Some("POST"));
    let other = Failure::new(Code::UnknownPath).allow("POST");
    assert_eq!(header(&other, "allow"), None);
}

#[test]
fn messages_that_clients_match_begin_as_they_must() {
    for (code, beginning) in [
        (
            Code::ContextLengthExceeded,
            "This model's maximum context length was exceeded",
        ),
        (Code::RateLimited, "Rate limit reached"),
        (Code::UpstreamOverloaded, "The model is overloaded"),
    ] {
        for failure in [
            Failure::new(code),
            Failure::new(code).html_page(),
            Failure::new(code).loading(),
        ] {
            let message = message(&failure);
            assert!(message.starts_with(beginning), "{message}");
        }
    }
}

#[test]
fn a_message_is_the_cause_the_number_the_first_step_and_the_id() {
    let failure = Failure::new(Code::UpstreamOverloaded).retry_after(Duration::from_secs(12));
    let id = ABOUT.correlation_id;
    let expected = format!("The model is overloaded. Wait 12 s and resend. (sidegate {id})");
    assert_eq!(message(&failure), expected);
    assert!(hint(&failure, &ABOUT).starts_with("Wait 12 s and resend; "));

    let failure = Failure::new(Code::ContextLengthExceeded).context_window(32_768);
    let message = message(&failure);
    assert!(
        message.contains("maximum context length is 32768 tokens."),
        "{message}"
    );
}

#[test]
fn a_budget_says_when_it_renews() {
    let midnight = SystemTime::UNIX_EPOCH + Duration::from_millis(1_798_761_600_250);
    let failure = Failure::new(Code::BudgetExhausted).renews_at(midnight);
    assert!(hint(&failure, &ABOUT)
        .starts_with("Wait until the budget renews at 2027-01-01T00:00:00Z; "));

    let before_time = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    let failure = Failure::new(Code::BudgetExhausted).renews_at(before_time);
    assert!(hint(&failure, &ABOUT).starts_with("Wait until the budget renews; "));
}

#[test]
fn a_pointer_names_known_keys_only() {
    let pointer = Pointer::new([
        Segment::Key("messages"),
        Segment::Index(3),
        Segment::Other,
        Segment::SchemaKey("a/b~c".into()),
    ]);
    assert_eq!(pointer.to_string(), "/messages/3/*/a~1b~0c");
    assert_eq!(
        Pointer::from_static("/tools/0/type").to_string(),
        "/tools/0/type"
    );
    assert_eq!(Pointer::from_static("").to_string(), "");
    let deep = Pointer::new(std::iter::repeat_n(Segment::Other, 10_000));
    assert_eq!(deep.to_string(), "/*".repeat(16));
}

#[test]
fn the_offending_place_is_param_and_in_the_message() {
    let failure = Failure::new(Code::DuplicateKey).pointer(Pointer::from_static("/model"));
    for shape in SHAPES {
        assert_eq!(value(&failure, shape)["error"]["param"], "/model");
    }
    assert!(
        message(&failure).contains(" at /model. "),
        "{}",
        message(&failure)
    );
    assert_eq!(
        value(&Failure::new(Code::DuplicateKey), Shape::OpenAi)["error"]["param"],
        Value::Null
    );
}

#[test]
fn anthropic_gets_its_own_type_names() {
    let names = "invalid_request_error authentication_error permission_error not_found_error \
                 request_too_large rate_limit_error api_error overloaded_error";
    let told = |failure: &Failure| {
        let body = value(failure, Shape::Anthropic);
        assert_eq!(body["type"], "error");
        body["error"]["type"].as_str().unwrap().to_owned()
    };
    for &code in Code::ALL {
        let name = told(&Failure::new(code));
        assert!(
            names.split(' ').any(|known| known == name),
            "{code:?}: {name}"
        );
    }
    assert_eq!(told(&Failure::new(Code::BodyTooLarge)), "request_too_large");
    assert_eq!(
        told(&Failure::new(Code::UpstreamOverloaded)),
        "overloaded_error"
    );
    assert_eq!(
        told(&Failure::new(Code::BudgetExhausted)),
        "rate_limit_error"
    );
    assert_eq!(told(&Failure::new(Code::UpstreamError)), "api_error");
}

#[test]
fn an_event_is_one_line_of_json_whatever_the_names_hold() {
    let about = About {
        route: "a\n\ndata: [DONE]\r\"",
        provider_family: "\u{2028}",
        ..ABOUT
    };
    for shape in SHAPES {
        let event = String::from_utf8(event(&Failure::new(Code::StreamInterrupted), &about, shape))
            .unwrap();
        let lines: Vec<&str> = event.split(['\n', '\r']).collect();
        assert_eq!(lines.len(), 4, "{event}");
        assert_eq!(lines[0], "event: error");
        let data: Value = serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(data["error"]["code"], "stream_interrupted");
        assert_eq!(data["route"], about.route);
        assert_eq!((lines[2], lines[3]), ("", ""));
    }
}
