//! What `sidegate doctor` makes of a real server.

use serde_json::Value;

use super::llamacpp::Llamacpp;
use crate::support::gateway::Builder;
use crate::support::Gateway;

/// One upstream, its name for the model, and the context that the route says.
fn before(server: &Llamacpp, family: &str, context: u64) -> Builder {
    Gateway::builder()
        .upstream("real", server.base_url().as_str())
        .set("upstreams.real.family", family)
        .route("chat", "tiny", &["real"])
        .set("routes.chat.targets.0.model", "tiny")
        .set("routes.chat.targets.0.context", context)
}

async fn look(home: Builder) -> impl Fn(&str) -> (Value, String) {
    let output = home.run(&["doctor", "--json"]).await;
    let report: Value = serde_json::from_str(&output.stdout).expect("a report");
    move |check| {
        let mut findings = report["findings"].as_array().expect("findings").iter();
        let finding = findings.find(|finding| finding["check"] == check);
        let finding = finding.unwrap_or_else(|| panic!("{check} in {report}"));
        (finding["severity"].clone(), finding.to_string())
    }
}

#[tokio::test]
async fn a_llama_cpp_server_is_known_with_its_model_and_what_it_takes() {
    let server = Llamacpp::start(&[]);

    let right = look(before(&server, "llama.cpp", 4096)).await;
    let wrong = look(before(&server, "vllm", 4097)).await;

    for check in [
        "upstream-family",
        "upstream-models",
        "upstream-context",
        "upstream-key",
    ] {
        assert_eq!(right(check).0, "ok", "{}", right(check).1);
    }
    let (severity, family) = wrong("upstream-family");
    assert_eq!(severity, "warning", "{family}");
    assert!(
        family.contains("set upstreams.real.family: llama.cpp"),
        "{family}"
    );
    let (severity, context) = wrong("upstream-context");
    assert_eq!(severity, "warning", "{context}");
    assert!(context.contains("takes 4096"), "{context}");
}

#[tokio::test]
async fn a_llama_cpp_server_that_wants_another_key_is_no_stranger() {
    let server = Llamacpp::start(&["--api-key", "another"]);

    let found = look(before(&server, "llama.cpp", 4096)).await;

    let (severity, key) = found("upstream-key");
    assert_eq!(severity, "failure", "{key}");
    let family = found("upstream-family");
    assert_eq!(
        family.0, "ok",
        "it says what it is all the same: {}",
        family.1
    );
}
