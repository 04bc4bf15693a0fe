//! Whole answers, byte for byte. `SIDEGATE_BLESS=1 cargo test` writes them anew; read the difference before it is kept.

use super::*;

const GOLDEN: &str = include_str!("../golden.json");

/// Every code as an answer, then each shape and what else changes an answer.
fn answers() -> Vec<(String, Vec<u8>)> {
    let mut answers: Vec<_> = Code::ALL
        .iter()
        .map(|&code| {
            let answer = body(&Failure::new(code), &ABOUT, Shape::OpenAi);
            (code.as_str().to_owned(), answer)
        })
        .collect();
    for (name, failure) in variants() {
        for shape in SHAPES {
            let answer = body(&failure, &ABOUT, shape);
            answers.push((format!("{name}, {shape:?}"), answer));
            answers.push((format!("{name}, {shape:?}, event"), data(&failure, shape)));
        }
    }
    answers
}

fn variants() -> Vec<(&'static str, Failure)> {
    let renewal = SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_600);
    vec![
        (
            "overloaded for 11.2 s",
            Failure::new(Code::UpstreamOverloaded)
                .upstream_status(529)
                .retry_after(Duration::from_millis(11_200)),
        ),
        (
            "llama.cpp is loading",
            Failure::new(Code::UpstreamOverloaded)
                .upstream_status(503)
                .loading()
                .family(Family::LlamaCpp),
        ),
        (
            "a page answered",
            Failure::new(Code::UpstreamError)
                .upstream_status(502)
                .html_page(),
        ),
        (
            "a window of 32768",
            Failure::new(Code::ContextLengthExceeded)
                .status(413)
                .upstream_status(413)
                .context_window(32_768),
        ),
        (
            "a place",
            Failure::new(Code::SchemaViolation).pointer(Pointer::from_static("/messages/0/role")),
        ),
        (
            "a budget",
            Failure::new(Code::BudgetExhausted)
                .renews_at(renewal)
                .retry_after(Duration::from_secs(600))
                .config_key("routes.chat.budget"),
        ),
        (
            "cut",
            Failure::new(Code::StreamInterrupted).upstream_status(200),
        ),
    ]
}

fn data(failure: &Failure, shape: Shape) -> Vec<u8> {
    let event = event(failure, &ABOUT, shape);
    let data = event.strip_prefix(b"event: error\ndata: ").unwrap();
    data.strip_suffix(b"\n\n").unwrap().to_vec()
}

/// One JSON object, a line an answer.
fn written(answers: &[(String, Vec<u8>)]) -> String {
    let lines: Vec<String> = answers
        .iter()
        .map(|(name, answer)| {
            let answer = std::str::from_utf8(answer).unwrap();
            format!("  {name:?}: {answer}")
        })
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

#[test]
fn every_answer_is_the_golden_one() {
    let actual = written(&answers());
    let parsed: serde_json::Map<String, Value> = serde_json::from_str(&actual).unwrap();
    assert_eq!(parsed.len(), Code::ALL.len() + variants().len() * 6);
    if std::env::var_os("SIDEGATE_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/failure/golden.json");
        return std::fs::write(path, actual).unwrap();
    }
    for (actual, golden) in actual.lines().zip(GOLDEN.lines()) {
        assert_eq!(actual, golden);
    }
    assert_eq!(actual, GOLDEN);
}

#[test]
fn keys_stand_in_the_order_of_the_contract() {
    let facts = "route provider_family http_status correlation_id remediation_hint";
    let outcome = "upstream_status attempts retryable";
    let failure = Failure::new(Code::Internal);
    let openai = format!("error message type code param {facts} {outcome} {facts}");
    assert_eq!(keys(&text(&failure, Shape::OpenAi)), openai);
    assert_eq!(keys(&text(&failure, Shape::Responses)), openai);
    let anthropic = format!("type error type message code param {facts} {outcome} {facts}");
    assert_eq!(keys(&text(&failure, Shape::Anthropic)), anthropic);
    let event = String::from_utf8(data(&failure, Shape::Responses)).unwrap();
    assert_eq!(keys(&event), format!("type code message param {openai}"));
}

/// The keys of an answer as they stand; no text of it holds `":`.
fn keys(json: &str) -> String {
    let before_colons = json
        .split("\":")
        .map(|part| part.rsplit('"').next().unwrap());
    let mut keys: Vec<&str> = before_colons.collect();
    keys.pop();
    keys.join(" ")
}
