//! What is told of limits: in the head of each answer, on `/status`, in the metrics; and that all of it agrees.

use super::*;
use crate::stage::expect_failure;
use crate::support::sse;

/// `limit` and `remaining` of a kind, where the answer has them.
fn told(reply: &Reply, kind: &str) -> Option<(u64, u64)> {
    let number = |what| {
        let text = reply.header(&format!("x-ratelimit-{what}-{kind}"))?;
        Some(text.parse().expect("a number"))
    };
    Some((number("limit")?, number("remaining")?))
}

/// `x-ratelimit-reset-*` as providers write it, in seconds.
fn reset(reply: &Reply, kind: &str) -> f64 {
    let text = reply.header(&format!("x-ratelimit-reset-{kind}"));
    let text = text.unwrap_or_else(|| panic!("no reset of {kind}: {reply:?}"));
    let text = text.replace("ms", "milli");
    let mut rest = text.as_str();
    let mut seconds = 0.0;
    for (unit, worth) in [("h", 3_600.0), ("milli", 0.001), ("m", 60.0), ("s", 1.0)] {
        if let Some((number, after)) = rest.split_once(unit) {
            seconds += worth * number.parse::<f64>().expect("a number");
            rest = after;
        }
    }
    assert_eq!(rest, "", "{text}");
    seconds
}

fn names_of_limits(reply: &Reply) -> Vec<String> {
    let head = String::from_utf8_lossy(&reply.head.raw).to_lowercase();
    let lines = head.lines().filter(|line| line.starts_with("x-ratelimit-"));
    lines.map(str::to_string).collect()
}

#[tokio::test]
async fn every_answer_says_what_is_left() {
    let limits = json!({"budget": tokens(200), "rate": requests(3)});
    let stage = stage(sse::chat(3), limits).await;
    let good = stage.tell(&stream(&stage)).await.0;
    assert_eq!(told(&good, "tokens"), Some((200, 200 - RESERVE)));
    assert_eq!(told(&good, "requests"), Some((3, 2)));
    stage.upstream.play(plain::context_length_exceeded());
    let failed = stage.tell(&request(&stage)).await.0;
    assert_eq!(told(&failed, "tokens"), Some((200, 190 - RESERVE)));
    stage.upstream.play(reporting(200, 50));
    let last = stage.tell(&request(&stage)).await.0;
    assert_eq!(told(&last, "requests"), Some((3, 0)));
    let refused = stage.tell(&request(&stage)).await.0;
    expect_failure(&refused, 429, "budget_exhausted");
    assert_eq!(told(&refused, "tokens"), Some((200, 0)));
    assert_eq!(told(&refused, "requests"), Some((3, 0)));
    stage.end().await;
}

#[tokio::test]
async fn the_reset_is_the_end_of_the_window() {
    away_from_the_end(MINUTE, 15).await;
    let limits = json!({"budget": tokens(200), "rate": {"requests": 9, "per": "minute"}});
    let stage = stage(sse::chat(3), limits).await;
    let most = [DAY, MINUTE].map(|window| left_of(window).as_secs_f64() + 0.01);
    let reply = request(&stage).send().await;
    let least = [DAY, MINUTE].map(|window| left_of(window).as_secs_f64());
    for (place, kind) in ["tokens", "requests"].into_iter().enumerate() {
        let reset = reset(&reply, kind);
        assert!(
            (least[place]..=most[place]).contains(&reset),
            "{kind}: {reset}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn the_tightest_limit_is_told() {
    let limits = json!({"budget": tokens(100_000)});
    let stage = stage_with(reporting(7, 5), limits, |builder| {
        builder.set("routes.chat.budget", tokens(500))
    })
    .await;
    let reply = request(&stage).send().await;
    assert_eq!(told(&reply, "tokens"), Some((500, 500 - RESERVE)));
    assert_eq!(told(&reply, "requests"), None);
    stage.end().await;
}

#[tokio::test]
async fn without_limits_there_are_no_headers() {
    let stage = stage(sse::chat(3), json!({"streams": 8})).await;
    let reply = stage.tell(&stream(&stage)).await.0;
    assert_eq!(names_of_limits(&reply), Vec::<String>::new());
    assert!(meters(&stage.gateway).await.is_empty());
    stage.end().await;
}

/// A caller is refused by our limits, so ours are what it has to know.
#[tokio::test]
async fn a_hosted_providers_limits_pass_where_there_are_none_of_ours() {
    let body = plain::chat_body("yes").to_string();
    let theirs = [("x-ratelimit-remaining-requests", "42")];
    for (limits, expected) in [
        (
            json!({"streams": 8}),
            vec!["x-ratelimit-remaining-requests: 42"],
        ),
        (
            json!({"rate": requests(9)}),
            vec![
                "x-ratelimit-limit-requests: 9",
                "x-ratelimit-remaining-requests: 8",
            ],
        ),
    ] {
        let stage = stage_with(plain::status(200, &theirs, &body), limits, |builder| {
            builder.set("upstreams.a.family", "openai")
        })
        .await;
        let reply = request(&stage).send().await;
        let mut lines = names_of_limits(&reply);
        lines.retain(|line| !line.contains("-reset-"));
        assert_eq!(lines, expected);
        stage.end().await;
    }
}

#[tokio::test]
async fn status_metrics_and_access_log_agree() {
    let limits = json!({"budget": tokens(10_000), "rate": requests(100)});
    let stage = stage_with(sse::chat(3), limits, |builder| {
        builder.set("routes.chat.budget", tokens(20_000))
    })
    .await;
    for request in [
        stream(&stage),
        stream(&stage),
        request(&stage).field("stream", true),
    ] {
        stage.tell(&request).await;
    }
    stage.upstream.play(sse::chat(4).without_usage());
    stage.tell(&stream(&stage)).await;
    let number = |line: &Value, key: &str| line[key].as_u64().unwrap();
    let lines = stage.gateway.access_lines();
    let logged: u64 = lines
        .iter()
        .map(|line| number(line, "prompt_tokens") + number(line, "completion_tokens"))
        .sum();
    assert_eq!(logged, 3 * 10 + PROMPT + 4);
    let metrics = stage.gateway.metrics().await;
    let counted: f64 = ["prompt", "completion"]
        .map(|kind| metrics.sum("sidegate_tokens_total", &[("kind", kind)]))
        .iter()
        .sum();
    assert_eq!(counted, logged as f64);
    for (scope, name, limit) in [("caller", "agent", 10_000), ("route", "chat", 20_000)] {
        let meter = meter(&stage.gateway, scope, "tokens").await;
        assert_eq!(
            (meter.name.as_str(), meter.own(), meter.limit),
            (name, (logged, 0), limit)
        );
        assert_eq!((meter.remaining, meter.others), (limit - logged, 0));
        let labels = [("scope", scope), ("name", name)];
        let value = |family: &str| metrics.value(family, &labels);
        assert_eq!(value("sidegate_budget_limit_tokens"), Some(limit as f64));
        let remaining = value("sidegate_budget_remaining_tokens");
        assert_eq!(remaining, Some((limit - logged) as f64));
    }
    assert_eq!(own_requests(&stage).await, 4);
    let shared = metrics.value("sidegate_budget_shared", &[]);
    assert_eq!(shared, None, "there is no Redis to share them in");
    assert_eq!(stage.gateway.status().await["shared"], Value::Null);
    stage.end().await;
}
