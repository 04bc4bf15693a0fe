//! A gateway that is led back to a gateway says so instead of going round for ever.

use crate::stage::{expect_failure, Stage};
use crate::support::laws::{self, Law};
use crate::support::{plain, Gateway};

#[tokio::test]
async fn a_request_that_a_gateway_has_sent_is_a_loop() {
    let stage = Stage::start(plain::chat("never")).await;

    let (reply, line) = stage
        .tell(&stage.chat().header("X-Sidegate-Hop", "1"))
        .await;

    expect_failure(&reply, 508, "loop_detected");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    assert_eq!(
        (&line["code"], &line["attempts"]),
        (&"loop_detected".into(), &0.into())
    );
    stage.expect_untouched_upstream();
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

    let (reply, line) = stage.tell(&stage.chat()).await;

    assert!(matches!(reply.status, 502 | 508), "{reply:?}");
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    assert_eq!(line["upstream_status"], 508);
    let id = reply.correlation_id().expect("an id");
    second.wait_access(id).await;
    let at_the_second = second.access_lines();
    assert!(
        at_the_second
            .iter()
            .all(|line| line["code"] == "loop_detected" && line["attempts"] == 0),
        "{at_the_second:?}"
    );
    assert!(at_the_second.len() <= 2, "{at_the_second:?}");
    stage.expect_untouched_upstream();
    let no_ledger = "the upstream is another gateway, which keeps no ledger of a test's";
    laws::of(first, &[])
        .skip(Law::L3, no_ledger)
        .spare_fds(2)
        .check()
        .await;
    laws::of(&second, &[]).check().await;
}
