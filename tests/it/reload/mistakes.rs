//! A bad file changes nothing: the last good one serves, and everybody who looks is told.

use serde_json::Value;

use crate::stage::Stage;
use crate::support::gateway::Metrics;
use crate::support::plain;

fn rejected(metrics: &Metrics) -> f64 {
    metrics.sum("sidegate_config_reloads_total", &[("result", "rejected")])
}

/// Saves it, waits until the gateway has said no, and gives back its mistakes.
async fn mistakes_of(stage: &Stage, yaml: &str) -> Vec<String> {
    let before = rejected(&stage.gateway.metrics().await);
    stage.gateway.write_config(yaml);
    let noticed = |metrics: &Metrics| rejected(metrics) > before;
    stage
        .gateway
        .wait_metrics("a rejected reload", noticed)
        .await;
    let last = stage.gateway.status().await["config"]["last_reload"].clone();
    assert_eq!(last["result"], "rejected", "{last}");
    let mistakes = last["mistakes"].as_array().expect("a list").iter();
    mistakes
        .map(|it| it.as_str().unwrap_or_default().to_string())
        .collect()
}

#[tokio::test]
async fn every_mistake_is_told_with_its_place_and_the_last_good_one_serves() {
    let stage = Stage::start(plain::chat("yes")).await;

    let yaml =
        "listen: 127.0.0.1:8787\nrouts: {}\nthreads: many\nupstreams:\n  a: {url: ftp://x}\n";
    let mistakes = mistakes_of(&stage, yaml).await;

    let all = mistakes.join("\n");
    assert!(mistakes.len() >= 3, "{all}");
    for (place, about) in [
        ("sidegate.yaml:2:1", "routs"),
        ("sidegate.yaml:3:10", "threads"),
        ("sidegate.yaml:5:", "url"),
    ] {
        assert!(
            mistakes
                .iter()
                .any(|it| it.contains(place) && it.contains(about)),
            "{place} {about}: {all}"
        );
    }
    stage
        .gateway
        .wait_log("a line about it", |line| line.to_string().contains("routs"))
        .await;
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.value("sidegate_config_generation", &[]), Some(1.0));
    assert_eq!(stage.chat().send().await.status, 200);
    let (_, line) = stage.tell(&stage.chat()).await;
    assert_eq!(line["config_generation"], 1);
    stage.end().await;
}

#[tokio::test]
async fn an_empty_file_is_a_mistake_and_so_is_none() {
    let stage = Stage::start(plain::chat("yes")).await;
    for empty in ["", "\n\n", "# nothing\n", "null", "{}"] {
        let mistakes = mistakes_of(&stage, empty).await;
        assert!(!mistakes.is_empty(), "{empty:?}");
        assert_eq!(stage.chat().send().await.status, 200, "{empty:?}");
    }
    let before = rejected(&stage.gateway.metrics().await);
    std::fs::remove_file(stage.gateway.config_file()).expect("removed");
    let noticed = |metrics: &Metrics| rejected(metrics) > before;
    stage
        .gateway
        .wait_metrics("a rejected reload", noticed)
        .await;
    assert_eq!(stage.chat().send().await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn a_mended_file_takes_and_the_mistakes_are_forgotten() {
    let stage = Stage::start(plain::chat("yes")).await;
    mistakes_of(&stage, "nonsense").await;

    stage
        .gateway
        .edit("routes.chat.alias", serde_json::json!(["m", "mended"]));
    stage
        .gateway
        .wait_metrics("a reload that took", |metrics| {
            metrics.sum("sidegate_config_reloads_total", &[("result", "ok")]) > 0.0
        })
        .await;

    assert_eq!(stage.client().chat("mended").send().await.status, 200);
    let config = stage.gateway.status().await["config"].clone();
    assert_eq!(
        (&config["last_reload"]["result"], &config["generation"]),
        (&"ok".into(), &2.into()),
        "a rejected one uses no number up"
    );
    assert_eq!(config["last_reload"]["mistakes"], Value::Array(Vec::new()));
    stage.end().await;
}

#[tokio::test]
async fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let stage = Stage::start(plain::chat("yes")).await;
    let secret = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEF";
    let yaml =
        format!("upstreams:\n  a:\n    url: https://api.example.com/v1\n    api_key: {secret}\n");

    let mistakes = mistakes_of(&stage, &yaml).await.join("\n");

    assert!(mistakes.contains("sidegate.yaml:4:"), "{mistakes}");
    assert!(!mistakes.contains(secret), "{mistakes}");
    for text in [
        stage.gateway.stderr(),
        stage.gateway.log_text("gateway.jsonl"),
        stage.gateway.status().await.to_string(),
    ] {
        assert!(!text.contains(secret), "{text}");
    }
    stage.end().await;
}

#[tokio::test]
async fn the_answer_to_an_operators_order_is_the_mistakes() {
    let stage = Stage::start(plain::chat("yes")).await;
    stage.gateway.write_config("routes: 7");

    let reply = stage.gateway.admin_post("/reload").await;

    assert_eq!(
        (reply.status, &reply.json()["result"]),
        (422, &"rejected".into()),
        "{reply:?}"
    );
    assert!(
        reply.json()["mistakes"]
            .to_string()
            .contains("sidegate.yaml:1:9"),
        "{reply:?}"
    );
    assert_eq!(stage.chat().send().await.status, 200);
    stage.end().await;
}
