//! Who is asked after whom: the tier's others, then the next tier; the same one again when nobody else is left.

use super::*;

/// `a` and `b` in the first tier, `c` in the second, `d` in the third.
struct Tiers {
    gateway: Gateway,
    upstreams: Vec<Upstream>,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

impl Tiers {
    async fn start(
        answer: impl Fn(&str) -> Answer,
        more: impl FnOnce(Builder) -> Builder,
    ) -> Tiers {
        let mut upstreams = Vec::new();
        let mut builder = Gateway::builder();
        for name in NAMES {
            let upstream = Upstream::start(answer(name)).await;
            builder = builder.upstream(name, &upstream);
            upstreams.push(upstream);
        }
        let target = |(upstream, tier): (&str, u64)| json!({"upstream": upstream, "model": "m", "tier": tier});
        let targets = NAMES
            .into_iter()
            .zip([0, 0, 1, 2])
            .map(target)
            .collect::<Vec<_>>();
        let builder = builder
            .route("chat", "chat", &["a"])
            .set("routes.chat.targets", targets)
            .set("breaker.threshold", 1000)
            .set("retry.budget.floor", 1000);
        let gateway = more(builder).start().await;
        Tiers { gateway, upstreams }
    }

    async fn ask(&self) -> crate::support::Reply {
        self.gateway.client().chat("chat").stream().send().await
    }

    /// The upstreams in the order in which they were asked.
    fn asked(&self) -> String {
        let named = NAMES.iter().zip(&self.upstreams);
        let mut all = named
            .flat_map(|(name, upstream)| {
                upstream
                    .requests()
                    .into_iter()
                    .map(|request| (request.at, *name))
            })
            .collect::<Vec<_>>();
        all.sort();
        all.into_iter().map(|(_, name)| name).collect()
    }

    async fn end(&self) {
        laws::check(&self.gateway, &self.upstreams.iter().collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn the_tiers_others_come_first_and_then_the_next_tier() {
    let tiers = Tiers::start(|_| status(502), |gateway| gateway).await;
    let reply = tiers.ask().await;
    assert_eq!(reply.code().as_deref(), Some("upstream_error"));
    assert_eq!(reply.header("x-sidegate-attempts"), Some("4"));
    let asked = tiers.asked();
    assert!(["abcd", "bacd"].contains(&asked.as_str()), "{asked}");
    tiers.end().await;
}

#[tokio::test]
async fn whoever_has_the_last_word_is_named_by_the_answer() {
    let last = |name: &str| match name {
        "d" => sse::chat_saying("D", 3).answer(),
        _ => status(502),
    };
    let tiers = Tiers::start(last, |gateway| gateway).await;
    let reply = tiers.ask().await;
    assert_eq!(
        (reply.text(), reply.header("x-sidegate-upstream")),
        (text_of("D", 3), Some("d"))
    );
    assert_eq!(reply.header("x-sidegate-attempts"), Some("4"));
    tiers.end().await;
}

#[tokio::test]
async fn a_prompt_that_is_too_long_passes_over_its_own_tier() {
    let tiers = Tiers::start(|_| plain::context_length_exceeded(), |gateway| gateway).await;
    let reply = tiers.ask().await;
    assert_eq!(
        (reply.status, reply.code().as_deref()),
        (400, Some("context_length_exceeded"))
    );
    let asked = tiers.asked();
    assert!(["acd", "bcd"].contains(&asked.as_str()), "{asked}");
    tiers.end().await;
}

#[tokio::test]
async fn no_more_is_tried_than_the_route_allows() {
    for (most, asked) in [(0, 1), (1, 2), (2, 3)] {
        let tiers = Tiers::start(|_| status(502), |gateway| gateway.set("retry.max", most)).await;
        assert_eq!(tiers.ask().await.code().as_deref(), Some("upstream_error"));
        assert_eq!(tiers.asked().len(), asked);
        tiers.end().await;
    }
}

#[tokio::test]
async fn the_same_ones_again_come_when_nobody_else_is_left() {
    let tiers = Tiers::start(|_| status(503), |gateway| gateway.set("retry.max", 6)).await;
    assert_eq!(
        tiers.ask().await.code().as_deref(),
        Some("upstream_overloaded")
    );
    let asked = tiers.asked();
    assert_eq!(asked.len(), 7);
    let again = &asked[4..];
    // Each once before any of them a third time.
    assert!(
        again.chars().all(|name| again.matches(name).count() == 1),
        "{asked}"
    );
    tiers.end().await;
}

#[tokio::test]
async fn a_server_that_answers_badly_is_asked_again_before_one_that_cannot_be_reached() {
    let tiers = Tiers::start(|_| status(503), |gateway| gateway.set("retry.max", 5)).await;
    for dead in [0, 2, 3] {
        tiers.upstreams[dead].go_down().await;
    }
    let reply = tiers.ask().await;
    assert_eq!(reply.header("x-sidegate-attempts"), Some("6"));
    // Everybody once, and then `b` for as long as there are retries.
    assert_eq!(tiers.asked(), "bbb");
    tiers.end().await;
}

#[tokio::test]
async fn a_status_that_the_route_leaves_out_is_not_asked_again_but_elsewhere() {
    let stage = Stage::set_up(overloaded(&[]), sse::chat_saying("B", 3), |gateway| {
        gateway.set("retry.statuses", json!([429]))
    })
    .await;
    stage
        .tell(stage.alone())
        .await
        .expect_failure(503, "upstream_overloaded")
        .expect_attempts(1);
    stage
        .tell(stage.chat())
        .await
        .expect_whole("B", 3)
        .expect_attempts(2);
    stage.end().await;
}
