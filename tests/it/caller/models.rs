//! `/v1/models`: a caller sees what it may ask for.

use serde_json::{json, Value};

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::{plain, Client, Script};

fn routes_and_callers(builder: Builder) -> Builder {
    builder
        .route("secret", "s", &["a"])
        .set("routes.chat.alias", json!(["m", "default", "org/model-7b"]))
        .caller("chatter", "invoke:chat")
        .caller("reader", "models")
        .caller("root", "admin")
}

async fn listed(client: &Client) -> Vec<String> {
    let reply = client.get("/v1/models").send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let list = reply.json();
    assert_eq!(list["object"], "list");
    let models = list["data"].as_array().expect("a list").clone();
    for model in &models {
        assert_eq!(
            (&model["object"], &model["owned_by"]),
            (&json!("model"), &json!("sidegate"))
        );
        assert!(model["created"].as_u64() > Some(1_700_000_000), "{model}");
    }
    let mut names = models
        .iter()
        .map(|model| model["id"].as_str().expect("a name").to_string())
        .collect::<Vec<_>>();
    names.sort();
    names
}

#[tokio::test]
async fn a_caller_is_shown_the_aliases_that_it_may_use() {
    let stage = Stage::with(plain::chat("never"), routes_and_callers).await;

    let chat = ["default", "m", "org/model-7b"];
    assert_eq!(listed(&stage.gateway.client_of("chatter")).await, chat);
    let all = ["default", "m", "org/model-7b", "s"];
    assert_eq!(listed(&stage.client()).await, all);
    assert_eq!(listed(&stage.gateway.client_of("reader")).await, all);
    let root = stage
        .gateway
        .client_of("root")
        .get("/v1/models")
        .send()
        .await;
    expect_failure(&root, 403, "insufficient_scope");
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn one_model_is_shown_by_its_alias_however_its_slash_is_written() {
    let stage = Stage::with(plain::chat("never"), routes_and_callers).await;
    let chatter = stage.gateway.client_of("chatter");
    for (path, id) in [
        ("/v1/models/m", "m"),
        ("/v1/models/org/model-7b", "org/model-7b"),
        ("/v1/models/org%2Fmodel-7b", "org/model-7b"),
        ("/v1/models/default?x=1", "default"),
    ] {
        let reply = chatter.get(path).send().await;
        assert_eq!(
            (reply.status, &reply.json()["id"]),
            (200, &json!(id)),
            "{path}"
        );
    }
    // What it may not use is not there for it.
    for path in [
        "/v1/models/s",
        "/v1/models/nobody",
        "/v1/models/M",
        "/v1/models/m/",
    ] {
        expect_failure(&chatter.get(path).send().await, 404, "unknown_model");
    }
    let (_, line) = stage.tell(&chatter.get("/v1/models/m")).await;
    assert_eq!(
        (&line["path"], &line["method"]),
        (&json!("models"), &json!("GET"))
    );
    assert_eq!(
        (&line["route"], &line["attempts"]),
        (&Value::Null, &json!(0))
    );
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_route_for_every_name_shows_what_its_upstream_has_and_remembers_it_for_a_while() {
    let script = Script::new()
        .target("GET /v1/models", plain::models(&["own-1", "own-2"]))
        .otherwise(plain::chat("yes"));
    let stage = Stage::with(script, |builder| builder.route("rest", "*", &["a"])).await;

    for _ in 0..3 {
        assert_eq!(listed(&stage.client()).await, ["m", "own-1", "own-2"]);
    }
    let asked = stage.upstream.requests();
    assert_eq!(asked.len(), 1, "asked once, then remembered: {asked:?}");
    let key = stage.gateway.upstreams()[0].key.clone().expect("a key");
    assert_eq!(
        asked[0].header("authorization"),
        Some(format!("Bearer {key}").as_str())
    );

    let reply = stage.client().chat("own-2").send().await;
    assert_eq!(
        (reply.status, reply.header("x-sidegate-route")),
        (200, Some("rest"))
    );
    assert_eq!(
        stage.last_seen().json()["model"],
        "own-2",
        "it passes through unchanged"
    );
    stage.end().await;
}

#[tokio::test]
async fn an_upstream_that_does_not_tell_its_models_holds_nobody_up() {
    for bad in [
        plain::status(500, &[], "{}"),
        plain::html(200),
        crate::support::Answer::new().close_reset(),
        plain::json(&json!({"data": "nothing"})),
    ] {
        let script = Script::new()
            .target("GET /v1/models", bad)
            .otherwise(plain::chat("yes"));
        let stage = Stage::with(script, |builder| builder.route("rest", "*", &["a"])).await;
        assert_eq!(listed(&stage.client()).await, ["m"]);
        stage.end().await;
    }
}
