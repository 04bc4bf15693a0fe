//! Manifests that change while the gateway runs: it notices by itself, and a bad one changes nothing.

use std::time::{Duration, Instant};

use super::*;
use crate::support::eventually;

/// What an operator finds quick; a busy machine's patience on top.
const SOON: Duration = Duration::from_secs(4);

/// Saves a manifest as people do, all at once.
pub fn save(stage: &Stage, name: &str, text: &str) {
    let file = folder(stage.gateway.home()).join(name);
    let beside = stage.gateway.home().join("beside");
    std::fs::write(&beside, text).expect("a file");
    set_mode(&beside, 0o400);
    std::fs::rename(&beside, file).expect("renamed");
}

/// Waits until a request of that skill ends so, with 200 and `ok` where it is served.
async fn expect_soon(stage: &Stage, name: &str, code: Option<&str>) {
    let began = Instant::now();
    eventually(format!("{code:?} for {name}"), async || {
        let reply = of_skill(stage.chat(), name).send().await;
        match reply.code().as_deref() == code {
            true => Ok(()),
            false => Err(format!("{reply:?}")),
        }
    })
    .await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

async fn last_reload(stage: &Stage) -> Value {
    stage.gateway.status().await["config"]["last_reload"].clone()
}

#[tokio::test]
async fn files_come_change_and_go() {
    let stage = stage("description: any", plain::chat("yes")).await;

    save(&stage, "shop.yaml", "skill: shop\n");
    expect_soon(&stage, "shop", None).await;

    save(
        &stage,
        "shop.yaml",
        "skill: shop\nrequest: {required: [user]}\n",
    );
    expect_soon(&stage, "shop", Some("schema_violation")).await;

    std::fs::remove_file(folder(stage.gateway.home()).join("shop.yaml")).expect("removed");
    expect_soon(&stage, "shop", Some("skill_unknown")).await;

    assert_eq!(mail(&stage).send().await.status, 200);
    assert_eq!(last_reload(&stage).await["result"], "ok");
    stage.end().await;
}

#[tokio::test]
async fn a_page_may_come_into_a_folder_that_is_there() {
    let stage = stage("description: any", plain::chat("yes")).await;
    let shop = folder(stage.gateway.home()).join("shop");
    std::fs::create_dir(&shop).expect("a folder");
    set_mode(&shop, 0o755);
    std::fs::write(shop.join("notes.txt"), "nothing").expect("a file");
    assert_eq!(of_skill(stage.chat(), "shop").send().await.status, 400);

    save(
        &stage,
        "shop/SKILL.md",
        "---\nname: shop\nmetadata: {sidegate: {tools: []}}\n---\n",
    );

    expect_soon(&stage, "shop", None).await;
    stage.end().await;
}

#[tokio::test]
async fn a_folder_may_come_later() {
    let stage = Stage::start(plain::chat("yes")).await;
    let folder = folder(stage.gateway.home());
    let _ = std::fs::create_dir(&folder);
    set_mode(&folder, 0o700);

    save(&stage, "mail.yaml", "skill: mail\n");

    expect_soon(&stage, "mail", None).await;
    stage.end().await;
}

#[tokio::test]
async fn a_bad_one_keeps_what_was_and_is_told_of() {
    let stage = stage(ADDRESSED, plain::chat(FITTING)).await;

    save(&stage, "mail.yaml", "skill: mail\nroute: caht\n");
    save(&stage, "shop.yaml", "skill: shop\n");

    eventually("a rejected reload", async || {
        match last_reload(&stage).await {
            last if last["result"] == "rejected" => Ok(()),
            last => Err(last.to_string()),
        }
    })
    .await;
    let last = last_reload(&stage).await;
    let mistakes = last["mistakes"].to_string();
    assert!(
        mistakes.contains("mail.yaml:2:8: route: `caht` names no route"),
        "{last}"
    );
    let good = stage
        .gateway
        .metrics()
        .await
        .value("sidegate_config_file_good", &[]);
    assert_eq!(good, Some(0.0));
    // All of it waits, the good one too.
    assert_eq!(of_skill(stage.chat(), "shop").send().await.status, 400);
    stage.upstream.play(plain::chat(MISFIT));
    expect_failure(&mail(&stage).send().await, 502, "response_schema_violation");

    save(&stage, "mail.yaml", "skill: mail\nroute: chat\n");
    expect_soon(&stage, "shop", None).await;
    assert_eq!(
        mail(&stage).send().await.status,
        200,
        "the new one has no rule for answers"
    );
    stage.end().await;
}

#[tokio::test]
async fn the_command_says_what_is_wrong() {
    let stage = stage("description: any", plain::chat("yes")).await;
    save(&stage, "mail.yaml", "skill: mail\nlane: fast\n");

    let output = stage.gateway.reload().await;

    assert_eq!(output.code, 78, "{output:?}");
    let said = output.stdout.clone() + &output.stderr;
    assert!(said.contains("mail.yaml:2:7: lane: `fast`"), "{output:?}");
    assert_eq!(mail(&stage).send().await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn a_route_that_a_skill_needs_can_not_be_taken_away() {
    let stage = stage_with("route: other", plain::chat("yes"), |builder| {
        builder.route("other", "o", &["a"])
    })
    .await;
    let text = std::fs::read_to_string(stage.gateway.config_file()).expect("the configuration");
    let mut config: Value = serde_json::from_str(&text).expect("the harness writes JSON");
    config["routes"]
        .as_object_mut()
        .expect("routes")
        .remove("other");

    let output = stage.gateway.reload_config(&config.to_string()).await;

    assert_eq!(output.code, 78, "{output:?}");
    let said = output.stdout.clone() + &output.stderr;
    assert!(said.contains("`other` names no route"), "{output:?}");
    stage.end().await;
}
