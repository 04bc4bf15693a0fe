use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::record::labels::Outcome;
use crate::record::trace::names::ATTRIBUTES;
use crate::record::trace::sample::{self, decode};

/// Attributes as text, by name.
fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let pairs: Vec<_> = span
        .attributes
        .iter()
        .map(|pair| (pair.key.as_str(), text(pair)))
        .collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a name comes twice: {pairs:?}");
    map
}

fn text(pair: &KeyValue) -> String {
    match pair.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => format!("{number:?} s"),
        Value::BoolValue(flag) => flag.to_string(),
        Value::ArrayValue(list) => format!("{} in a list", list.values.len()),
        other => panic!("{other:?}"),
    }
}

fn spans(request: &RequestSpan) -> Vec<Span> {
    decode(&encode(std::slice::from_ref(request), &sample::process()))
}

fn listed(pairs: &[(&'static str, &str)]) -> BTreeMap<&'static str, String> {
    pairs
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[test]
fn a_request_is_a_server_span_of_http() {
    let span = spans(&sample::request()).remove(0);

    assert_eq!(span.name, "POST /v1/chat/completions");
    assert_eq!(span.kind(), SpanKind::Server);
    assert_eq!((span.status, span.parent_span_id), (None, Vec::new()));
    assert_eq!(
        span.end_time_unix_nano - span.start_time_unix_nano,
        900_000_000
    );
    let expected = listed(&[
        ("http.request.method", "POST"),
        ("url.scheme", "http"),
        ("http.route", "/v1/chat/completions"),
        ("url.path", "/v1/chat/completions"),
        ("http.response.status_code", "200"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "qwen3-32b"),
        ("gen_ai.request.stream", "true"),
        ("sidegate.code", "ok"),
        ("sidegate.correlation_id", "run-7"),
        ("sidegate.caller", "agent-7"),
        ("sidegate.route", "chat"),
        ("sidegate.skill", "mail"),
        ("sidegate.lane", "interactive"),
        ("sidegate.attempts", "2"),
        ("sidegate.queue_seconds", "0.125 s"),
        ("sidegate.first_token_seconds", "0.5 s"),
        ("sidegate.config_generation", "3"),
    ]);
    let span = spans(&sample::request()).remove(0);
    assert_eq!(attributes(&span), expected);
}

#[test]
fn an_attempt_is_a_client_span_of_genai_below_it() {
    let spans = spans(&sample::request());
    let (request, second) = (&spans[0], &spans[2]);

    assert_eq!(second.name, "chat Qwen/Qwen3-32B");
    assert_eq!(second.kind(), SpanKind::Client);
    assert_eq!(second.trace_id, request.trace_id);
    assert_eq!(second.parent_span_id, request.span_id);
    assert_eq!(
        second.start_time_unix_nano - request.start_time_unix_nano,
        250_000_000
    );
    let expected = listed(&[
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "vllm"),
        ("gen_ai.request.model", "Qwen/Qwen3-32B"),
        ("gen_ai.request.stream", "true"),
        ("gen_ai.response.finish_reasons", "1 in a list"),
        ("gen_ai.response.time_to_first_chunk", "0.25 s"),
        ("gen_ai.usage.input_tokens", "100"),
        ("gen_ai.usage.output_tokens", "20"),
        ("gen_ai.usage.cache_read.input_tokens", "64"),
        ("server.address", "127.0.0.1"),
        ("server.port", "8000"),
        ("http.response.status_code", "200"),
        ("http.request.resend_count", "1"),
        ("sidegate.upstream", "vllm-a"),
        ("sidegate.outcome", "ok"),
        ("sidegate.tier", "0"),
        ("sidegate.connection_reused", "true"),
    ]);
    assert_eq!(attributes(second), expected);
}

#[test]
fn a_failed_attempt_is_an_error_and_the_request_that_was_answered_is_none() {
    let spans = spans(&sample::request());
    let first = attributes(&spans[1]);
    assert_eq!(
        spans[1].status.as_ref().map(|status| status.code()),
        Some(StatusCode::Error)
    );
    assert_eq!(first["error.type"], "rate_limited");
    assert_eq!(first["http.response.status_code"], "429");
    assert!(!first.contains_key("gen_ai.usage.input_tokens"));
    assert!(!first.contains_key("http.request.resend_count"));
    assert_eq!(spans[0].status, None);
}

#[test]
fn whose_failure_it_is_decides_about_the_status() {
    for (status, code, error, sent) in [
        (200, "ok", None, Some("200")),
        (
            200,
            "stream_interrupted",
            Some("stream_interrupted"),
            Some("200"),
        ),
        (
            503,
            "upstream_overloaded",
            Some("upstream_overloaded"),
            Some("503"),
        ),
        (429, "rate_limited", None, Some("429")),
        (401, "missing_token", None, Some("401")),
        (499, "client_closed", None, None),
    ] {
        let request = RequestSpan {
            status,
            code,
            ..sample::request()
        };
        let span = spans(&request).remove(0);
        let found = attributes(&span);
        assert_eq!(found.get("error.type").map(String::as_str), error, "{code}");
        assert_eq!(span.status.is_some(), error.is_some(), "{code}");
        assert_eq!(
            found.get("http.response.status_code").map(String::as_str),
            sent,
            "{code}"
        );
        assert_eq!(found["sidegate.code"], code);
    }
}

#[test]
fn an_attempt_that_we_gave_up_is_not_the_upstreams_error() {
    for outcome in Outcome::ALL {
        let attempt = AttemptSpan {
            outcome,
            ..sample::attempt()
        };
        let request = RequestSpan {
            attempts: vec![attempt],
            ..sample::request()
        };
        let span = spans(&request).remove(1);
        let ours = matches!(outcome, Outcome::Ok | Outcome::Cancelled);
        assert_eq!(span.status.is_none(), ours, "{outcome:?}");
        assert_eq!(
            attributes(&span).contains_key("error.type"),
            !ours,
            "{outcome:?}"
        );
    }
}

#[test]
fn what_is_unknown_has_no_attribute_and_no_name_of_the_clients() {
    let request = RequestSpan {
        method: None,
        path: None,
        operation: None,
        alias: None,
        stream: false,
        status: 404,
        code: "unknown_path",
        caller: None,
        route: None,
        skill: None,
        lane: None,
        queued: None,
        first_token: None,
        attempts: Vec::new(),
        ..sample::request()
    };
    let all = spans(&request);
    assert_eq!((all.len(), all[0].name.as_str()), (1, "HTTP"));
    let expected = listed(&[
        ("http.request.method", "_OTHER"),
        ("url.scheme", "http"),
        ("http.response.status_code", "404"),
        ("sidegate.code", "unknown_path"),
        ("sidegate.correlation_id", "run-7"),
        ("sidegate.attempts", "0"),
        ("sidegate.config_generation", "3"),
    ]);
    assert_eq!(attributes(&all[0]), expected);
}

#[test]
fn a_model_that_passes_through_is_not_named() {
    let attempt = AttemptSpan {
        model: None,
        ..sample::attempt()
    };
    let request = RequestSpan {
        attempts: vec![attempt],
        ..sample::request()
    };
    let span = spans(&request).remove(1);
    assert_eq!(span.name, "chat");
    assert!(!attributes(&span).contains_key("gen_ai.request.model"));
}

#[test]
fn the_callers_span_is_a_remote_parent_and_its_state_stays_here() {
    let mut headers = http::HeaderMap::new();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.insert("traceparent", parent.parse().unwrap());
    headers.insert("tracestate", "secret=canary".parse().unwrap());
    let trace = crate::record::trace::Trace::begin(&headers).unwrap();
    let request = RequestSpan {
        trace,
        ..sample::request()
    };

    let body = encode(std::slice::from_ref(&request), &sample::process());

    assert!(!body.windows(6).any(|six| six == b"canary"));
    let spans = decode(&body);
    assert_eq!(
        spans[0].trace_id,
        0x0af7651916cd43dd8448eb211c80319cu128.to_be_bytes()
    );
    assert_eq!(spans[0].parent_span_id, 0xb7ad6b7169203331u64.to_be_bytes());
    assert_eq!((spans[0].flags, spans[1].flags), (0x301, 0x101));
}

#[test]
fn the_resource_names_this_process() {
    let body = encode(&[sample::request()], &sample::process());
    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    let pairs: Vec<_> = resource
        .attributes
        .iter()
        .map(|pair| (pair.key.as_str(), text(pair)))
        .collect();
    let expected = [
        ("service.name", "sidegate".to_owned()),
        ("service.version", "1.2.3".to_owned()),
        ("service.instance.id", "00c0ffee00c0ffee".to_owned()),
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn every_attribute_is_in_the_table_and_every_name_of_the_table_is_sent() {
    let failed = RequestSpan {
        status: 503,
        code: "upstream_overloaded",
        ..sample::request()
    };
    let body = encode(&[failed], &sample::process());
    let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    let mut sent: BTreeSet<String> = resource
        .attributes
        .iter()
        .map(|pair| pair.key.clone())
        .collect();
    for span in decode(&body) {
        sent.extend(span.attributes.into_iter().map(|pair| pair.key));
    }
    let table: BTreeSet<String> = ATTRIBUTES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(table.len(), ATTRIBUTES.len());
    assert_eq!(sent, table);
}

#[test]
fn a_partial_success_says_how_many_were_refused() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
    let partial = ExportTracePartialSuccess {
        rejected_spans: 3,
        error_message: "too old".to_owned(),
    };
    let answer = ExportTraceServiceResponse {
        partial_success: Some(partial),
    };
    assert_eq!(rejected(&answer.encode_to_vec()), 3);
    assert_eq!(rejected(b""), 0);
    assert_eq!(rejected(b"{\"not\": \"protobuf\"}"), 0);
}
