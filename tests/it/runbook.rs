//! What the documents tell an operator to type and to look for, held against the binary.
//!
//! Whoever is woken at night copies from the runbook: a command that is none, or a metric of another name, costs minutes
//! there. What other programs are called and how they are used is not looked at.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{plain, Gateway, Metrics};

mod text;

use text::{anchors, calls, document, lines, named_metrics, spans};

const DOCUMENTS: [&str; 8] = [
    "README.md",
    "docs/admission.md",
    "docs/failures.md",
    "docs/openclaw.md",
    "docs/runbook.md",
    "docs/tracing.md",
    "launchd/README.md",
    "systemd/README.md",
];

/// Programs that are not ours.
const STRANGERS: [&str; 13] = [
    "OPENAI_BASE_URL",
    "chmod",
    "curl",
    "hf",
    "kill",
    "lms",
    "ls",
    "lsof",
    "nvidia-smi",
    "ollama",
    "sudo",
    "tail",
    "tmutil",
];

/// What `--help` lists.
async fn commands(home: &Builder) -> BTreeSet<String> {
    let help = home.run(&["--help"]).await.stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    listed
        .filter_map(|line| Some(line.split_whitespace().next()?.to_string()))
        .collect()
}

/// A quiet gateway's home.
fn home() -> Builder {
    Gateway::builder()
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("chat", "m", &["a"])
}

/// `--help` behind them has them read and nothing done.
#[tokio::test]
async fn every_command_of_the_documents_is_one() {
    let home = home();
    let commands = commands(&home).await;
    let mut asked = BTreeSet::new();
    for name in DOCUMENTS {
        let text = document(name);
        let all = lines(&text).into_iter().chain(spans(&text));
        asked.extend(all.flat_map(|line| calls(&line, &commands)));
    }
    assert!(asked.len() > 40, "{asked:?}");
    let mut wrong = Vec::new();
    for call in asked {
        // What stands behind `--` is another program's.
        let own = call
            .iter()
            .map(String::as_str)
            .take_while(|word| *word != "--");
        let arguments = own.chain(["--help"]);
        let output = home.run(&arguments.collect::<Vec<_>>()).await;
        if output.code != 0 {
            wrong.push(format!("sidegate {}: {}", call.join(" "), output.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_metric_of_the_documents_is_one() {
    let stage = Stage::start(plain::chat("hello")).await;
    // Of requests and their failures only what has happened has a series.
    stage.chat().token("wrong").send().await;
    let refused = |metrics: &Metrics| {
        let refused = [("status_class", "4xx")];
        metrics.sum("sidegate_requests_total", &refused) == 1.0
    };
    let metrics = stage.gateway.wait_metrics("a refusal", refused).await;
    let exposed = metrics.text();
    let mut seen = 0;
    for name in DOCUMENTS {
        for (metric, labels) in named_metrics(&document(name)) {
            let family = format!("# TYPE {metric} ");
            let has = |line: &str| labels.split(',').all(|label| line.contains(label));
            let is_it = |line: &str| match labels.as_str() {
                "" => line.starts_with(&family),
                _ => line.starts_with(&metric) && has(line),
            };
            let is_there = exposed.lines().any(is_it);
            assert!(is_there, "{name}: {metric}{{{labels}}}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
    stage.end().await;
}

/// Every key of an object and of what is in it; of a schema only the properties, for it has words of its own.
fn keys(value: &Value, is_schema: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            let properties = value.as_object().filter(|_| key == "properties");
            found.extend(properties.into_iter().flat_map(|all| all.keys().cloned()));
            found.extend((!is_schema).then(|| key.clone()));
            keys(value, is_schema, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, is_schema, found)),
        _ => {}
    }
}

/// What configuration, status, access lines and failures have names for.
async fn names(stage: &Stage) -> BTreeSet<String> {
    let (_, line) = stage.tell(&stage.chat()).await;
    let schema = stage.gateway.run(&["schema"]).await.stdout;
    let schema = serde_json::from_str(&schema).expect("a schema");
    let mut names = BTreeSet::new();
    keys(&schema, true, &mut names);
    keys(&line, false, &mut names);
    keys(&stage.gateway.status().await, false, &mut names);
    let failures = stage.gateway.metrics().await;
    let failures = failures.all("sidegate_failures_total", &[("route", "chat")]);
    names.extend(failures.iter().map(|series| series.labels["code"].clone()));
    names
}

/// `retry.max`, `lanes.<lane>.queue`, `tier: 1` and the like: all of its names are known.
fn is_named(span: &str, names: &BTreeSet<String>) -> bool {
    let without_values = span.split(':').next().unwrap_or(span);
    let parts = without_values
        .split('.')
        .filter(|part| !part.starts_with('<'));
    parts
        .map(|part| part.trim_matches('"'))
        .all(|part| names.contains(part))
}

/// What the binary says, as its sources have it; a single word says too little to be looked for.
fn is_said(span: &str) -> bool {
    if span != "ok"
        && span
            .chars()
            .all(|letter| letter.is_alphanumeric() || "_.".contains(letter))
    {
        return false;
    }
    let words = span.trim_end_matches(" …");
    let is_count = words.replace('/', "").parse::<u32>().is_ok();
    let sources = crate::house::sources();
    is_count || sources.iter().any(|(_, _, text)| text.contains(words))
}

fn is_file(span: &str, gateway: &Gateway) -> bool {
    let state = span.trim_start_matches("<state_dir>/");
    let logs = gateway.logs_dir().join(span);
    span.starts_with("~/")
        || span == "keys/"
        || logs.is_file()
        || gateway.state_dir().join(state).is_file()
}

#[tokio::test]
async fn every_name_in_the_runbook_is_one() {
    let budget = json!({"tokens": 1_000_000, "per": "day"});
    let with_budget = |gateway: Builder| gateway.set("routes.chat.budget", budget);
    let stage = Stage::with(plain::unauthorized(), with_budget).await;
    let names = names(&stage).await;
    let commands = commands(&home()).await;
    let is_strange = |span: &str| STRANGERS.iter().any(|stranger| span.starts_with(stranger));
    let spans = spans(&document("docs/runbook.md"));
    assert!(spans.len() > 100, "{}", spans.len());
    let unknown = spans.iter().filter(|span| {
        let is_call = !calls(span, &commands).is_empty() || span.starts_with("sidegate");
        let is_known = is_call
            || !named_metrics(span).is_empty()
            || is_strange(span)
            || is_named(span, &names);
        !is_known && !is_file(span, &stage.gateway) && !is_said(span)
    });
    let unknown: Vec<&String> = unknown.collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    stage.end().await;
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut seen = 0;
    for name in DOCUMENTS {
        let text = document(name);
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(name).parent().expect("a folder");
            let there = match file {
                "" => text.clone(),
                file if file.ends_with(".md") => document(&folder.join(file).to_string_lossy()),
                file => {
                    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                        .join(folder)
                        .join(file);
                    assert!(path.exists(), "{name}: {target}");
                    String::new()
                }
            };
            assert!(
                anchor.is_empty() || anchors(&there).contains(anchor),
                "{name}: {target}"
            );
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
