//! A thousand skills, and more than that.

use std::time::{Duration, Instant};

use super::files::{check, expect_refused};
use super::*;

#[tokio::test]
async fn a_thousand_skills_are_read_at_the_start_and_again() {
    let rules = "request: {type: object, required: [messages], properties: {user: {type: string, pattern: \"^[a-z]+$\"}}}";
    let builder = (0..1000).fold(quiet(), |builder, n| {
        with_skill(builder, &format!("s{n}"), rules)
    });
    let began = Instant::now();
    let gateway = builder.start().await;
    let started = began.elapsed();
    let before = gateway.rss();

    let began = Instant::now();
    for _ in 0..3 {
        let output = gateway.reload().await;
        assert_eq!(output.code, 0, "{output:?}");
    }

    println!(
        "-- started in {started:?}, three times read in {:?}",
        began.elapsed()
    );
    assert!(started < Duration::from_secs(8), "{started:?}");
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    let (used, grown) = (
        gateway.rss() >> 20,
        gateway.rss().saturating_sub(before) >> 20,
    );
    println!("-- {used} MiB, {grown} more than after the start");
    assert!(grown < 150, "{grown} MiB more");
    let refused = of_skill(gateway.client().chat("m"), "s999")
        .field("user", 7)
        .send()
        .await;
    expect_violation(&refused, "/user", "type");
    crate::support::laws::check(&gateway, &[]).await;
}

#[tokio::test]
async fn more_than_that_is_some_other_folder() {
    let builder = (0..1025).fold(quiet(), |builder, n| {
        with_skill(builder, &format!("s{n}"), "")
    });
    expect_refused(&check(builder).await, "holds more than 1024 skills");
}
