//! What is wrong with upstreams.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{expect, found, good, sound, DOCTOR};
use crate::support::{blackhole, plain, refuse, Answer, Authority, Output, Script, Upstream};

/// Looks at an upstream with this script, without a gateway.
async fn seen(script: impl Into<Script>) -> Output {
    let upstream = Upstream::start(script).await;
    sound(&upstream).run(DOCTOR).await
}

fn listing(entry: serde_json::Value) -> Script {
    let list = plain::json(&json!({"object": "list", "data": [entry]}));
    Script::new()
        .target("GET /v1/models", list)
        .otherwise(plain::status(404, &[], "{}"))
}

#[tokio::test]
async fn one_that_refuses_connections_fails() {
    let dead = refuse();
    let output = sound(&dead).run(DOCTOR).await;
    let finding = expect(&output, "upstream-reachable", "failure", &["is refused"]);
    assert_eq!(finding["subject"], "a");
}

#[tokio::test]
async fn hosts_that_never_answer_fail_together_within_seconds() {
    let (dead, silent) = (
        blackhole().await,
        Upstream::start(Answer::new().hang()).await,
    );
    let home = sound(&dead)
        .upstream("b", &dead)
        .upstream("c", &silent)
        .upstream("d", &dead)
        .upstream("e", &dead)
        .route("more", "n", &["b", "c", "d", "e"]);
    let began = Instant::now();

    let output = home.run(DOCTOR).await;

    let took = began.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
    expect(
        &output,
        "upstream-reachable",
        "failure",
        &["no connection in time"],
    );
    let text = output.stdout.as_str();
    assert!(
        text.contains("takes the connection and doesn't answer"),
        "{text}"
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_fails() {
    let upstream = Upstream::start_tls(good(), &Authority::new(), false).await;
    let home = sound(&upstream).set("upstreams.a.tls", json!({"server_name": "localhost"}));
    let output = home.run(DOCTOR).await;
    expect(
        &output,
        "upstream-reachable",
        "failure",
        &["no TLS with it", "ca_file"],
    );
}

#[tokio::test]
async fn whatever_is_no_inference_server_is_a_stranger_with_its_owner() {
    let banner = Answer::new().send("SSH-2.0-OpenSSH_9.2\r\n").close_fin();
    let us = format!("(pid {})", std::process::id());
    for (stranger, said) in [
        (Script::from(banner), "speaks no HTTP"),
        (plain::html(200).into(), "web page (status 200)"),
        (plain::html(404).into(), "web page (status 404)"),
        (
            Answer::close_after_head().into(),
            "closes it without an answer",
        ),
    ] {
        let output = seen(stranger).await;
        expect(&output, "upstream-stranger", "failure", &[said, &us]);
    }
}

#[tokio::test]
async fn a_key_that_is_refused_fails_and_so_does_a_missing_one() {
    let refused = seen(plain::unauthorized()).await;
    let upstream = Upstream::start(plain::unauthorized()).await;
    let without = sound(&upstream).without_key("a").run(DOCTOR).await;

    expect(
        &refused,
        "upstream-key",
        "failure",
        &["refuses our key with 401", "keys/a"],
    );
    expect(
        &without,
        "upstream-key",
        "failure",
        &["wants a key (401)", "key_file"],
    );
}

#[tokio::test]
async fn a_model_that_a_route_names_and_the_server_lacks_fails() {
    let script = good();
    let lacking = Script::new()
        .target("GET /v1/models", plain::models(&["another", "third"]))
        .otherwise(plain::status(404, &[], "{}"));
    let upstream = Upstream::start(script).await;
    let passing = sound(&upstream)
        .route("rest", "*", &["a"])
        .run(DOCTOR)
        .await;

    let output = seen(lacking).await;

    let said = "route chat asks for m-on-a, and it has another, third";
    expect(&output, "upstream-models", "failure", &[said]);
    assert_eq!(found(&passing, "upstream-models")["severity"], "ok");
}

#[tokio::test]
async fn another_family_than_the_configured_one_is_a_warning() {
    let by_list = seen(listing(json!({"id": "m-on-a", "owned_by": "library"}))).await;
    let lmstudio = json!({"data": [{"id": "m-on-a", "state": "loaded", "max_context_length": 1}]});
    let by_path = Script::new()
        .target("GET /v1/models", plain::models(&["m-on-a"]))
        .target("GET /api/v0/models", plain::json(&lmstudio))
        .otherwise(plain::status(404, &[], "{}"));
    let by_path = seen(by_path).await;

    expect(
        &by_list,
        "upstream-family",
        "warning",
        &["upstreams.a.family: ollama"],
    );
    expect(
        &by_path,
        "upstream-family",
        "warning",
        &["upstreams.a.family: lmstudio"],
    );
}

#[tokio::test]
async fn a_context_above_the_servers_is_a_warning() {
    let script = listing(json!({"id": "m-on-a", "owned_by": "vllm", "max_model_len": 8192}));
    let upstream = Upstream::start(script).await;
    let home = sound(&upstream);

    let above = home.set("routes.chat.targets.0.context", 32768);
    let output = above.run(DOCTOR).await;
    let below = above
        .set("routes.chat.targets.0.context", 8192)
        .run(DOCTOR)
        .await;

    expect(
        &output,
        "upstream-context",
        "warning",
        &["32768", "takes 8192", "set context: 8192"],
    );
    assert_eq!(found(&below, "upstream-context")["severity"], "ok");
}

#[tokio::test]
async fn a_clock_that_is_off_is_a_warning() {
    let long_ago = [("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let body = json!({"data": [{"id": "m-on-a"}]}).to_string();
    let output = seen(plain::status(200, &long_ago, body)).await;
    expect(&output, "clock", "warning", &["behind ours", "NTP"]);
}

#[tokio::test]
async fn a_base_path_that_the_server_does_not_know_is_a_warning() {
    let output = seen(plain::status(404, &[], "{}")).await;
    let said = ["/v1/models answers 404", "end in /v1"];
    expect(&output, "upstream-reachable", "warning", &said);
}

#[tokio::test]
async fn one_that_loads_its_model_is_a_warning() {
    let output = seen(plain::overloaded()).await;
    expect(
        &output,
        "upstream-reachable",
        "warning",
        &["loading its model, or overloaded"],
    );
}
