use std::time::{Duration, SystemTime};

use super::*;
use crate::cli::explain::search::Found;
use crate::config::{self, Environment, Lane};
use crate::record::labels::{Outcome, UsageSource, WaitFor};
use crate::record::{AccessLine, RawError, Try, Wait};

const ID: &str = "0192f-x";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn attempt(upstream: &str, outcome: Outcome, status: u16) -> Try {
    Try {
        upstream: upstream.into(),
        outcome,
        status: Some(status),
        began: Duration::from_millis(2),
        took: Duration::from_millis(1500),
        reused: false,
    }
}

/// A line as the gateway writes it.
fn access(status: u16, code: &'static str, tries: &[Try]) -> Found {
    found("access.jsonl", line(status, code, tries).to_line())
}

fn line<'a>(status: u16, code: &'static str, tries: &'a [Try]) -> AccessLine<'a> {
    AccessLine {
        started: at(1_767_323_045),
        correlation_id: ID,
        caller: Some("agent-7"),
        route: Some("chat"),
        lane: Some(Lane::Batch),
        upstream: Some("b"),
        status,
        code,
        attempts: tries.len() as u32,
        queue: Some(Duration::from_millis(40)),
        first_token: None,
        duration: Duration::from_millis(3210),
        bytes_in: 120,
        bytes_out: 345,
        prompt_tokens: Some(7),
        completion_tokens: None,
        usage_source: UsageSource::Estimated,
        finish_reason: None,
        config_generation: 3,
        seq: 1,
        method: Some("POST"),
        path: Some("chat/completions"),
        stream: true,
        tier: None,
        client_retry: Some(2),
        phase: None,
        upstream_status: None,
        dropped_events: 0,
        skill: None,
        answer_fits: None,
        refused_answers: 0,
        discarded_tokens: 0,
        tries,
        upload: Some(Duration::from_millis(10)),
        waits: &[],
        hint: None,
    }
}

fn waited(what: WaitFor, began: u64, took: u64) -> Wait {
    Wait {
        what,
        upstream: (what == WaitFor::Backoff).then(|| "a".into()),
        began: Duration::from_millis(began),
        took: Duration::from_millis(took),
    }
}

fn raw(seconds: u64, number: u32, content_type: &str, body: &str) -> Found {
    let error = RawError {
        at: at(seconds),
        correlation_id: ID,
        attempt: number,
        upstream: "b",
        status: 500,
        content_type,
        body: Some(body.as_bytes()),
        secrets: &[],
    };
    found("raw-errors.jsonl", error.to_line())
}

fn found(file: &str, line: Vec<u8>) -> Found {
    Found {
        file: file.into(),
        line: String::from_utf8(line).unwrap().trim_end().to_owned(),
    }
}

fn story<'a>(access: &'a Found, raw: &'a [Found], config: Option<&'a Config>) -> Story<'a> {
    Story {
        id: ID,
        access: Access::read(access, ID),
        earlier: 0,
        raw: raw
            .iter()
            .filter_map(|found| Raw::read(found, ID))
            .collect(),
        config,
    }
}

fn config() -> Config {
    let yaml = "
upstreams: {b: {url: 'http://127.0.0.1:2/v1', family: ollama}}
routes: {chat: {alias: [m], targets: [{upstream: b, model: n}]}}
";
    let environment = Environment::from_pairs([("HOME", "/home/us")]);
    config::load_text("test", yaml, &environment)
        .unwrap()
        .config
}

#[test]
fn the_text_says_who_what_how_and_each_attempt() {
    let tries = [
        attempt("a", Outcome::RateLimited, 429),
        attempt("b", Outcome::ServerError, 500),
    ];
    let access = access(502, "upstream_error", &tries);
    let text = story(&access, &[], None).text();
    let (facts, rest) = text.split_once("\nATTEMPT").unwrap();
    assert_eq!(
        facts,
        "0192f-x at 2026-01-02T03:04:05.000Z\n\n\
         asked         POST chat/completions, as a stream\n\
         caller        agent-7\n\
         route         chat\n\
         lane          batch\n\
         answer        502 upstream_error: Any other 5xx, 408 or 425 of the upstream, or its error event.\n\
         time          3.210s in all: 0.010s reading the request, 0.040s in the queue, 3.000s at upstreams, 0.160s in the \
         gateway itself\n\
         tokens        7 prompt, - completion, estimated\n\
         bytes         120 in, 345 out\n\
         generation    3\n\
         client retry  number 2 by its own count\n"
    );
    let rows: Vec<Vec<&str>> = rest
        .lines()
        .skip(1)
        .take(2)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        ["1", "a", "rate_limited", "429", "0.002s", "1.500s", "new"]
    );
    assert_eq!(
        rows[1],
        ["2", "b", "server_error", "500", "0.002s", "1.500s", "new"]
    );
    assert!(text.contains("\nwhat to do: Resend once, "));
}

#[test]
fn waits_stand_among_the_attempts_in_the_order_of_time() {
    let mut tries = [
        attempt("a", Outcome::ServerError, 503),
        attempt("a", Outcome::Ok, 200),
    ];
    tries[1].began = Duration::from_millis(1710);
    let waits = [
        waited(WaitFor::Place, 0, 2),
        waited(WaitFor::Backoff, 1502, 208),
    ];
    let line = AccessLine {
        waits: &waits,
        first_token: Some(Duration::from_millis(3000)),
        ..line(200, "ok", &tries)
    };
    let access = found("access.jsonl", line.to_line());
    let text = story(&access, &[], None).text();
    let rows = text.lines().skip_while(|line| !line.starts_with("ATTEMPT"));
    let rows: Vec<&str> = rows
        .skip(1)
        .map(|row| row.get(..35).unwrap_or(row))
        .collect();
    assert_eq!(
        rows,
        [
            "-        -         waited for a pla",
            "1        a         server_error    ",
            "-        a         waited: backoff ",
            "2        a         ok              ",
        ]
    );
    // What was waited for a place is the queue's and no other wait.
    let time = "0.040s in the queue, 0.208s waiting before an attempt, 3.000s at upstreams; 3.000s until the \
                first token, then 0.210s of stream\n";
    assert!(text.contains(time), "{text}");
}

#[test]
fn a_line_of_an_older_gateway_says_no_more_of_its_time_than_it_knows() {
    let line = r#"{"correlation_id":"0192f-x","duration_seconds":9.0,"queue_seconds":1.0,"code":"lane_full","status":429}"#;
    let access = found("access.jsonl", line.as_bytes().to_vec());
    let story = story(&access, &[], None);
    assert!(story
        .text()
        .contains("9.000s in all: 1.000s in the queue\n"));
    assert!(story.hint().unwrap().contains("batch lane"));
}

#[test]
fn the_hint_is_the_one_of_the_line() {
    let line = AccessLine {
        hint: Some("Do this."),
        ..line(429, "rate_limited", &[])
    };
    let access = found("access.jsonl", line.to_line());
    let text = story(&access, &[], None).text();
    assert!(text.ends_with("\nwhat to do: Do this.\n"), "{text}");
    assert!(text.contains("none: an earlier request's 429 still held\n"));
}

#[test]
fn one_that_went_well_needs_no_hint() {
    let access = access(200, "ok", &[attempt("b", Outcome::Ok, 200)]);
    let story = story(&access, &[], None);
    assert_eq!(story.hint(), None);
    assert!(story.text().contains("answer        200 ok\n"));
}

#[test]
fn a_code_of_another_version_is_shown_without_a_hint() {
    let access = access(500, "of_the_future", &[]);
    let story = story(&access, &[], None);
    assert!(story.text().contains("500 of_the_future\n"));
    assert_eq!(story.hint(), None);
}

#[test]
fn the_hint_is_for_the_family_of_the_last_upstream() {
    let config = config();
    let access = access(
        502,
        "upstream_model_missing",
        &[attempt("b", Outcome::Rejected, 404)],
    );
    let known = story(&access, &[], Some(&config)).hint().unwrap();
    let unknown = story(&access, &[], None).hint().unwrap();
    assert!(known.contains("ollama"), "{known}");
    assert!(!unknown.contains("ollama"), "{unknown}");
}

#[test]
fn a_web_page_in_place_of_an_answer_gets_its_own_hint() {
    let access = access(
        502,
        "upstream_error",
        &[attempt("b", Outcome::ServerError, 502)],
    );
    let page = [raw(1_767_323_046, 1, "Text/HTML; charset=utf-8", "<html>")];
    let hint = story(&access, &page, None).hint().unwrap();
    assert!(hint.contains("web page"), "{hint}");
}

#[test]
fn a_long_body_is_cut_and_says_where_the_rest_is() {
    let body = format!("{}é{}", "x".repeat(2047), "y".repeat(100));
    let raw = [raw(1_767_323_046, 1, "", &body)];
    let access = access(502, "upstream_error", &[]);
    let text = story(&access, &raw, None).text();
    assert!(text.contains("what b said to attempt 1: status 500, no content type\n  xxx"));
    assert!(
        text.contains("  … and 102 bytes more, in raw-errors.jsonl\n"),
        "{text}"
    );
    assert!(!text.contains('é') && !text.contains("yy"));
}

#[test]
fn nothing_that_an_upstream_wrote_acts_upon_the_terminal() {
    let body = "a\u{1b}]0;owned\u{7}\r\nb\u{9b}2J\u{202e}c\u{2028}\td";
    let raw = [raw(1_767_323_046, 1, "x\u{1b}[31m", body)];
    let access = access(502, "upstream_error", &[]);
    let text = story(&access, &raw, None).text();
    let acts = |letter: char| letter != '\n' && letter.is_control();
    assert!(!text.contains(acts), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
    assert!(
        text.contains("  a\\u{1b}]0;owned\\u{7}\n  b\\u{9b}2J\\u{202e}c\\u{2028}    d\n"),
        "{text}"
    );
}

#[test]
fn json_has_the_lines_as_they_were_written() {
    let access = access(
        502,
        "upstream_error",
        &[attempt("b", Outcome::ServerError, 500)],
    );
    let raw = [raw(1_767_323_046, 1, "text/plain", &"x".repeat(5000))];
    let story = story(&access, &raw, None);
    let json: serde_json::Value =
        serde_json::from_str(&story.json(&["a note".to_owned()])).unwrap();
    assert_eq!(json["correlation_id"], ID);
    assert_eq!(
        json["access"],
        serde_json::from_str::<serde_json::Value>(&access.line).unwrap()
    );
    assert_eq!(
        json["raw_errors"][0]["body"].as_str().map(str::len),
        Some(5000)
    );
    assert_eq!(json["notes"][0], "a note");
    assert!(json["hint"].as_str().unwrap().starts_with("Resend once"));
}

#[test]
fn errors_of_an_earlier_request_with_the_same_id_are_told_apart() {
    let access = access(502, "upstream_error", &[]);
    let access = Access::read(&access, ID).unwrap();
    let (before, during) = (
        raw(1_767_323_044, 1, "", "-"),
        raw(1_767_323_045, 1, "", "-"),
    );
    assert!(!Raw::read(&before, ID).unwrap().is_of(&access));
    assert!(Raw::read(&during, ID).unwrap().is_of(&access));
}

#[test]
fn a_request_under_way_is_told_by_its_errors() {
    let raw = [raw(1_767_323_046, 1, "text/plain", "busy")];
    let story = Story {
        id: ID,
        access: None,
        earlier: 0,
        raw: raw
            .iter()
            .filter_map(|found| Raw::read(found, ID))
            .collect(),
        config: None,
    };
    let text = story.text();
    assert!(text.starts_with("0192f-x: no access line; the request is under way"));
    assert!(text.contains("\n  busy\n"));
}
