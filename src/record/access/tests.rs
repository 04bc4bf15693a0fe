use super::*;
use crate::record::labels::WaitFor;

fn whole_line() -> AccessLine<'static> {
    AccessLine {
        started: SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_678),
        correlation_id: "0192f0c4-7d1e-7000-8000-00000000abcd",
        caller: Some("agent-7"),
        route: Some("chat"),
        lane: Some(Lane::Interactive),
        upstream: Some("vllm-a"),
        status: 200,
        code: "ok",
        attempts: 2,
        queue: Some(Duration::from_micros(1_500)),
        first_token: Some(Duration::from_micros(312_045)),
        duration: Duration::from_micros(4_200_001),
        bytes_in: 36_700,
        bytes_out: 9_120,
        prompt_tokens: Some(8_123),
        completion_tokens: Some(256),
        usage_source: UsageSource::Reported,
        finish_reason: Some("stop"),
        config_generation: 3,
        seq: 41,
        method: Some("POST"),
        path: Some("chat/completions"),
        stream: true,
        tier: Some(0),
        client_retry: Some(1),
        phase: None,
        upstream_status: Some(200),
        dropped_events: 0,
        skill: Some("report"),
        answer_fits: Some(true),
        refused_answers: 1,
        discarded_tokens: 97,
        tries: &[],
        upload: Some(Duration::from_micros(250)),
        waits: &[],
        hint: None,
    }
}

fn bare_line() -> AccessLine<'static> {
    AccessLine {
        caller: None,
        route: None,
        lane: None,
        upstream: None,
        status: 499,
        code: "client_closed",
        attempts: 0,
        queue: None,
        first_token: None,
        duration: Duration::ZERO,
        bytes_in: 0,
        bytes_out: 0,
        prompt_tokens: None,
        completion_tokens: None,
        usage_source: UsageSource::None,
        finish_reason: None,
        method: None,
        path: None,
        stream: false,
        tier: None,
        client_retry: None,
        phase: Some(Phase::Queue),
        upstream_status: None,
        upload: None,
        ..whole_line()
    }
}

#[test]
fn a_request_that_went_well_is_this_very_line() {
    let expected = concat!(
        r#"{"ts":"2026-01-02T03:04:05.678Z","correlation_id":"0192f0c4-7d1e-7000-8000-00000000abcd","#,
        r#""caller":"agent-7","route":"chat","lane":"interactive","upstream":"vllm-a","status":200,"code":"ok","#,
        r#""attempts":2,"queue_seconds":0.001500,"first_token_seconds":0.312045,"duration_seconds":4.200001,"#,
        r#""bytes_in":36700,"bytes_out":9120,"prompt_tokens":8123,"completion_tokens":256,"#,
        r#""usage_source":"reported","finish_reason":"stop","config_generation":3,"seq":41,"method":"POST","#,
        r#""path":"chat/completions","stream":true,"tier":0,"client_retry":1,"phase":null,"upstream_status":200,"dropped_events":0,"#,
        r#""skill":"report","answer_fits":true,"refused_answers":1,"discarded_tokens":97,"tries":[],"#,
        r#""upload_seconds":0.000250,"waits":[],"hint":null}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(whole_line().to_line()).unwrap(), expected);
}

#[test]
fn a_client_that_left_at_once_still_has_every_key() {
    let whole: serde_json::Value = serde_json::from_slice(&whole_line().to_line()).unwrap();
    let bare: serde_json::Value = serde_json::from_slice(&bare_line().to_line()).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&bare), keys(&whole));
    assert_eq!(bare["first_token_seconds"], serde_json::Value::Null);
    assert_eq!(bare["phase"], "queue");
    assert_eq!(bare["status"], 499);
}

#[test]
fn waits_say_for_what_for_whom_and_how_long() {
    let wait = |what, upstream: Option<&str>| Wait {
        what,
        upstream: upstream.map(Arc::from),
        began: Duration::from_millis(2),
        took: Duration::from_millis(1500),
    };
    let waits = [wait(WaitFor::Place, None), wait(WaitFor::Pace, Some("a"))];
    let line = AccessLine {
        waits: &waits,
        hint: Some("Wait 2 s and resend."),
        ..whole_line()
    };
    let text = String::from_utf8(line.to_line()).unwrap();
    let expected = concat!(
        r#""waits":[{"for":"place","upstream":null,"began_seconds":0.002000,"took_seconds":1.500000},"#,
        r#"{"for":"pace","upstream":"a","began_seconds":0.002000,"took_seconds":1.500000}],"#,
        r#""hint":"Wait 2 s and resend."}"#,
    );
    assert!(text.ends_with(&format!("{expected}\n")), "{text}");
}

#[test]
fn a_line_is_appended_to_what_is_there() {
    let mut out = b"before\n".to_vec();
    bare_line().write(&mut out);
    bare_line().write(&mut out);
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 3);
    assert!(out.starts_with(b"before\n{"));
}

#[test]
fn numbers_begin_at_one_and_never_repeat() {
    let sequence = Sequence::default();
    let mut seen = std::collections::BTreeSet::new();
    std::thread::scope(|scope| {
        let takers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..1_000).map(|_| sequence.next()).collect::<Vec<_>>()))
            .collect();
        for taker in takers {
            seen.extend(taker.join().unwrap());
        }
    });
    assert_eq!(seen.len(), 4_000);
    assert_eq!((seen.first(), seen.last()), (Some(&1), Some(&4_000)));
}

/// Not a judge but a gauge: `cargo test --release access_line_speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, only meaningful in a release build"]
fn access_line_speed() {
    let line = whole_line();
    let mut out = Vec::with_capacity(1024);
    let rounds: u32 = 1_000_000;
    let begun = std::time::Instant::now();
    for _ in 0..rounds {
        out.clear();
        std::hint::black_box(&line).write(&mut out);
        std::hint::black_box(&out);
    }
    println!(
        "{:?} a line of {} bytes",
        begun.elapsed() / rounds,
        out.len()
    );
}
