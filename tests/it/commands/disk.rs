//! `sidegate disk`, and what the gateway says of the volumes it watches.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::{json, quiet};
use crate::support::eventually;
use crate::support::gateway::Builder;

/// Watches its own home alone. No volume is ever 100 % full while this test can write its files.
fn home() -> Builder {
    let home = quiet();
    let watched = serde_json::json!([home.home()]);
    home.set("disk.watch", watched)
        .set("disk.alert_percent", 100)
}

fn mode(path: &Path) -> u32 {
    let about = std::fs::metadata(path).expect("it is there");
    about.permissions().mode() & 0o777
}

#[tokio::test]
async fn below_the_alert_it_lists_volumes_and_folders_and_ends_in_0() {
    let home = home().file(".sidegate/logs/access.jsonl", &"x".repeat(5000), 0o600);

    let text = home.run(&["disk"]).await;
    let listed = home.run(&["disk", "--json"]).await;

    assert_eq!((text.code, listed.code), (0, 0), "{text:?} {listed:?}");
    assert!(text.stdout.starts_with("VOLUME"), "{text:?}");
    let survey = json(&listed);
    let folders = survey["folders"].as_array().expect("folders");
    let logs = folders.iter().find(|folder| folder["what"] == "logs");
    let bytes = logs.expect("the logs")["bytes"].as_u64().expect("a size");
    assert!((5000..1_000_000).contains(&bytes), "{survey}");
    let volume = &survey["volumes"][0];
    assert_eq!(volume["alert"], false, "{survey}");
    let percent = volume["used_percent"].as_f64().expect("a number");
    assert!((0.0..100.0).contains(&percent), "{survey}");
}

#[tokio::test]
async fn weights_are_found_where_servers_keep_them() {
    let home = home()
        .file(".ollama/models/blobs/a", &"x".repeat(20_000), 0o600)
        .file(".cache/huggingface/hub/b", &"x".repeat(20_000), 0o600);

    let survey = json(&home.run(&["disk", "--json"]).await);

    for what in ["weights", "hugging_face"] {
        let mut folders = survey["folders"].as_array().expect("folders").iter();
        let found = folders.find(|folder| folder["what"] == what);
        let bytes = found.expect(what)["bytes"].as_u64().expect("a size");
        assert!(bytes >= 20_000, "{survey}");
    }
}

#[tokio::test]
async fn at_the_alert_it_ends_in_1() {
    let home = home().set("disk.alert_percent", 1);
    let survey = home.run(&["disk", "--json"]).await;
    let used = &json(&survey)["volumes"][0]["used_percent"];
    if used.as_f64().expect("a number") < 1.0 {
        // An empty volume has nothing to raise an alert with.
        return;
    }

    let text = home.run(&["disk"]).await;

    assert_eq!((survey.code, text.code), (1, 1), "{text:?}");
    assert!(text.stdout.contains("ALERT at 1 %"), "{text:?}");
}

#[tokio::test]
async fn each_archived_survey_is_a_dated_line_that_only_we_read() {
    let home = home();
    let folder = home.home().join("archive/disk");
    let arguments = ["disk", "--archive", folder.to_str().expect("a path")];

    let codes = [
        home.run(&arguments).await.code,
        home.run(&arguments).await.code,
    ];

    assert_eq!(codes, [0, 0]);
    let file = folder.join("disk.jsonl");
    let text = std::fs::read_to_string(&file).expect("the archive");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0]["at"].as_str().expect("a date").ends_with('Z'));
    assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
}

#[tokio::test]
async fn an_archive_that_is_no_folder_is_a_failure() {
    let home = home().file("archive", "", 0o600);
    let path = home.home().join("archive");

    let output = home
        .run(&["disk", "--archive", path.to_str().expect("a path")])
        .await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("--archive"), "{output:?}");
}

#[tokio::test]
async fn the_gateway_shows_how_full_its_volumes_are() {
    let gateway = home().set("disk.alert_percent", 90).start().await;
    let path = gateway.home().display().to_string();

    let disk = eventually("a measured volume", async || {
        let status = gateway.status().await;
        let disk = status["disk"][0].clone();
        (!disk.is_null()).then_some(disk).ok_or(status.to_string())
    })
    .await;
    let metrics = gateway.metrics().await;

    assert_eq!(disk["path"], path.as_str());
    assert_eq!(disk["alert_ratio"], 0.9);
    assert!(disk["free_bytes"].as_u64().expect("bytes") > 0, "{disk}");
    let shown = disk["used_ratio"].as_f64().expect("a ratio");
    let gauge = metrics.sum("sidegate_disk_used_ratio", &[("path", &path)]);
    assert!((0.0..=1.0).contains(&gauge), "{gauge}");
    assert!((gauge - shown).abs() < 0.05, "{gauge} {shown}");
}
