//! Plain spans as OTLP's protobuf.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, Status};
use prost::Message;

use super::exporter::Process;
use super::names;
use super::span::{Answer, AttemptSpan, RequestSpan};

/// More than any span has.
const USUAL_ATTRIBUTES: usize = 20;

/// The body of a request to the collector.
pub fn encode(requests: &[RequestSpan], process: &Process) -> Vec<u8> {
    let spans = requests.iter().flat_map(spans_of).collect();
    let mut resource = Attributes::default();
    resource.text(names::SERVICE_NAME, names::SIDEGATE);
    resource.text(names::SERVICE_VERSION, process.version);
    resource.text(names::SERVICE_INSTANCE, &process.instance);
    let scope = InstrumentationScope {
        name: names::SIDEGATE.to_owned(),
        version: process.version.to_owned(),
        ..InstrumentationScope::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: resource.0,
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

/// How many spans the collector took out of what it accepted, by its answer's body.
pub fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    let rejected = answer.partial_success.map_or(0, |part| part.rejected_spans);
    u64::try_from(rejected).unwrap_or(0)
}

fn spans_of(request: &RequestSpan) -> impl Iterator<Item = Span> + '_ {
    let attempts = request.attempts.iter().enumerate();
    let attempts = attempts.map(|(place, attempt)| attempt_span(request, place, attempt));
    std::iter::once(request_span(request)).chain(attempts)
}

fn request_span(request: &RequestSpan) -> Span {
    let trace = &request.trace;
    let flags = u32::from(trace.flags) | SpanFlags::ContextHasIsRemoteMask as u32;
    let remote = trace
        .parent
        .map_or(0, |_| SpanFlags::ContextIsRemoteMask as u32);
    Span {
        trace_id: trace.id.to_bytes().to_vec(),
        span_id: trace.span.to_bytes().to_vec(),
        parent_span_id: trace
            .parent
            .map_or(Vec::new(), |parent| parent.to_bytes().to_vec()),
        flags: flags | remote,
        name: request_name(request),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanos(request.started),
        end_time_unix_nano: nanos(request.started + request.took),
        attributes: request_attributes(request),
        status: status(request.error()),
        ..Span::default()
    }
}

fn attempt_span(request: &RequestSpan, place: usize, attempt: &AttemptSpan) -> Span {
    let trace = &request.trace;
    let started = request.started + attempt.began;
    Span {
        trace_id: trace.id.to_bytes().to_vec(),
        span_id: attempt.id.to_bytes().to_vec(),
        parent_span_id: trace.span.to_bytes().to_vec(),
        flags: u32::from(trace.flags) | SpanFlags::ContextHasIsRemoteMask as u32,
        name: attempt_name(request, attempt),
        kind: SpanKind::Client.into(),
        start_time_unix_nano: nanos(started),
        end_time_unix_nano: nanos(started + attempt.took),
        attributes: attempt_attributes(request, place, attempt),
        status: status(attempt.error()),
        ..Span::default()
    }
}

/// `{method} {route}`, as the HTTP conventions name what a server does.
fn request_name(request: &RequestSpan) -> String {
    let method = request.method.unwrap_or(names::UNKNOWN_METHOD_SPAN);
    match request.path {
        Some(path) => format!("{method} /v1/{path}"),
        None => method.to_owned(),
    }
}

/// `{operation} {model}`, as the GenAI conventions name what a client does.
fn attempt_name(request: &RequestSpan, attempt: &AttemptSpan) -> String {
    let operation = request
        .operation
        .map_or(names::SIDEGATE, |operation| operation.as_str());
    match &attempt.model {
        Some(model) => format!("{operation} {model}"),
        None => operation.to_owned(),
    }
}

fn request_attributes(request: &RequestSpan) -> Vec<KeyValue> {
    let mut all = Attributes::default();
    all.text(
        names::HTTP_METHOD,
        request.method.unwrap_or(names::OTHER_METHOD),
    );
    all.text(
        names::URL_SCHEME,
        if request.https { "https" } else { "http" },
    );
    if let Some(path) = request.path {
        all.text(names::HTTP_ROUTE, &format!("/v1/{path}"));
        all.text(names::URL_PATH, &format!("/v1/{path}"));
    }
    all.number_if(names::HTTP_STATUS, request.sent_status().map(u64::from));
    all.text_if(names::ERROR_TYPE, request.error());
    all.text_if(
        names::OPERATION,
        request.operation.map(|operation| operation.as_str()),
    );
    all.text_if(names::REQUEST_MODEL, request.alias.as_deref());
    all.flag_if_true(names::STREAM, request.stream);
    all.text(names::CODE, request.code);
    all.text(names::CORRELATION, &request.correlation_id);
    all.text_if(names::CALLER, request.caller.as_deref());
    all.text_if(names::ROUTE, request.route.as_deref());
    all.text_if(names::SKILL, request.skill.as_deref());
    all.text_if(names::LANE, request.lane.map(|lane| lane.as_str()));
    all.number_if(names::ATTEMPTS, Some(request.attempts.len() as u64));
    all.seconds_if(names::QUEUE_SECONDS, request.queued);
    all.seconds_if(names::FIRST_TOKEN_SECONDS, request.first_token);
    all.number_if(names::GENERATION, Some(request.config_generation));
    all.0
}

fn attempt_attributes(request: &RequestSpan, place: usize, attempt: &AttemptSpan) -> Vec<KeyValue> {
    let mut all = Attributes::default();
    all.text_if(
        names::OPERATION,
        request.operation.map(|operation| operation.as_str()),
    );
    all.text(names::PROVIDER, attempt.server.family.as_str());
    all.text_if(names::REQUEST_MODEL, attempt.model.as_deref());
    all.flag_if_true(names::STREAM, request.stream);
    all.text(names::SERVER_ADDRESS, &attempt.server.host);
    all.number_if(names::SERVER_PORT, Some(u64::from(attempt.server.port)));
    all.number_if(names::HTTP_STATUS, attempt.status.map(u64::from));
    all.number_if(
        names::HTTP_RESEND,
        Some(place as u64).filter(|place| *place > 0),
    );
    all.text_if(names::ERROR_TYPE, attempt.error());
    all.text(names::UPSTREAM, &attempt.server.upstream);
    all.text(names::OUTCOME, attempt.outcome.as_str());
    all.number_if(names::TIER, Some(u64::from(attempt.tier)));
    all.flag_if_true(names::REUSED, attempt.reused);
    if let Some(answer) = &attempt.answer {
        all.answer(answer);
    }
    all.0
}

/// Ok is for whoever reads spans to say; we say only what went wrong, and its words stand in `error.type`.
fn status(error: Option<&'static str>) -> Option<Status> {
    error.map(|_| Status {
        message: String::new(),
        code: StatusCode::Error.into(),
    })
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The attributes of one span.
struct Attributes(Vec<KeyValue>);

impl Default for Attributes {
    fn default() -> Attributes {
        Attributes(Vec::with_capacity(USUAL_ATTRIBUTES))
    }
}

impl Attributes {
    fn answer(&mut self, answer: &Answer) {
        if let Some(reason) = answer.finish_reason {
            let values = vec![any(Value::StringValue(reason.to_owned()))];
            self.put(
                names::FINISH_REASONS,
                Value::ArrayValue(ArrayValue { values }),
            );
        }
        self.seconds_if(names::FIRST_CHUNK, answer.first_chunk);
        self.number_if(names::INPUT_TOKENS, answer.input_tokens);
        self.number_if(names::OUTPUT_TOKENS, answer.output_tokens);
        self.number_if(names::CACHED_TOKENS, answer.cached_tokens);
    }

    fn text(&mut self, name: &'static str, value: &str) {
        self.put(name, Value::StringValue(value.to_owned()));
    }

    fn text_if(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number_if(&mut self, name: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.put(
                name,
                Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)),
            );
        }
    }

    fn seconds_if(&mut self, name: &'static str, value: Option<Duration>) {
        if let Some(value) = value {
            self.put(name, Value::DoubleValue(value.as_secs_f64()));
        }
    }

    fn flag_if_true(&mut self, name: &'static str, value: bool) {
        if value {
            self.put(name, Value::BoolValue(true));
        }
    }

    fn put(&mut self, name: &'static str, value: Value) {
        self.0.push(KeyValue {
            key: name.to_owned(),
            value: Some(any(value)),
            ..KeyValue::default()
        });
    }
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

#[cfg(test)]
mod tests;
