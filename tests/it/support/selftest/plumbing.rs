//! The small parts: canaries, metrics, deadlines, configuration values.

use std::time::Duration;

use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::Engine;
use serde_json::json;

use crate::support::canary::{found, word};
use crate::support::client::nonces;
use crate::support::gateway::Metrics;
use crate::support::wait::{within, Board};

#[test]
fn a_canary_is_found_in_every_disguise() {
    let canary = word("canary");
    let hex = |separator: &str| {
        canary
            .bytes()
            .map(|byte| format!("{separator}{byte:02X}"))
            .collect::<String>()
    };
    let disguises = [
        canary.clone(),
        canary.to_uppercase(),
        hex(""),
        hex("%"),
        hex("\\u00"),
        STANDARD.encode(&canary),
        STANDARD.encode(format!("Bearer {canary}!")),
        URL_SAFE_NO_PAD.encode(format!("{{\"p\":\"{canary}\"}}")),
    ];
    for disguise in disguises {
        let text = format!("some text {disguise} more text");
        assert!(
            found(&canary, text.as_bytes()).is_some(),
            "not found: {text}"
        );
    }
}

#[test]
fn another_canary_is_not_found() {
    let text = (0..200)
        .map(|_| STANDARD.encode(word("canary")))
        .collect::<String>();
    assert_eq!(found(&word("canary"), text.as_bytes()), None);
}

#[test]
fn metrics_are_read_with_their_labels() {
    let text = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\",y=\"a\\\"b\\\\,}\"} 2\na_total{x=\"2\",y=\"c\"} 3\nb 4.5\nc_bucket{le=\"+Inf\"} 7\n";
    let metrics = Metrics::parse(text);
    assert_eq!(metrics.value("a_total", &[("y", "a\"b\\,}")]), Some(2.0));
    assert_eq!(metrics.sum("a_total", &[]), 5.0);
    assert_eq!(
        (metrics.value("b", &[]), metrics.value("none", &[])),
        (Some(4.5), None)
    );
    assert_eq!(metrics.value("c_bucket", &[("le", "+Inf")]), Some(7.0));
    assert_eq!(metrics.help("a_total"), Some("Things."));
}

#[test]
#[should_panic(expected = "not a line of metrics")]
fn a_broken_line_of_metrics_is_no_metrics() {
    Metrics::parse("a_total{x=\"1} 2\n");
}

#[test]
fn nonces_are_found_where_they_stand() {
    let (one, two) = (word("nonce"), word("nonce"));
    assert_eq!(
        nonces(format!("x{one}y nonce {two}").as_bytes()),
        [one, two]
    );
    assert!(nonces(b"no nonce here, nonceabc").is_empty());
}

#[tokio::test]
#[should_panic(expected = "never came within 1ms: the postman")]
async fn a_deadline_names_what_never_came() {
    within(
        Duration::from_millis(1),
        "the postman",
        std::future::pending::<()>(),
    )
    .await;
}

#[tokio::test]
async fn a_board_wakes_whoever_waits() {
    let board = std::sync::Arc::new(Board::<usize>::default());
    let waiting = tokio::spawn({
        let board = board.clone();
        async move { board.seen(|count| (*count >= 100).then_some(*count)).await }
    });
    for _ in 0..100 {
        board.change(|count| *count += 1);
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting.await.expect("no panic"), 100);
}

#[test]
fn a_dotted_path_reaches_objects_and_lists() {
    let mut config = json!({"routes": {"chat": {"targets": [{"weight": 1}]}}});
    let mut set = |path: &str, value| crate::support::gateway::set_value(&mut config, path, value);
    set("routes.chat.targets.0.weight", Some(json!(5)));
    set("routes.chat.timeouts.header", Some(json!("1s")));
    set("routes.chat.targets.0.tier", None);
    assert_eq!(
        config,
        json!({"routes": {"chat": {"targets": [{"weight": 5}], "timeouts": {"header": "1s"}}}})
    );
}
