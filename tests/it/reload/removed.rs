//! Routes and upstreams that are taken out: what runs there ends by itself, then nothing is left of them.

use serde_json::{json, Value};

use crate::stage::expect_failure;
use crate::support::gateway::{set_value, Metrics};
use crate::support::{laws, plain, sse, Gateway, Latch, Upstream};

/// Every series of that route or upstream.
fn series_of(metrics: &Metrics, label: &str, name: &str) -> usize {
    let text = format!("{label}=\"{name}\"");
    let lines = metrics.text().lines().filter(|line| !line.starts_with('#'));
    lines.filter(|line| line.contains(&text)).count()
}

#[tokio::test]
async fn a_removed_routes_stream_ends_by_itself_and_its_series_go() {
    let goes_on = Latch::new();
    let stays = Upstream::start(plain::chat("yes")).await;
    let goes = Upstream::start(sse::chat(5).hold_before_token(3, &goes_on)).await;
    let gateway = Gateway::builder()
        .upstream("stays", &stays)
        .upstream("goes", &goes)
        .route("chat", "m", &["stays"])
        .route("old", "o", &["goes"])
        .needs_places(2)
        .start()
        .await;
    let running = gateway.client().chat("o").stream().start().await;
    running.tokens(2).await;
    assert!(series_of(&gateway.metrics().await, "route", "old") > 0);

    let text = std::fs::read_to_string(gateway.config_file()).expect("the configuration");
    let mut config: Value = serde_json::from_str(&text).expect("the harness writes JSON");
    set_value(&mut config, "routes.old", None);
    set_value(&mut config, "upstreams.goes", None);
    gateway.write_config(&config.to_string());
    let answer = gateway.admin_post("/reload").await.json();

    assert_eq!(answer["result"], "ok", "{answer}");
    expect_failure(
        &gateway.client().chat("o").send().await,
        404,
        "unknown_model",
    );
    assert_eq!(gateway.client().chat("m").send().await.status, 200);
    let models = gateway.client().get("/v1/models").send().await.json();
    assert_eq!(models["data"].as_array().map(Vec::len), Some(1), "{models}");
    // As long as it runs it is counted.
    let metrics = gateway.metrics().await;
    assert_eq!(
        metrics.value("sidegate_upstream_streams", &[("upstream", "goes")]),
        Some(1.0)
    );

    goes_on.open();
    let whole = running.finish().await;
    assert_eq!(
        (whole.tokens(), whole.has_done(), whole.is_whole()),
        (5, true, true)
    );
    let id = whole.correlation_id().expect("an id");
    let line = gateway.wait_access(id).await;
    assert_eq!(
        (&line["route"], &line["config_generation"]),
        (&json!("old"), &json!(1))
    );
    let gone = |metrics: &Metrics| {
        series_of(metrics, "route", "old") == 0 && series_of(metrics, "upstream", "goes") == 0
    };
    gateway.wait_metrics("an end of the old series", gone).await;
    let reason = "the attempts of the removed upstream are no longer counted";
    laws::of(&gateway, &[&stays, &goes])
        .skip(laws::Law::L3, reason)
        .check()
        .await;
}

#[tokio::test]
async fn what_was_counted_under_a_name_that_stays_goes_on() {
    let upstream = Upstream::start(plain::chat("yes")).await;
    let gateway = Gateway::builder()
        .upstream("a", &upstream)
        .route("chat", "m", &["a"])
        .start()
        .await;
    let ok = [("route", "chat"), ("code", "ok")];
    let tokens = [("route", "chat"), ("caller", "agent"), ("kind", "prompt")];
    for sent in 1..4 {
        assert_eq!(gateway.client().chat("m").send().await.status, 200);
        let counted =
            |metrics: &Metrics| metrics.sum("sidegate_requests_total", &ok) == f64::from(sent);
        let metrics = gateway.wait_metrics("one more request", counted).await;
        assert_eq!(
            metrics.sum("sidegate_tokens_total", &tokens),
            f64::from(7 * sent)
        );
        gateway.edit("routes.chat.max_tokens", 100 + sent);
        assert_eq!(gateway.admin_post("/reload").await.status, 200);
    }
    laws::check(&gateway, &[&upstream]).await;
}
