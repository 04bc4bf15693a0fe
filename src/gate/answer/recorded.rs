//! Real servers' answers, byte for byte, through the gate.

use serde_json::Value;

use super::tests::Play;
use super::*;
use crate::recorded::{all, Recorded};
use crate::stream::{Dialect, Wishes};

fn dialect(target: &str) -> Dialect {
    match target {
        "/v1/chat/completions" => Dialect::Chat,
        "/v1/completions" => Dialect::Completions,
        "/v1/responses" => Dialect::Responses,
        "/v1/messages" => Dialect::Messages,
        _ => Dialect::Opaque,
    }
}

fn play(recorded: &Recorded, commit: Commit, piece: usize) -> Play {
    let request: Value = serde_json::from_slice(&recorded.request_body).unwrap_or_default();
    let choices = request["n"].as_u64().unwrap_or(1) as u32;
    let change = |order: &mut Order| {
        order.wants_stream = request["stream"] == Value::Bool(true);
        order.wishes = Wishes {
            dialect: dialect(&recorded.target),
            choices,
            hide_usage: false,
        };
    };
    let mut play = Play::of(change, commit);
    for bytes in recorded.answer.chunks(piece) {
        play.send(bytes);
    }
    if !play.answer.is_over() {
        play.close();
    }
    play
}

/// The body as the server meant it.
fn payload(recorded: &Recorded) -> Vec<u8> {
    let mut rest = recorded.answer.as_slice();
    loop {
        let (head, length) = head::read(rest).unwrap().unwrap();
        rest = &rest[length..];
        if head.status >= 200 {
            let (mut framing, mut body) = (head.framing, Vec::new());
            framing
                .decode(rest, |piece| body.extend_from_slice(piece))
                .unwrap();
            return body;
        }
    }
}

fn status(recorded: &Recorded) -> u16 {
    head::read(&recorded.answer).unwrap().unwrap().0.status
}

/// An error inside a stream of status 200.
fn fails_inside(recorded: &Recorded) -> bool {
    recorded.case == "overloaded_stream"
}

#[test]
fn a_good_answer_reaches_the_client_byte_for_byte() {
    let mut streams = 0;
    for recorded in all()
        .iter()
        .filter(|r| status(r) == 200 && !fails_inside(r))
    {
        let name = format!("{} {}", recorded.family, recorded.case);
        for (commit, piece) in [
            (Commit::FirstToken, 1),
            (Commit::FirstToken, 1000),
            (Commit::Whole, 7),
            (Commit::Whole, 1 << 20),
        ] {
            let played = play(recorded, commit, piece);
            assert_eq!(played.answer.fault(), None, "{name} {commit:?} {piece}");
            let (_, body, ended) = played.client();
            assert!(ended, "{name}");
            let mut expected = String::from_utf8(payload(recorded)).unwrap();
            let lacks_done = expected.starts_with("data: ")
                && matches!(
                    dialect(&recorded.target),
                    Dialect::Chat | Dialect::Completions
                )
                && !expected.contains("[DONE]");
            if lacks_done {
                expected.push_str("data: [DONE]\n\n");
            }
            assert_eq!(body, expected, "{name} {commit:?} {piece}");
            streams += usize::from(played.answer.into_report().is_stream);
        }
    }
    assert!(streams >= 80, "only {streams} streams were played");
}

#[test]
fn a_stream_is_cut_wherever_it_ends_too_early() {
    for recorded in all()
        .iter()
        .filter(|r| status(r) == 200 && !fails_inside(r))
    {
        let Dialect::Chat = dialect(&recorded.target) else {
            continue;
        };
        if !recorded.case.contains("stream") {
            continue;
        }
        let end = memchr::memmem::rfind(&recorded.answer, b"\"finish_reason\":\"").unwrap();
        let first = memchr::memmem::find(&recorded.answer, b"\r\n\r\n").unwrap() + 4;
        for cut in (first..end).step_by(97) {
            let short = Recorded {
                answer: recorded.answer[..cut].to_vec(),
                family: recorded.family.clone(),
                case: recorded.case.clone(),
                target: recorded.target.clone(),
                request_body: recorded.request_body.clone(),
            };
            let played = play(&short, Commit::Whole, 4096);
            assert_eq!(
                played.answer.fault(),
                Some(Fault::Cut),
                "{} cut at {cut}",
                recorded.case
            );
            assert!(played.nothing_seen());
        }
    }
}

#[test]
fn usage_is_read_where_the_server_reports_it() {
    let mut reported = 0;
    for recorded in all()
        .iter()
        .filter(|r| status(r) == 200 && !fails_inside(r))
    {
        let body = String::from_utf8(payload(recorded)).unwrap();
        if !body.contains("\"usage\":{") && !body.contains("\"usage\": {") {
            continue;
        }
        let usage = play(recorded, Commit::FirstToken, 500)
            .answer
            .into_report()
            .usage;
        let name = format!("{} {}", recorded.family, recorded.case);
        assert!(
            usage.prompt.is_some_and(|tokens| tokens > 0),
            "{name}: {usage:?}"
        );
        reported += 1;
    }
    assert!(reported >= 20, "only {reported} answers with usage");
}

#[test]
fn an_error_is_evidence_and_no_byte_of_it_leaves() {
    let mut errors = 0;
    for recorded in all().iter().filter(|r| status(r) >= 400 || fails_inside(r)) {
        for piece in [1, 4096] {
            let played = play(recorded, Commit::FirstToken, piece);
            let name = format!("{} {}", recorded.family, recorded.case);
            assert!(played.nothing_seen(), "{name}");
            let report = played.answer.into_report();
            let expected = if fails_inside(recorded) {
                Fault::ErrorEvent
            } else {
                Fault::Status
            };
            assert_eq!(report.fault, Some(expected), "{name}");
            assert!(!report.evidence.unwrap().body.is_empty(), "{name}");
        }
        errors += 1;
    }
    assert!(errors >= 30, "only {errors} recorded errors");
}
