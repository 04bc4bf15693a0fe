//! Prometheus' own judgement of what is served at `/metrics`.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::stage::Stage;
use crate::support::{plain, sse, Script};

#[tokio::test]
async fn promtool_has_nothing_to_say() {
    let stage = Stage::start(Script::sequence([
        plain::chat("yes"),
        sse::chat(3).answer(),
        plain::rate_limited(Some("0")),
    ]))
    .await;
    stage.chat().send().await;
    stage.chat().stream().send().await;
    stage.chat().send().await;
    stage.chat().token("wrong").send().await;
    let text = stage.gateway.metrics().await.text().to_string();

    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = started else {
        eprintln!("SKIPPED: there is no promtool on the PATH");
        return;
    };
    let mut input = promtool.stdin.take().expect("it is piped");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");

    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.trim().is_empty(), "{said}");
    stage.end().await;
}
