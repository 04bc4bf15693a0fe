//! What an error answer means, from its status and what its body says.
//!
//! One table for every family. The codes that OpenAI defined are understood from anybody, because most servers imitate
//! them. Where a server says what is wrong only in prose (vLLM and llama.cpp do for a context overflow), fixed patterns
//! over its message decide. The text is read here and goes no further.

use once_cell::sync::Lazy;
use serde::Deserialize;

use super::outcome::ErrorClass;

/// Codes and types by which servers name what is wrong.
static NAMES: Lazy<Vec<(&'static str, ErrorClass)>> = Lazy::new(|| {
    vec![
        ("context_length_exceeded", ErrorClass::ContextLength),
        // llama.cpp, seen with build 11549.
        ("exceed_context_size_error", ErrorClass::ContextLength),
        ("content_policy_violation", ErrorClass::ContentPolicy),
        ("content_filter", ErrorClass::ContentPolicy),
        ("model_not_found", ErrorClass::ModelMissing),
    ]
});

/// Words of a message, all lower case, that stand for a context overflow.
const CONTEXT_WORDS: [&str; 5] = [
    "maximum context length",
    "exceeds the available context size",
    "context length exceeded",
    "prompt is too long",
    "longer than the maximum model length",
];

const LOADING_WORDS: [&str; 2] = ["loading model", "model is loading"];

/// What llama.cpp says when the request itself is at fault although its status is 500 (seen with build 11549).
const OUR_FAULT_WORDS: [&str; 3] = [
    "failed to parse",
    "invalid input batch",
    "unsupported content",
];

/// And when an input is too long for its batch, which no retry there can change.
const BATCH_WORDS: [&str; 1] = ["increase the physical batch size"];

/// The shapes that errors come in: an object, a bare string, FastAPI's `detail`, Anthropic's nesting.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    error: Option<ErrorField>,
    message: Option<String>,
    code: Option<Scalar>,
    detail: Option<Scalar>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorField {
    Object(ErrorObject),
    Text(String),
    Else(serde::de::IgnoredAny),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorObject {
    message: Option<Scalar>,
    #[serde(rename = "type")]
    kind: Option<Scalar>,
    code: Option<Scalar>,
    param: Option<Scalar>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(u64),
    Else(serde::de::IgnoredAny),
}

impl Scalar {
    fn text(self) -> Option<String> {
        match self {
            Scalar::Text(text) => Some(text),
            Scalar::Number(_) | Scalar::Else(_) => None,
        }
    }
}

/// What the body says, as far as it says it in a shape that is known.
#[derive(Default)]
struct Said {
    names: Vec<String>,
    /// The status that an error event names, having none of its own.
    status: Option<u16>,
    param: Option<String>,
    /// Lower case.
    message: String,
}

impl Said {
    fn read(body: &[u8]) -> Said {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let mut said = Said::default();
        let mut message = body.message.or_else(|| body.detail.and_then(Scalar::text));
        said.names.extend(body.code.and_then(Scalar::text));
        match body.error {
            Some(ErrorField::Object(error)) => {
                if let Some(Scalar::Number(code)) = &error.code {
                    said.status = u16::try_from(*code)
                        .ok()
                        .filter(|code| (400..600).contains(code));
                }
                said.names.extend(
                    [error.code, error.kind]
                        .into_iter()
                        .flatten()
                        .filter_map(Scalar::text),
                );
                said.param = error.param.and_then(Scalar::text);
                message = error.message.and_then(Scalar::text).or(message);
            }
            Some(ErrorField::Text(text)) => message = Some(text),
            Some(ErrorField::Else(_)) | None => {}
        }
        said.message = message.unwrap_or_default().to_lowercase();
        said
    }

    fn named(&self) -> Option<ErrorClass> {
        let known = |name: &String| NAMES.iter().find(|(known, _)| known == name);
        self.names.iter().find_map(known).map(|(_, class)| *class)
    }

    fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.message.contains(word))
    }
}

/// Classifies an answer that isn't a success. `body` may be cut off.
pub fn classify(status: u16, content_type: &str, body: &[u8]) -> ErrorClass {
    if is_page(content_type, body) && status != 401 && status != 403 {
        return match status {
            500 | 502..=504 | 520..=529 => ErrorClass::BadGateway,
            429 => ErrorClass::RateLimited,
            _ => ErrorClass::HtmlPage,
        };
    }
    let said = Said::read(body);
    match status {
        401 | 403 => ErrorClass::Auth,
        429 => ErrorClass::RateLimited,
        503 if said.mentions(&LOADING_WORDS) => ErrorClass::Loading,
        503 | 529 => ErrorClass::Overloaded,
        500 if said.named() == Some(ErrorClass::ContextLength) => ErrorClass::ContextLength,
        500 if said.mentions(&BATCH_WORDS) => ErrorClass::ContextLength,
        500 if said.mentions(&OUR_FAULT_WORDS) => ErrorClass::Rejected,
        500 => ErrorClass::ServerError,
        502 | 504 | 520..=527 => ErrorClass::BadGateway,
        // 508: another gateway found that it leads back to one of us.
        408 | 425 | 501 | 505 | 508 => ErrorClass::Unavailable,
        300..=399 => ErrorClass::Redirect,
        400..=499 => client_error(status, &said),
        _ => ErrorClass::ServerError,
    }
}

/// Classifies an error event by the status it names (vLLM) or by its type (Anthropic, OpenAI); none when it names nothing
/// that is known.
pub fn classify_event(body: &[u8]) -> Option<(u16, ErrorClass)> {
    let said = Said::read(body);
    let by_type = || {
        let known = said.names.iter().find_map(|name| match name.as_str() {
            "overloaded_error" => Some(529),
            "rate_limit_error" | "rate_limit_exceeded" => Some(429),
            "invalid_request_error" => Some(400),
            "authentication_error" => Some(401),
            "permission_error" => Some(403),
            "not_found_error" => Some(404),
            "api_error" | "server_error" => Some(500),
            _ => None,
        });
        known.or_else(|| said.named().map(|_| 400))
    };
    let status = said.status.or_else(by_type)?;
    Some((status, classify(status, "application/json", body)))
}

fn client_error(status: u16, said: &Said) -> ErrorClass {
    if let Some(class) = said.named() {
        return class;
    }
    if matches!(status, 400 | 413 | 422) && said.mentions(&CONTEXT_WORDS) {
        return ErrorClass::ContextLength;
    }
    let names_model = said.param.as_deref() == Some("model")
        || (said.message.contains("model") && said.message.contains("not found"))
        || (said.message.contains("model") && said.message.contains("does not exist"));
    if status == 404 && names_model {
        return ErrorClass::ModelMissing;
    }
    ErrorClass::Rejected
}

fn is_page(content_type: &str, body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let looks = |prefix: &[u8]| {
        start
            .get(..prefix.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(prefix))
    };
    content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("text/html")
        || looks(b"<!doctype html")
        || looks(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "application/json";

    fn of(status: u16, body: &str) -> ErrorClass {
        classify(status, JSON, body.as_bytes())
    }

    #[test]
    fn openai_codes_are_understood_from_anybody() {
        let overflow = r#"{"error":{"message":"x","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
        assert_eq!(of(400, overflow), ErrorClass::ContextLength);
        assert_eq!(
            of(400, r#"{"error":{"code":"content_policy_violation"}}"#),
            ErrorClass::ContentPolicy
        );
        assert_eq!(
            of(404, r#"{"error":{"code":"model_not_found"}}"#),
            ErrorClass::ModelMissing
        );
    }

    #[test]
    fn servers_that_only_say_it_in_prose_are_understood() {
        let vllm = r#"{"error":{"message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}}"#;
        assert_eq!(of(400, vllm), ErrorClass::ContextLength);
        let llama = r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#;
        assert_eq!(of(400, llama), ErrorClass::ContextLength);
        let missing = r#"{"error":{"message":"The model `nope` does not exist.","type":"NotFoundError","param":"model","code":404}}"#;
        assert_eq!(of(404, missing), ErrorClass::ModelMissing);
        let loading =
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
        assert_eq!(of(503, loading), ErrorClass::Loading);
    }

    #[test]
    fn an_error_event_is_classified_by_what_it_names() {
        let vllm =
            br#"{"error":{"message":"busy","type":"Service Unavailable","param":null,"code":503}}"#;
        assert_eq!(classify_event(vllm), Some((503, ErrorClass::Overloaded)));
        let anthropic = br#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#;
        assert_eq!(
            classify_event(anthropic),
            Some((529, ErrorClass::Overloaded))
        );
        assert_eq!(classify_event(br#"{"error":{"message":"x"}}"#), None);
        assert_eq!(classify_event(b"nope"), None);
    }

    #[test]
    fn what_llama_cpp_calls_its_own_error_is_the_requests() {
        let parse = r#"{"error":{"code":500,"message":"Failed to parse messages: x","type":"server_error"}}"#;
        assert_eq!(of(500, parse), ErrorClass::Rejected);
        let batch = r#"{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}"#;
        assert_eq!(of(500, batch), ErrorClass::ContextLength);
    }

    #[test]
    fn real_errors_are_what_they_mean() {
        let table = [
            ("context_overflow", ErrorClass::ContextLength),
            ("context_overflow_completions", ErrorClass::ContextLength),
            ("context_overflow_messages", ErrorClass::ContextLength),
            ("context_overflow_responses", ErrorClass::ContextLength),
            ("context_overflow_stream", ErrorClass::ContextLength),
            ("embeddings_overflow", ErrorClass::ContextLength),
            ("bad_json", ErrorClass::Rejected),
            ("bad_role", ErrorClass::Rejected),
            ("missing_messages", ErrorClass::Rejected),
            ("no_key", ErrorClass::Auth),
            ("wrong_key", ErrorClass::Auth),
            ("unknown_path", ErrorClass::Rejected),
            ("loading_chat", ErrorClass::Loading),
            ("overloaded_plain", ErrorClass::Overloaded),
            ("unknown_model", ErrorClass::ModelMissing),
        ];
        let mut seen = 0;
        for recorded in crate::recorded::all() {
            let named = table.iter().find(|(case, _)| *case == recorded.case);
            let Some((_, class)) = named else { continue };
            let at = memchr::memmem::find(&recorded.answer, b"\r\n\r\n").unwrap() + 4;
            let (head, body) = recorded.answer.split_at(at);
            let status = std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap();
            // llama.cpp answers with the model that it has.
            if status == 200 && recorded.case == "unknown_model" {
                continue;
            }
            // Chunk sizes around the JSON would hide it.
            let from = memchr::memchr(b'{', body).unwrap();
            let to = memchr::memrchr(b'}', body).unwrap();
            let class_seen = classify(status, JSON, &body[from..=to]);
            assert_eq!(class_seen, *class, "{} {}", recorded.family, recorded.case);
            seen += 1;
        }
        assert!(seen >= 21, "only {seen} recorded errors");
    }

    #[test]
    fn a_plain_not_found_is_no_missing_model() {
        assert_eq!(of(404, r#"{"detail":"Not Found"}"#), ErrorClass::Rejected);
        assert_eq!(of(404, ""), ErrorClass::Rejected);
    }

    #[test]
    fn an_error_that_is_a_string_is_read() {
        assert_eq!(of(401, r#"{"error":"Unauthorized"}"#), ErrorClass::Auth);
        assert_eq!(
            of(
                404,
                r#"{"error":"model \"x\" not found, try pulling it first"}"#
            ),
            ErrorClass::ModelMissing
        );
    }

    #[test]
    fn pages_are_no_answers() {
        assert_eq!(
            classify(200, "text/html; charset=utf-8", b"<html>"),
            ErrorClass::HtmlPage
        );
        assert_eq!(
            classify(404, "", b"\n<!DOCTYPE HTML><html>"),
            ErrorClass::HtmlPage
        );
        assert_eq!(
            classify(502, "text/html", b"<html>cloudflare"),
            ErrorClass::BadGateway
        );
    }

    #[test]
    fn each_status_has_its_class() {
        for (status, class) in [
            (429, ErrorClass::RateLimited),
            (503, ErrorClass::Overloaded),
            (529, ErrorClass::Overloaded),
            (500, ErrorClass::ServerError),
            (502, ErrorClass::BadGateway),
            (504, ErrorClass::BadGateway),
            (522, ErrorClass::BadGateway),
            (408, ErrorClass::Unavailable),
            (501, ErrorClass::Unavailable),
            (403, ErrorClass::Auth),
            (302, ErrorClass::Redirect),
            (422, ErrorClass::Rejected),
            (400, ErrorClass::Rejected),
        ] {
            assert_eq!(of(status, "{}"), class, "{status}");
        }
    }
}
