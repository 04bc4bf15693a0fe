//! A gateway that is led back to a gateway says so instead of going round for ever.

use crate::stage::{expect_failure, Stage};
use crate::support::laws::{self, Law};
use crate::support::{eventually, plain, Gateway};

#[tokio::test]
async fn a_request_that_this_gateway_has_sent_is_a_loop() {
    let stage = Stage::start(plain::chat("once")).await;
    stage.tell(&stage.chat()).await;
    let seen = stage.last_seen();
    let own = seen.header("x-sidegate-hop").expect("our name");

    let (reply, line) = stage
        .tell(&stage.chat().header("X-Sidegate-Hop", own))
        .await;

    expect_failure(&reply, 508, "loop_detected");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    assert_eq!(
        (&line["code"], &line["attempts"]),
        (&"loop_detected".into(), &0.into())
    );
    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_request_that_another_gateway_has_sent_goes_on() {
    let stage = Stage::start(plain::chat("once")).await;
    let other = "fedcba9876543210";
    let (reply, _) = stage
        .tell(&stage.chat().header("x-sidegate-hop", other))
        .await;
    assert_eq!(reply.status, 200);
    let hops = stage
        .last_seen()
        .header("x-sidegate-hop")
        .map(str::to_owned);
    let hops = hops.expect("both names");
    assert!(
        hops.starts_with(&format!("{other},")) && hops.len() == 33,
        "{hops}"
    );
    stage.end().await;
}

#[tokio::test]
async fn two_gateways_that_lead_to_each_other_end_it_at_once() {
    let stage = Stage::start(plain::chat("never")).await;
    let first = &stage.gateway;
    let back = format!("http://{}/v1", first.addr());
    let second = Gateway::builder()
        .upstream("back", back.as_str())
        .route("chat", "m-on-a", &["back"])
        .start()
        .await;
    // Each has the other's token as its upstream's key.
    let key = first
        .configured("upstreams.a.key_file")
        .expect("a key file");
    std::fs::remove_file(key.as_str().expect("a path")).expect("an old key");
    crate::support::tls::write(first.home(), "keys/a", &second.canaries().token, 0o600);
    first.edit("upstreams.a.url", format!("http://{}/v1", second.addr()));
    first
        .wait_metrics("the new address", |metrics| {
            metrics.value("sidegate_config_generation", &[]) > Some(1.0)
        })
        .await;

    let reply = stage.chat().send().await;

    assert_eq!(reply.status, 502, "{reply:?}");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let id = reply.correlation_id().expect("an id");
    let at_the_second = second.wait_access(id).await;
    assert_eq!(
        (
            &at_the_second["upstream_status"],
            &at_the_second["attempts"]
        ),
        (&508.into(), &1.into())
    );
    // The same id twice: what the client sent, and what came back.
    let told = eventually("both lines at the first", async || {
        let lines = first.access_lines();
        let line = |code: &str| lines.iter().find(|line| line["code"] == code).cloned();
        let both = line("upstream_error").zip(line("loop_detected"));
        both.ok_or_else(|| format!("{lines:?}"))
    });
    let (sent, came_back) = told.await;
    assert_eq!(
        (&sent["upstream_status"], &sent["attempts"]),
        (&502.into(), &1.into())
    );
    assert_eq!(came_back["attempts"], 0);
    stage.expect_untouched_upstream();
    let no_ledger = "the upstream is another gateway, which keeps no ledger of a test's";
    laws::of(first, &[])
        .skip(Law::L1, "the request came twice under one id")
        .skip(Law::L3, no_ledger)
        .spare_fds(2)
        .check()
        .await;
    laws::of(&second, &[])
        .skip(Law::L3, no_ledger)
        .check()
        .await;
}
