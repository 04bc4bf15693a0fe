//! `sidegate smoke`.

use super::quiet;
use crate::stage::Stage;
use crate::support::{plain, Script};

#[tokio::test]
async fn every_alias_is_asked_for_once() {
    let stage = Stage::with(plain::chat("hello"), |gateway| {
        gateway
            .set("routes.chat.alias", serde_json::json!(["m", "n"]))
            .route("rest", "*", &["a"])
    })
    .await;

    let output = stage.gateway.run(&["smoke"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(stage.upstream.requests().len(), 2);
    let row = |alias: &str| {
        output
            .stdout
            .lines()
            .any(|line| line.starts_with(alias) && line.contains(" ok "))
    };
    assert!(row("m ") && row("n "), "{output:?}");
    assert!(
        output.stdout.contains("the-upstreams-own-name"),
        "{output:?}"
    );
}

#[tokio::test]
async fn one_that_fails_is_named_and_ends_in_2() {
    let script = Script::new()
        .model("good-on-a", plain::chat("hello"))
        .otherwise(plain::overloaded());
    let stage = Stage::with(script, |gateway| gateway.route("good", "good", &["a"])).await;

    let output = stage.gateway.run(&["smoke"]).await;
    let good = stage.gateway.run(&["smoke", "good"]).await;
    let unknown = stage.gateway.run(&["smoke", "nope"]).await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stdout.contains("upstream_overloaded"), "{output:?}");
    let row = output.stdout.lines().nth(1).expect("a row");
    assert_eq!(row.split_whitespace().nth(4), Some("a"), "{output:?}");
    assert!(
        output.stderr.contains("m: The model is overloaded"),
        "{output:?}"
    );
    assert_eq!(good.code, 0, "{good:?}");
    assert_eq!(unknown.code, 64, "{unknown:?}");
}

#[tokio::test]
async fn a_model_that_only_embeds_is_asked_for_that() {
    let script = Script::new()
        .target(
            "POST /v1/embeddings",
            plain::json(&plain::embeddings_body(1)),
        )
        .otherwise(plain::error(
            400,
            "invalid_request_error",
            "x",
            "no chat template",
        ));
    let stage = Stage::start(script).await;

    let output = stage.gateway.run(&["smoke"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(stage.upstream.requests().len(), 2);
}

#[tokio::test]
async fn printed_lines_hold_no_secret_and_send_nothing() {
    let stage = Stage::start(plain::chat("hello")).await;

    let output = stage.gateway.run(&["smoke", "--print"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.starts_with("curl "), "{output:?}");
    assert!(
        output.stdout.contains(&stage.gateway.addr().to_string()),
        "{output:?}"
    );
    assert!(
        !output.stdout.contains(&stage.gateway.callers()[0].secret),
        "{output:?}"
    );
    stage.expect_untouched_upstream();
}

#[tokio::test]
async fn without_a_secret_it_says_how_to_give_one() {
    let hashed = format!("sha256:{}", "0f".repeat(32));

    let output = quiet().token(&hashed).run(&["smoke"]).await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("SIDEGATE_TOKEN"), "{output:?}");
    assert!(output.stderr.contains("--token-file"), "{output:?}");
}

#[tokio::test]
async fn a_gateway_that_does_not_run_is_named() {
    let output = quiet().run(&["smoke"]).await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("no gateway answers"), "{output:?}");
}
