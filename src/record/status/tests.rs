use super::*;
use std::time::Duration;

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)
}

#[test]
fn a_reload_that_failed_reads_like_this() {
    let config = ConfigStatus {
        generation: 4,
        file: Some("sidegate.yaml".to_owned()),
        state_dir: "/state".to_owned(),
        last_reload: Some(ReloadStatus {
            at: at(),
            result: ReloadResult::Rejected,
            mistakes: vec!["routes.chat: no targets".to_owned()],
        }),
        pending_restart: vec!["listen".to_owned()],
    };
    assert_eq!(
        serde_json::to_string(&config).unwrap(),
        concat!(
            r#"{"generation":4,"file":"sidegate.yaml","state_dir":"/state","last_reload":{"at":"2026-01-02T03:04:05.678Z","#,
            r#""result":"rejected","mistakes":["routes.chat: no targets"]},"pending_restart":["listen"]}"#
        )
    );
}

#[test]
fn a_target_without_a_breaker_is_closed() {
    let target = TargetStatus {
        upstream: "vllm-a".to_owned(),
        model: None,
        tier: 0,
        weight: 1,
        breaker: BreakerStatus::CLOSED,
        left_alone_seconds: None,
    };
    assert_eq!(
        serde_json::to_string(&target).unwrap(),
        concat!(
            r#"{"upstream":"vllm-a","model":null,"tier":0,"weight":1,"#,
            r#""breaker":{"state":"closed","consecutive_failures":0,"retry_in_seconds":null},"left_alone_seconds":null}"#
        )
    );
}

#[test]
fn a_recent_failure_leads_on_to_explain() {
    let recent = Recent::default();
    recent.push(RecentFailure {
        ts: at(),
        route: None,
        upstream: None,
        code: "invalid_token",
        http_status: 401,
        correlation_id: "0192f".to_owned(),
        hint: "send a token of the token file".to_owned(),
    });
    let value = serde_json::to_value(recent.newest_first()).unwrap();
    assert_eq!(value[0]["correlation_id"], "0192f");
    assert_eq!(value[0]["route"], serde_json::Value::Null);
}
