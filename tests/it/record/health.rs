//! The second port: is it alive, is it ready, how is it doing.

use serde_json::json;

use crate::stage::Stage;
use crate::support::{eventually, laws, plain, Gateway, Upstream};

#[tokio::test]
async fn livez_and_readyz_need_no_token() {
    let stage = Stage::start(plain::chat("never")).await;
    for path in ["/livez", "/readyz"] {
        let reply = stage.gateway.admin_get(path).await;
        assert_eq!(
            (reply.status, &reply.body[..]),
            (200, &b"ok\n"[..]),
            "{reply:?}"
        );
        let head = stage.gateway.admin().method("HEAD", path).send().await;
        assert_eq!((head.status, head.surplus.len()), (200, 0), "{head:?}");
        let query = stage.gateway.admin_get(&format!("{path}?verbose")).await;
        assert_eq!(query.status, 200);
    }
    stage.end().await;
}

#[tokio::test]
async fn metrics_and_status_say_what_they_are() {
    let stage = Stage::start(plain::chat("yes")).await;
    let metrics = stage.gateway.admin_get("/metrics").await;
    assert_eq!(
        metrics.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let status = stage.gateway.admin_get("/status").await;
    assert_eq!(status.header("content-type"), Some("application/json"));
    assert_eq!(status.header("cache-control"), Some("no-store"));

    let status = status.json();
    assert_eq!(
        (&status["ready"], &status["draining"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(status["config"]["generation"], 1);
    assert_eq!(status["config"]["file"], json!(stage.gateway.config_file()));
    let route = &status["routes"][0];
    assert_eq!(
        (&route["name"], &route["aliases"], &route["lane"]),
        (&json!("chat"), &json!(["m"]), &json!("interactive"))
    );
    let target = &route["targets"][0];
    assert_eq!(
        (&target["upstream"], &target["model"], &target["tier"]),
        (&json!("a"), &json!("m-on-a"), &json!(0))
    );
    assert_eq!(status["upstreams"][0]["name"], "a");
    assert_eq!(status["lanes"].as_array().map(Vec::len), Some(2));
    stage.end().await;
}

#[tokio::test]
async fn the_last_failures_stand_in_the_status_with_what_to_do() {
    let stage = Stage::start(plain::unauthorized()).await;
    let failed = stage.chat().send().await;
    let refused = stage.chat().token("wrong").send().await;

    let both = async || {
        let recent = stage.gateway.status().await["recent_failures"].clone();
        match recent.as_array().map(Vec::len) {
            Some(2) => Ok(recent),
            other => Err(format!("{other:?}")),
        }
    };
    let recent = eventually("two recent failures", both).await;
    let newest = &recent[0];
    assert_eq!(
        (&newest["code"], &newest["route"]),
        (&json!("invalid_token"), &json!(null))
    );
    assert_eq!(newest["correlation_id"], json!(refused.correlation_id()));
    assert_eq!(newest["upstream"], json!(null));
    let oldest = &recent[1];
    assert_eq!(
        (&oldest["code"], &oldest["route"]),
        (&json!("upstream_auth_failed"), &json!("chat"))
    );
    assert_eq!(oldest["upstream"], json!("a"));
    assert_eq!(oldest["hint"], failed.json()["remediation_hint"]);
    stage.end().await;
}

/// Nobody sees it from outside: `b` answers in its place.
#[tokio::test]
async fn an_upstream_that_fails_shows_it_although_another_serves() {
    let (a, b) = (
        Upstream::start(plain::rate_limited(Some("30"))).await,
        Upstream::start(plain::chat("hello")).await,
    );
    let builder = Gateway::builder().upstream("a", &a).upstream("b", &b);
    let gateway = builder.route("chat", "m", &["a", "b"]).start().await;
    let reply = gateway.client().chat("m").send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = reply.correlation_id().expect("an id");
    gateway.wait_access(id).await;

    let status = gateway.status().await;
    let text = gateway.run(&["status"]).await;

    let [failed, well] = [0, 1].map(|index| &status["upstreams"][index]["last_failure"]);
    assert_eq!(
        (&failed["code"], &failed["correlation_id"]),
        (&json!("rate_limited"), &json!(id))
    );
    assert!(failed["at"].is_string(), "{failed}");
    assert_eq!(
        (well, &status["recent_failures"]),
        (&json!(null), &json!([]))
    );
    let rows = text.stdout.lines();
    let rows: Vec<&str> = rows.filter(|row| row.contains(" vllm ")).collect();
    assert!(rows[0].ends_with(&format!("rate_limited {id}")), "{text:?}");
    assert!(rows[1].ends_with(" -"), "{text:?}");
    laws::check(&gateway, &[&a, &b]).await;
}

#[tokio::test]
async fn a_request_that_deserves_its_refusal_is_no_failure_of_the_upstream() {
    let stage = Stage::start(plain::content_policy_violation()).await;
    let (refused, _) = stage.tell(&stage.chat()).await;
    assert_eq!(refused.code().as_deref(), Some("content_policy_violation"));
    let status = stage.gateway.status().await;
    assert_eq!(status["upstreams"][0]["last_failure"], json!(null));
    stage.end().await;
}

#[tokio::test]
async fn what_is_not_there_says_what_is() {
    let stage = Stage::start(plain::chat("never")).await;
    let admin = stage.gateway.admin();
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/v1/models", 404),
        ("POST", "/v1/chat/completions", 404),
        ("GET", "/livez/", 404),
        ("GET", "//livez", 404),
        ("POST", "/livez", 405),
        ("DELETE", "/metrics", 405),
        ("PUT", "/status", 405),
    ] {
        let reply = admin
            .method(method, path)
            .header("content-length", "0")
            .send()
            .await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        let told = reply.json();
        assert!(
            told["error"].is_string() && told["hint"].is_string(),
            "{method} {path}: {told}"
        );
    }
    stage.end().await;
}
