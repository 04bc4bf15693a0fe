//! The shipped defaults in real time, because defaults are what a lone Mac gets. All at once; the longest takes two minutes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::breaker::look;
use crate::gate::text_of;
use crate::support::gateway::Builder;
use crate::support::wait::try_eventually;
use crate::support::{laws, plain, sse, Answer, Client, End, Gateway, Request, Script, Upstream};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(150);

/// A lone server behind a gateway with the clocks, retries and breakers that users get.
struct Lone {
    gateway: Gateway,
    upstream: Upstream,
}

impl Lone {
    async fn start(script: impl Into<Script>, more: impl FnOnce(Builder) -> Builder) -> Lone {
        let upstream = Upstream::start(script).await;
        let builder = Gateway::builder()
            .shipped_defaults()
            .upstream("a", &upstream)
            .route("chat", "m", &["a"]);
        let gateway = more(builder).start().await;
        Lone { gateway, upstream }
    }

    fn client(&self) -> Client {
        self.gateway.client()
    }

    fn stream(&self) -> Request {
        self.client().chat("m").stream()
    }

    async fn end(self) {
        laws::check(&self.gateway, &[&self.upstream]).await;
    }
}

#[tokio::test]
#[ignore = "two minutes"]
async fn what_a_lone_mac_gets() {
    tokio::join!(
        three_overloads_and_an_answer(),
        a_plain_answer_of_45_seconds(),
        a_prompt_that_is_read_for_a_minute(),
        a_short_prompt_and_silence(),
        a_breaker_that_recovers_while_its_probe_streams(),
    );
}

/// The fourth attempt is the last one that the defaults allow.
async fn three_overloads_and_an_answer() {
    let busy = plain::overloaded;
    let script = Script::sequence([busy(), busy(), busy(), sse::chat_saying("A", 9).answer()]);
    let lone = Lone::start(script, |it| it).await;
    let reply = lone.stream().start().await.finish_within(PATIENCE).await;
    assert_eq!(
        (reply.status, reply.text()),
        (200, text_of("A", 9)),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-sidegate-attempts"), Some("4"));
    // 250 ms, 500 ms and a second at most, all of them together.
    assert!(reply.took() < Duration::from_secs(5), "{:?}", reply.took());
    assert_eq!(look(&lone.gateway, "a", "m-on-a").await.failures, 0);
    lone.end().await;
}

/// Most servers send not even a head before the whole of it exists.
async fn a_plain_answer_of_45_seconds() {
    let slow = plain::chat("at last").after(Duration::from_secs(45));
    let lone = Lone::start(slow, |it| it).await;
    let reply = lone
        .client()
        .chat("m")
        .start()
        .await
        .finish_within(PATIENCE)
        .await;
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, "at last"),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-sidegate-attempts"), Some("1"));
    lone.end().await;
}

/// Twice the header's limit: a long prompt is no hang.
async fn a_prompt_that_is_read_for_a_minute() {
    let prefill = sse::chat_saying("A", 9).wait_before_head(Duration::from_secs(60));
    let lone = Lone::start(prefill, |it| it).await;
    let request = lone.stream().body_bytes(64 * 1024);
    let reply = request.start().await.finish_within(PATIENCE).await;
    assert_eq!(
        (reply.status, reply.text()),
        (200, text_of("A", 9)),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-sidegate-attempts"), Some("1"));
    lone.end().await;
}

/// The same silence for a short prompt is one.
async fn a_short_prompt_and_silence() {
    let lone = Lone::start(Answer::new().hang(), |it| it).await;
    let reply = lone.stream().start().await.finish_within(PATIENCE).await;
    assert_eq!(
        reply.code().as_deref(),
        Some("upstream_header_timeout"),
        "{reply:?}"
    );
    let took = reply.took();
    assert!(
        (Duration::from_secs(30)..Duration::from_secs(33)).contains(&took),
        "{took:?}"
    );
    assert_eq!(lone.upstream.requests().len(), 1);
    lone.end().await;
}

/// Only the cool-down is shorter than shipped.
async fn a_breaker_that_recovers_while_its_probe_streams() {
    let broken = plain::error(502, "server_error", "boom", "it broke");
    let lone = Lone::start(broken, |it| it.set("breaker.cool_down", "20s")).await;
    for _ in 0..5 {
        let reply = lone.stream().send().await;
        assert_eq!(reply.code().as_deref(), Some("upstream_error"), "{reply:?}");
    }
    let opened_at = Instant::now();
    let refused = lone.stream().send().await;
    assert_eq!(
        refused.code().as_deref(),
        Some("circuit_open"),
        "{refused:?}"
    );

    let long = sse::chat_saying("A", 90).every(Duration::from_secs(1));
    let script = Script::new()
        .nth(6, long.answer())
        .otherwise(sse::chat_saying("A", 9).answer());
    lone.upstream.play(script);
    cooled_down(&lone).await;
    let probe = lone.stream().start().await;
    assert!(
        opened_at.elapsed() >= Duration::from_secs(19),
        "{:?}",
        opened_at.elapsed()
    );

    probe.tokens(1).await;
    for _ in 0..5 {
        let reply = lone.stream().send().await;
        assert_eq!(
            (reply.status, reply.text()),
            (200, text_of("A", 9)),
            "{reply:?}"
        );
    }
    assert!(!probe.so_far().is_over(), "the probe streams on");
    let reply = probe.finish_within(PATIENCE).await;
    assert_eq!((&reply.end, reply.text()), (&End::Whole, text_of("A", 90)));
    let status = lone.gateway.status().await;
    assert_eq!(
        status["routes"][0]["targets"][0]["breaker"]["state"],
        json!("closed")
    );
    lone.end().await;
}

async fn cooled_down(lone: &Lone) {
    let over = try_eventually(Duration::from_secs(40), async || {
        match look(&lone.gateway, "a", "m-on-a").await.retry_in {
            None => Ok(()),
            Some(seconds) => Err(format!("{seconds} s are left")),
        }
    });
    over.await.expect("the end of the cool-down");
}
