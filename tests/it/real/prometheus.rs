//! The shipped rules and dashboard, on a real gateway that a real Prometheus scrapes.
//!
//! What is checked stands in `tests/real/prometheus`; here its lines are read. Where Prometheus isn't installed
//! Debian's package is unpacked under `target/prometheus`, which takes some seconds.

use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::project;
use crate::support::within;

/// A little more than the script gives itself.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(200);

const CHECKS: usize = 15;

#[tokio::test(flavor = "multi_thread")]
async fn shipped_rules_and_dashboard_hold_on_a_running_gateway() {
    let folder = project().join("tests/real/prometheus");
    let install = run(&mut Command::new(folder.join("install.sh"))).await;
    assert!(install.status.success(), "{install:?}");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = match String::from_utf8_lossy(&install.stdout).trim() {
        "" => path,
        tools => format!("{tools}:{path}"),
    };

    let mut check = Command::new("python3");
    check.arg(folder.join("check.py"));
    check.args(["--sidegate", env!("CARGO_BIN_EXE_sidegate")]);
    check.env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run(&mut check).await;

    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = said.lines().map(read).collect();
    let failed: Vec<&Value> = lines.iter().filter(|line| line["ok"] != true).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(lines.len(), CHECKS, "{said}");
}

async fn run(command: &mut Command) -> Output {
    command.kill_on_drop(true).stdin(Stdio::null());
    let name = format!("{:?}", command.as_std().get_program());
    let output = within(SCRIPT_DEADLINE, &name, command.output()).await;
    let output = output.unwrap_or_else(|problem| panic!("{name} doesn't run: {problem}"));
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|problem| panic!("{line}: {problem}"))
}
