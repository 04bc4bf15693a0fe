//! Skills through the real binary: what a tool may send, what it may accept, and how its rules are read.
//!
//! Most tests have one skill, `mail`, whose rules they say; its requests name it in `x-sidegate-skill`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{json, Value};

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::{plain, sse, Answer, Gateway, Reply, Request, Script};

mod apis;
mod begun;
mod body;
mod bounds;
mod choices;
mod choosing;
mod commands;
mod crowds;
mod dialects;
mod expenses;
mod files;
mod hostile;
mod in_vain;
mod judged;
mod lanes;
mod manifests;
mod patterns;
mod records;
mod refused;
mod reload;
mod retried;
mod routing;
mod running;
mod shipped;
mod streams;
mod tools;

/// Answers are to be `{"to": …}` and nothing else.
const ADDRESSED: &str = "
response:
  type: object
  required: [to]
  additionalProperties: false
  properties: {to: {type: string, maxLength: 20}}
";

/// What [`ADDRESSED`] accepts.
const FITTING: &str = r#"{"to":"ann"}"#;

/// What it doesn't, with a word that may stand in the restricted log alone.
const MISFIT: &str = r#"{"subject":"misfitWord8d21"}"#;

const MISFIT_WORD: &str = "misfitWord8d21";

/// What every scripted answer says it used.
const TOKENS: u64 = 12;

/// One gateway before `a`, with the skill `mail`.
async fn stage(rules: &str, script: impl Into<Script>) -> Stage {
    stage_with(rules, script, |builder| builder).await
}

/// The same with more configuration.
async fn stage_with(
    rules: &str,
    script: impl Into<Script>,
    more: impl FnOnce(Builder) -> Builder,
) -> Stage {
    Stage::with(script, |builder| more(with_skill(builder, "mail", rules))).await
}

/// A gateway's configuration that needs no upstream which answers.
fn quiet() -> Builder {
    Gateway::builder()
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("chat", "m", &["a"])
}

/// One more skill.
fn with_skill(builder: Builder, name: &str, rules: &str) -> Builder {
    let text = format!("skill: {name}\n{rules}");
    with_file(builder, &format!("{name}.yaml"), &text, 0o400)
}

/// Any file in the folder of the skills, which nobody else can write.
fn with_file(builder: Builder, name: &str, text: &str, mode: u32) -> Builder {
    let builder = builder.file(&format!(".sidegate/skills/{name}"), text, mode);
    set_mode(&folder(builder.home()), 0o700);
    builder
}

/// Where the manifests of a gateway with this home are.
fn folder(home: &Path) -> PathBuf {
    home.join(".sidegate/skills")
}

fn set_mode(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("our own file");
}

/// A request of the skill `mail`.
fn mail(stage: &Stage) -> Request {
    of_skill(stage.chat(), "mail")
}

fn of_skill(request: Request, name: &str) -> Request {
    request.header("x-sidegate-skill", name)
}

/// An answer whose model calls one tool.
fn calling(tool: &str, arguments: &str) -> Answer {
    let call = json!({"id": "call_1", "type": "function", "function": {"name": tool, "arguments": arguments}});
    let mut body = plain::chat_body("");
    body["choices"][0]["message"] =
        json!({"role": "assistant", "content": null, "tool_calls": [call]});
    body["choices"][0]["finish_reason"] = json!("tool_calls");
    plain::json(&body)
}

/// A stream of chat chunks that say these pieces.
fn saying(pieces: &[&str]) -> sse::Stream {
    let event = |choices: Value| {
        let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                           "model": "the-upstreams-own-name", "choices": choices});
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, finish: Value| {
        event(json!([{"index": 0, "delta": delta, "finish_reason": finish}]))
    };
    let opening = delta(json!({"role": "assistant", "content": ""}), Value::Null);
    let stream = sse::empty().and(opening);
    let stream = pieces.iter().fold(stream, |stream, piece| {
        stream.and(delta(json!({"content": piece}), Value::Null))
    });
    stream
        .and(delta(json!({}), json!("stop")))
        .and("data: [DONE]\n\n")
}

/// The place and the rule that a failure names.
#[track_caller]
fn expect_broken(reply: &Reply, (status, code): (u16, &str), pointer: &str, rule: &str) {
    expect_failure(reply, status, code);
    let error = &reply.failure().expect("a failure")["error"];
    assert_eq!(error["param"], pointer, "{reply:?}");
    let said = error["message"].as_str().unwrap_or_default();
    assert!(
        said.contains(&format!("The rule is `{rule}`.")),
        "{rule}: {reply:?}"
    );
}

/// A request that its skill may not send.
#[track_caller]
fn expect_violation(reply: &Reply, pointer: &str, rule: &str) {
    expect_broken(reply, (400, "schema_violation"), pointer, rule);
}

/// An answer that its skill doesn't accept.
#[track_caller]
fn expect_misfit(reply: &Reply, pointer: &str, rule: &str) {
    expect_broken(reply, (502, "response_schema_violation"), pointer, rule);
}

/// What the access line says of the answers: attempts, whether the last one fits, how many were refused, and what the
/// discarded ones used.
fn told(line: &Value) -> (u64, Option<bool>, u64, u64) {
    assert_eq!(line["skill"], "mail", "{line}");
    let number = |key: &str| {
        line[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key}: {line}"))
    };
    (
        number("attempts"),
        line["answer_fits"].as_bool(),
        number("refused_answers"),
        number("discarded_tokens"),
    )
}

/// Requests of `mail` that ended so.
async fn ended(gateway: &Gateway, result: &str) -> f64 {
    let labels = [("skill", "mail"), ("result", result)];
    let metrics = gateway.metrics().await;
    metrics.sum("sidegate_skill_requests_total", &labels)
}
