use super::*;
use serde_json::json;

fn state(more: serde_json::Value) -> State {
    let mut state = json!({"version": "1", "config": {"generation": 1}});
    for (key, value) in more.as_object().unwrap() {
        state[key] = value.clone();
    }
    serde_json::from_value(state).unwrap()
}

#[test]
fn what_is_lost_is_warned_of() {
    let well = state(json!({
        "log_dropped": {"access": 0}, "breaker_shared": true,
        "disk": [{"path": "/a", "used_ratio": 0.94, "free_bytes": 1}]
    }));
    assert_eq!(losses(&well), Vec::<String>::new());
    let ill = state(json!({
        "log_dropped": {"access": 4}, "breaker_shared": false,
        "log_dropped_last": "2026-01-02T03:04:05.678Z",
        "disk": [{"path": "/a", "used_ratio": 0.951, "free_bytes": 2_097_152}]
    }));
    let losses = losses(&ill);
    for (said, loss) in [
        "lines of access.jsonl dropped since the start: 4, the last at 2026",
        "breakers are in private memory",
        "the volume of /a is 95.1 % full, 2 MiB free",
    ]
    .iter()
    .zip(&losses)
    {
        assert!(loss.starts_with(said), "{losses:?}");
    }
    assert_eq!(losses.len(), 3);
}

#[test]
fn equal_failures_are_one_row_so_that_the_cause_stays_visible() {
    let failure = |code: &str, id: usize| json!({"ts": "x", "route": "chat", "upstream": "a", "code": code, "correlation_id": id.to_string()});
    let mut failures: Vec<_> = (0..18).map(|id| failure("circuit_open", id)).collect();
    failures.push(failure("upstream_auth_failed", 18));
    let state = state(json!({"recent_failures": failures}));
    let rows: Vec<(&str, &str, usize)> = folded(&state.recent_failures)
        .into_iter()
        .map(|(one, times)| (one.code.as_str(), one.correlation_id.as_str(), times))
        .collect();
    let expected = [("circuit_open", "0", 18), ("upstream_auth_failed", "18", 1)];
    assert_eq!(rows, expected);
}
