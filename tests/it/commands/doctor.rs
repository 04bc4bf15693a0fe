//! `sidegate doctor`: against a host that is well, and against each thing that it should find.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::json;
use crate::support::gateway::{Address, Builder};
use crate::support::{plain, Gateway, Output, Script, Upstream};

mod descriptors;
mod gateway;
mod host;
mod itself;
mod neighbours;
mod service;
mod snapshot;
mod upstreams;

/// What the machine that runs the tests decides, and no test of ours.
const DOCTOR: &[&str] = &[
    "doctor",
    "--json",
    "--skip",
    "agents",
    "--skip",
    "descriptors",
    "--skip",
    "service",
];

/// A server as it should be: it has the one model that is asked for.
fn good() -> Script {
    Script::new()
        .target("GET /v1/models", plain::models(&["m-on-a"]))
        .target("GET /version", plain::status(404, &[], "{}"))
        .otherwise(plain::chat("hello"))
}

/// A configuration of which nothing is to be said but what the test makes of it.
fn sound(upstream: &(impl Address + ?Sized)) -> Builder {
    let [listen, admin] = free_ports();
    let home = Gateway::builder()
        .upstream("a", upstream)
        .route("chat", "m", &["a"]);
    set_mode(&home.home().join("keys/a"), 0o400);
    let watched = serde_json::json!([home.home()]);
    home.set("listen", listen.to_string())
        .set("admin", admin.to_string())
        .set("disk.watch", watched)
        .set("disk.alert_percent", 100)
}

fn free_ports() -> [SocketAddr; 2] {
    let held = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    held.map(|held| held.local_addr().expect("its address"))
}

fn set_mode(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("our own file");
}

fn mode(path: &Path) -> u32 {
    let about = std::fs::metadata(path).expect("it is there");
    about.permissions().mode() & 0o777
}

fn findings(output: &Output) -> Vec<Value> {
    let report = json(output);
    report["findings"].as_array().expect("findings").clone()
}

/// The first finding of a check: the gravest, as they are sorted so.
#[track_caller]
fn found(output: &Output, check: &str) -> Value {
    let mut findings = findings(output).into_iter();
    let found = findings.find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("a finding of {check}: {output:?}"))
}

/// It is there with this severity and these words, and the exit code is what the gravest of all makes of it.
#[track_caller]
fn expect(output: &Output, check: &str, severity: &str, said: &[&str]) -> Value {
    let finding = found(output, check);
    assert_eq!(finding["severity"], severity, "{finding}: {output:?}");
    let text = finding.to_string();
    for words in said {
        assert!(text.contains(words), "{words:?} in {text}");
    }
    assert!(finding["remedy"].is_string(), "{finding}");
    let worst = json(output)["verdict"].clone();
    let code = match worst.as_str() {
        Some("failure") => 2,
        Some("warning") => 1,
        _ => 0,
    };
    assert_eq!(output.code, code, "{output:?}");
    finding
}

#[tokio::test]
async fn a_host_that_is_well_ends_in_0_and_every_check_has_its_say() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;

    let output = gateway.run(DOCTOR).await;
    let text = gateway.run(&[&["doctor"], &DOCTOR[2..]].concat()).await;

    assert_eq!((output.code, text.code), (0, 0), "{output:?} {text:?}");
    assert_eq!(json(&output)["verdict"], "ok");
    assert_eq!(json(&output)["fixed"], serde_json::json!([]));
    for check in [
        "configuration",
        "environment",
        "token-file",
        "key-files",
        "state-folder",
        "log-folder",
        "ports",
        "exposure",
        "upstream-reachable",
        "upstream-key",
        "upstream-family",
        "upstream-models",
        "upstream-exposure",
        "gateway",
        "last-reload",
        "pending-restart",
        "log-drops",
        "breaker-file",
        "breakers",
        "disk",
    ] {
        assert_eq!(found(&output, check)["severity"], "ok", "{check}");
    }
    assert!(text.stdout.contains("0 failures, 0 warnings"), "{text:?}");
    let asked = upstream.requests();
    assert!(asked.iter().all(|seen| seen.head.starts_with("GET ")));
}

#[tokio::test]
async fn a_wrong_name_to_skip_is_a_usage_mistake() {
    let output = super::quiet().run(&["doctor", "--skip", "agnets"]).await;
    assert_eq!(output.code, 64, "{output:?}");
    assert!(output.stderr.contains("agents"), "{output:?}");
}

#[tokio::test]
async fn a_gateway_that_nobody_would_start_again_is_warned_of() {
    let upstream = Upstream::start(good()).await;
    let output = sound(&upstream).run(&["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&output.stdout).expect("a report");
    let findings = report["findings"].as_array().expect("findings");
    let service = findings
        .iter()
        .find(|finding| finding["check"] == "service");
    let service = service.expect("it is looked at");
    assert_eq!(service["severity"], "warning", "{service}");
    assert!(
        service["remedy"].to_string().contains("service install"),
        "{service}"
    );
}
