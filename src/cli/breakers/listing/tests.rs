use super::*;
use crate::breaker::Condition;
use crate::config::{self, Environment};

const YAML: &str = "
upstreams:
  a: {url: 'http://127.0.0.1:1/v1', family: vllm}
  again: {url: 'http://127.0.0.1:1/other', family: vllm}
  b: {url: 'http://127.0.0.1:2/v1', family: ollama}
routes:
  chat:
    alias: [m]
    targets:
      - {upstream: a, model: org/big}
      - {upstream: b, model: org/big, tier: 1}
  second: {alias: [n], targets: [{upstream: again, model: org/big}]}
  rest: {alias: ['*'], targets: [{upstream: a}]}
";

const OPEN: View = View {
    condition: Condition::Open,
    failures: 5,
    open_for: Some(Duration::from_millis(252_900)),
    probe_for: None,
};

fn config() -> Config {
    let environment = Environment::from_pairs([("HOME", "/home/us")]);
    config::load_text("test", YAML, &environment)
        .unwrap()
        .config
}

/// The first target's breaker is as `view` says, all others are closed.
fn listing(view: View) -> Listing {
    let config = config();
    let first = Key::new(&config.upstreams[0].url, Some("org/big"));
    let look = |key: &Key| if *key == first { view } else { View::CLOSED };
    Listing {
        origin: Origin::File("/s/run/breakers.v1".into()),
        breakers: rows(&config, look),
    }
}

fn next(view: View) -> String {
    listing(view).breakers[0].next()
}

#[test]
fn an_address_and_a_model_have_one_row_whoever_names_them() {
    let text = listing(OPEN).text();
    let lines: Vec<&str> = text.lines().collect();
    let words = |line: &str| -> Vec<String> {
        let cells = line.split("  ").map(str::trim);
        cells
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let expected = [
        "a,again",
        "org/big",
        "open",
        "5",
        "refused; probe in 4m12s",
        "chat,second",
    ];
    assert_eq!(words(lines[1]), expected);
    assert_eq!(
        words(lines[2]),
        ["b", "org/big", "closed", "0", "goes", "chat"]
    );
    assert_eq!(words(lines[3]), ["a", "*", "closed", "0", "goes", "rest"]);
    assert_eq!(lines[5], "breaker file /s/run/breakers.v1");
    assert_eq!(lines.len(), 6);
}

#[test]
fn one_that_is_not_closed_is_a_finding() {
    assert!(listing(View::CLOSED).all_closed());
    assert!(!listing(OPEN).all_closed());
    let probing = View {
        condition: Condition::HalfOpen,
        ..OPEN
    };
    assert!(!listing(probing).all_closed());
}

#[test]
fn it_says_what_becomes_of_the_next_request() {
    let time_is_over = View {
        condition: Condition::HalfOpen,
        open_for: None,
        ..OPEN
    };
    let probe_is_out = View {
        probe_for: Some(Duration::from_secs(12)),
        ..time_is_over
    };
    assert_eq!(next(View::CLOSED), "goes");
    assert_eq!(next(time_is_over), "is the probe");
    assert_eq!(
        next(probe_is_out),
        "refused; a probe is out, for 12s at most"
    );
    assert_eq!(listing(time_is_over).breakers[0].state, "open");
    assert_eq!(listing(probe_is_out).breakers[0].state, "half_open");
}

#[test]
fn json_has_the_words_of_status() {
    let json: serde_json::Value = serde_json::from_str(&listing(OPEN).json()).unwrap();
    assert_eq!(json["file_exists"], true);
    assert_eq!(
        json["breakers"][0],
        serde_json::json!({"upstreams": ["a", "again"], "model": "org/big", "state": "open", "consecutive_failures": 5,
                           "retry_in_seconds": 252, "probe_for_seconds": null, "routes": ["chat", "second"]})
    );
}

#[test]
fn a_gateways_answer_makes_the_same_rows() {
    let target = |state: &str, retry: &str| {
        format!(
            r#"{{"upstream": "a", "model": null, "breaker": {{"state": "{state}", "consecutive_failures": 5, "retry_in_seconds": {retry}}}}}"#
        )
    };
    let (open, again) = (target("open", "9"), target("open", "9"));
    let text = format!(
        r#"{{"version": "1", "config": {{"generation": 7, "file": null, "last_reload": null}},
            "routes": [{{"name": "x", "targets": [{open}]}}, {{"name": "y", "targets": [{again}]}}]}}"#
    );
    let rows = rows_of_gateway(&serde_json::from_str(&text).unwrap());
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].model.as_str(), rows[0].routes.len()), ("*", 2));
    assert_eq!(rows[0].next(), "refused; probe in 9s");
}
