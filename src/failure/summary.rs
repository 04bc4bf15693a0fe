//! The one place that makes an answer of a failure: its JSON, its event in a stream, its headers.
//!
//! `error` is the first key and repeats the five fields that scripts read at the top, because SDKs keep only `error`.
//! The order of keys is part of the contract: the structs below are written in it.

use serde::Serialize;

use super::code::Kind;
use super::message::message;
use super::{hint, Code, Failure};

/// What the request knows of itself when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'a> {
    /// The route's configured name; `none` where none was found yet.
    pub route: &'a str,
    /// The family of the upstream that had the last word; `none` where none was asked.
    pub provider_family: &'a str,
    /// The request's id, which is the only text of the client's that may appear.
    pub correlation_id: &'a str,
    /// How often an upstream was asked.
    pub attempts: u32,
}

/// The outer shape of a failure, by the API that was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `chat/completions`, `completions`, `embeddings` and all that has no shape of its own.
    OpenAi,
    /// `responses`: the same answer, another event.
    Responses,
    /// `messages`.
    Anthropic,
}

/// The whole JSON answer.
pub fn body(failure: &Failure, about: &About<'_>, shape: Shape) -> Vec<u8> {
    let told = Told::new(&failure.public(), about);
    match shape {
        Shape::OpenAi | Shape::Responses => json(&told.openai()),
        Shape::Anthropic => json(&told.anthropic()),
    }
}

/// The same as the last event of a stream that has begun; what follows is the connection's end, never `[DONE]`.
pub fn event(failure: &Failure, about: &About<'_>, shape: Shape) -> Vec<u8> {
    let told = Told::new(&failure.public(), about);
    let data = match shape {
        Shape::OpenAi => json(&told.openai()),
        Shape::Responses => json(&told.responses_event()),
        Shape::Anthropic => json(&told.anthropic()),
    };
    [b"event: error\ndata: ".as_slice(), &data, b"\n\n"].concat()
}

/// The headers that belong to the failure; the caller adds those that every answer has.
///
/// `x-should-retry` is always there: without it an SDK resends what the gateway has already tried often enough.
pub fn headers(failure: &Failure, _about: &About<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-should-retry", failure.code().retryable().to_string()),
    ];
    let status = failure.http_status();
    if matches!(status, 429 | 503) {
        let seconds = failure.wait_seconds();
        headers.push(("retry-after", seconds.to_string()));
        headers.push(("retry-after-ms", seconds.saturating_mul(1000).to_string()));
    }
    if status == 401 {
        // RFC 9110, 15.5.2: a 401 must have it.
        headers.push(("www-authenticate", "Bearer".to_owned()));
    }
    if let (Code::MethodNotAllowed, Some(methods)) = (failure.code(), failure.allowed_methods()) {
        headers.push(("allow", methods.to_owned()));
    }
    headers
}

/// Everything that is said, before it takes a shape.
struct Told<'a> {
    code: Code,
    status: u16,
    message: String,
    param: Option<String>,
    facts: Facts<'a>,
    outcome: Outcome,
}

/// The fields that stand both at the top and in `error`.
#[derive(Serialize)]
struct Facts<'a> {
    route: &'a str,
    provider_family: &'a str,
    http_status: u16,
    correlation_id: &'a str,
    remediation_hint: String,
}

#[derive(Serialize)]
struct Outcome {
    upstream_status: Option<u16>,
    attempts: u32,
    retryable: bool,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'static str,
    code: &'static str,
    param: Option<&'a str>,
    #[serde(flatten)]
    facts: &'a Facts<'a>,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    r#type: &'static str,
    message: &'a str,
    code: &'static str,
    param: Option<&'a str>,
    #[serde(flatten)]
    facts: &'a Facts<'a>,
    #[serde(flatten)]
    outcome: &'a Outcome,
}

#[derive(Serialize)]
struct OpenAiBody<'a> {
    error: OpenAiError<'a>,
    #[serde(flatten)]
    facts: &'a Facts<'a>,
}

#[derive(Serialize)]
struct AnthropicBody<'a> {
    r#type: &'static str,
    error: AnthropicError<'a>,
    #[serde(flatten)]
    facts: &'a Facts<'a>,
}

#[derive(Serialize)]
struct ResponsesEvent<'a> {
    r#type: &'static str,
    code: &'static str,
    message: &'a str,
    param: Option<&'a str>,
    error: OpenAiError<'a>,
    #[serde(flatten)]
    facts: &'a Facts<'a>,
}

impl<'a> Told<'a> {
    fn new(failure: &Failure, about: &About<'a>) -> Told<'a> {
        let code = failure.code();
        let status = failure.http_status();
        Told {
            code,
            status,
            message: message(failure, about),
            param: failure.place().map(ToString::to_string),
            facts: Facts {
                route: about.route,
                provider_family: about.provider_family,
                http_status: status,
                correlation_id: about.correlation_id,
                remediation_hint: hint::hint(failure, about),
            },
            outcome: Outcome {
                upstream_status: failure.seen_upstream_status(),
                attempts: about.attempts,
                retryable: code.retryable(),
            },
        }
    }

    fn openai(&self) -> OpenAiBody<'_> {
        OpenAiBody {
            error: self.openai_error(),
            facts: &self.facts,
        }
    }

    fn openai_error(&self) -> OpenAiError<'_> {
        OpenAiError {
            message: &self.message,
            r#type: self.code.error_type(),
            code: self.code.as_str(),
            param: self.param.as_deref(),
            facts: &self.facts,
            outcome: &self.outcome,
        }
    }

    fn responses_event(&self) -> ResponsesEvent<'_> {
        ResponsesEvent {
            r#type: "error",
            code: self.code.as_str(),
            message: &self.message,
            param: self.param.as_deref(),
            error: self.openai_error(),
            facts: &self.facts,
        }
    }

    fn anthropic(&self) -> AnthropicBody<'_> {
        AnthropicBody {
            r#type: "error",
            error: AnthropicError {
                r#type: anthropic_type(self.code.kind(), self.status),
                message: &self.message,
                code: self.code.as_str(),
                param: self.param.as_deref(),
                facts: &self.facts,
                outcome: &self.outcome,
            },
            facts: &self.facts,
        }
    }
}

/// The names that clients of the messages API know.
fn anthropic_type(kind: Kind, status: u16) -> &'static str {
    match kind {
        Kind::InvalidRequest if status == 413 => "request_too_large",
        Kind::InvalidRequest => "invalid_request_error",
        Kind::Authentication => "authentication_error",
        Kind::Permission => "permission_error",
        Kind::NotFound => "not_found_error",
        Kind::RateLimit | Kind::Quota => "rate_limit_error",
        Kind::Server if status == 503 => "overloaded_error",
        Kind::Server | Kind::Upstream => "api_error",
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Structs of strings, numbers and bools can't fail to serialise; an empty body would still have its status.
    serde_json::to_vec(value).unwrap_or_default()
}
