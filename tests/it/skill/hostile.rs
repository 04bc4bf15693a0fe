//! Requests made to cost more than they should: bounded time, bounded memory, and others go on.

use std::time::{Duration, Instant};

use super::*;
use crate::support::{many, Client};

const RULES: &str = "
tools: [send]
request:
  type: object
  required: [messages]
  properties:
    messages: {type: array, items: {type: object, required: [role]}}
    user: {type: string, pattern: \"^([a-z]+)*$\"}
    metadata: {uniqueItems: true}
";

const KIB: usize = 1 << 10;

const MIB: usize = 1 << 20;

/// A debug build takes some fifty times as long for a byte as a shipped one.
const IS_SLOW: bool = cfg!(debug_assertions);

async fn checked(more: impl FnOnce(Builder) -> Builder) -> Stage {
    stage_with(RULES, plain::chat("yes"), |builder| {
        more(builder).set("routes.chat.max_prompt_bytes", "32MiB")
    })
    .await
}

/// A body of about so many bytes, most of them in a list of small numbers.
fn numbers(key: &str, bytes: usize) -> String {
    let list = "1,".repeat(bytes / 2);
    format!(r#"{{"model":"m","messages":[{{"role":"user"}}],"{key}":[{list}1]}}"#)
}

fn nested(levels: usize) -> String {
    let (open, close) = ("[".repeat(levels), "]".repeat(levels));
    format!(r#"{{"model":"m","messages":[{{"role":"user"}}],"metadata":{open}{close}}}"#)
}

fn mebibytes_more(stage: &Stage, before: u64) -> u64 {
    stage.gateway.rss().saturating_sub(before) >> 20
}

#[tokio::test]
async fn one_large_list_costs_little() {
    let stage = checked(|builder| builder).await;
    let before = stage.gateway.rss();
    for key in ["metadata", "tools", "logit_bias"] {
        let body = numbers(key, if IS_SLOW { 6 } else { 31 } * MIB);
        let began = Instant::now();
        let exchange = mail(&stage).body(body).start().await;
        let reply = exchange.finish_within(Duration::from_secs(60)).await;
        let took = began.elapsed();
        println!(
            "-- {key}: {took:?}, {} MiB more",
            mebibytes_more(&stage, before)
        );
        expect_violation(&reply, "", "too_large");
        let patience = if IS_SLOW { 10 } else { 3 };
        assert!(took < Duration::from_secs(patience), "{key}: {took:?}");
    }
    let grown = mebibytes_more(&stage, before);
    assert!(grown < 300, "{grown} MiB more");
    stage.end().await;
}

#[tokio::test]
async fn depth_costs_nothing() {
    let stage = checked(|builder| builder).await;
    for levels in [60, 64, 65, 100, 127, 128, 10_000, 500_000] {
        let reply = mail(&stage).body(nested(levels)).send().await;
        println!("-- {levels}: {} after {:?}", reply.status, reply.took());
        match (levels, reply.code().as_deref()) {
            (60, None) => assert_eq!(reply.status, 200, "{reply:?}"),
            (64.., Some("schema_violation" | "invalid_request")) => {}
            (levels, _) => panic!("{levels}: {reply:?}"),
        }
        assert!(reply.took() < Duration::from_secs(5), "{levels}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_hundred_at_once_hold_up_nobody() {
    const CROWD: usize = if IS_SLOW { 40 } else { 100 };
    let stage = checked(|builder| builder.needs_places(64)).await;
    let before = stage.gateway.rss();
    let bytes = if IS_SLOW { 300 * KIB } else { 31 * MIB };
    let body = bytes::Bytes::from(numbers("metadata", bytes));
    let hostile = (0..CROWD)
        .map(|_| mail(&stage).body(body.clone()))
        .collect::<Vec<_>>();

    let (replies, ordinary) = tokio::join!(
        many(CROWD, |n| {
            let request = hostile[n].clone();
            async move {
                request
                    .start()
                    .await
                    .finish_within(Duration::from_secs(60))
                    .await
            }
        }),
        one_by_one(stage.client()),
    );

    for reply in &replies {
        // Where all bodies together take too much memory, some are turned away unread.
        assert!([400, 429, 503].contains(&reply.status), "{reply:?}");
    }
    let slowest = ordinary.iter().max().expect("some");
    let grown = mebibytes_more(&stage, before);
    println!(
        "-- the slowest of {} took {slowest:?}; {grown} MiB more",
        ordinary.len()
    );
    let patience = if IS_SLOW { 8 } else { 2 };
    assert!(*slowest < Duration::from_secs(patience), "{slowest:?}");
    assert!(grown < 800, "{grown} MiB more");
    stage.end().await;
}

/// Ordinary requests, one after the other while the crowd is there.
async fn one_by_one(client: Client) -> Vec<Duration> {
    let mut all = Vec::new();
    for _ in 0..20 {
        let reply = client.chat("m").send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        all.push(reply.took());
    }
    all
}

#[tokio::test]
async fn checks_wait_their_turn_and_are_all_made() {
    let stage = checked(|builder| builder.needs_places(64)).await;
    let client = stage.client();
    let replies = many(16, |n| {
        let request = of_skill(client.chat("m"), "mail").body_bytes(MIB / 2);
        let request = match n % 2 {
            0 => request.field("user", 7),
            _ => request,
        };
        async move { request.send().await }
    })
    .await;
    for (n, reply) in replies.iter().enumerate() {
        match n % 2 {
            0 => expect_violation(reply, "/user", "type"),
            _ => assert_eq!(reply.status, 200, "{reply:?}"),
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_during_its_check_leaves_nothing_behind() {
    let stage = checked(|builder| builder.needs_places(64)).await;
    let large = || mail(&stage).body_bytes(MIB);
    for _ in 0..6 {
        large().start().await.leave().await;
    }
    let after = large().send().await;
    assert_eq!(after.status, 200, "{after:?}");
    stage.end().await;
}

#[tokio::test]
async fn who_waits_too_long_for_a_check_is_told_so() {
    const CROWD: usize = 60;
    // Each number is held against each of them: as slow as a manifest may make it.
    let kinds = "{type: string}, ".repeat(990);
    let slow = format!(
        "request: {{properties: {{user: {{type: string}}, metadata: {{items: {{anyOf: [{kinds}true]}}}}}}}}"
    );
    let stage = stage_with(&slow, plain::chat("yes"), |builder| {
        let quick = json!({"connect": "400ms", "header": "400ms", "first_token": "400ms", "idle": "400ms",
                           "first_token_max": "400ms", "plain": "400ms", "total": "500ms"});
        let builder = builder.needs_places(64);
        builder.set("routes.chat.timeouts", quick)
    })
    .await;
    // What breaks is found in the end, by whoever gets to look.
    let body = numbers("metadata", 90 * KIB).replacen('{', "{\"user\":7,", 1);
    let requests = (0..CROWD)
        .map(|_| mail(&stage).body(body.clone()))
        .collect::<Vec<_>>();

    let replies = many(CROWD, |n| {
        let request = requests[n].clone();
        async move {
            request
                .start()
                .await
                .finish_within(Duration::from_secs(60))
                .await
        }
    })
    .await;

    let with = |code: &str| {
        let told = replies
            .iter()
            .filter(|reply| reply.code().as_deref() == Some(code));
        told.count()
    };
    let (checked, late) = (with("schema_violation"), with("deadline_exceeded"));
    println!("-- {checked} were checked, {late} came too late");
    assert_eq!(checked + late, CROWD);
    assert!(checked > 0 && late > 0, "{checked} {late}");
    stage.expect_untouched_upstream();
    stage.end().await;
}
