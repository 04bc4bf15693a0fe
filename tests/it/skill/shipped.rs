//! The manifests that are shipped, before the demo's own stand-ins.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::commands::demo::Demo;

fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/skills");
    let files = std::fs::read_dir(folder).expect("the shipped manifests");
    let mut all: Vec<_> = files
        .map(|file| file.expect("a file").path())
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, std::fs::read_to_string(path).expect("text"))
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn each_of_them_is_sound_and_listed() {
    let builder = Gateway::builder()
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("demo", "m", &["a"]);
    let all = shipped();
    let builder = all.iter().fold(builder, |builder, (name, text)| {
        with_file(builder, name, text, 0o400)
    });

    let output = builder.run(&["skills", "--json"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    let listing: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let skills = listing["skills"].as_array().expect("a list").iter();
    let names: Vec<_> = skills
        .map(|skill| skill["skill"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["hello", "report"]);
}

#[tokio::test]
async fn hello_talks_a_little_and_does_nothing_else() {
    let demo = Demo::start().await;
    let client = demo.client();
    let said = |text: &str| json!({"messages": [{"role": "user", "content": text}]});
    let ask = |body: Value| of_skill(client.post("/v1/chat/completions", body), "hello");

    let served = ask(said("hello")).send().await;
    let tool = ask(said("hello"))
        .field("tools", json!([{"name": "rm"}]))
        .send()
        .await;
    let long = ask(said(&"x".repeat(4001))).send().await;
    let lane = ask(said("hello")).lane("batch").send().await;
    let streamed = ask(said("hello")).stream().send().await;

    assert_eq!(served.status, 200, "{served:?}");
    expect_violation(&tool, "/tools/0/name", "tools");
    expect_violation(&long, "/messages/0/content", "maxLength");
    expect_violation(&lane, "", "lane");
    assert!(
        streamed.status == 200 && streamed.has_done(),
        "{streamed:?}"
    );
}

#[tokio::test]
async fn report_answers_in_json_or_not_at_all() {
    let demo = Demo::start().await;
    let client = demo.client();
    let ask = || {
        let body = json!({"messages": [{"role": "user", "content": "hello"}]});
        of_skill(client.post("/v1/chat/completions", body), "report")
    };

    let json_asked = ask()
        .field("response_format", json!({"type": "json_object"}))
        .send()
        .await;
    let words = ask().send().await;

    assert_eq!(json_asked.status, 200, "{json_asked:?}");
    let said: Value = serde_json::from_str(&json_asked.text()).expect("JSON");
    assert!(said["by"] == "first" || said["by"] == "second", "{said}");
    expect_misfit(&words, "/content", "json");
    assert!(words.took() < Duration::from_secs(10), "{:?}", words.took());
}
