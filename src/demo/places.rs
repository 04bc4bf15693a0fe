//! The demo's configuration, as YAML: what a person would write for these upstreams.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::lesson::{Lesson, Targets, LESSONS};
use super::stand_in::Addresses;

/// Where everything is.
#[derive(Debug)]
pub struct Places {
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    pub stand_ins: Addresses,
    pub folder: PathBuf,
}

impl Places {
    pub fn yaml(&self) -> String {
        let folder = self.folder.display().to_string();
        let mut text = format!(
            "listen: {}\nadmin: {}\nstate_dir: {}\ndrain: 2s\n",
            self.listen,
            self.admin,
            quoted(&folder),
        );
        text.push_str("callers:\n  token_file: ");
        text.push_str(&quoted(&format!("{folder}/token")));
        text.push_str("\nupstreams:\n");
        let Addresses {
            first,
            second,
            nobody,
        } = &self.stand_ins;
        for (name, address) in [("first", first), ("second", second), ("nobody", nobody)] {
            push(
                &mut text,
                format_args!("  {name}: {{url: \"http://{address}/v1\", family: vllm}}\n"),
            );
        }
        text.push_str("routes:\n");
        LESSONS.iter().for_each(|lesson| route(&mut text, lesson));
        // A person who tries things out doesn't want to wait five minutes for a breaker.
        text.push_str("retry: {base: 100ms}\nbreaker: {threshold: 5, cool_down: 20s}\n");
        push(
            &mut text,
            format_args!("disk: {{watch: [{}]}}\n", quoted(&folder)),
        );
        text
    }
}

fn route(text: &mut String, lesson: &Lesson) {
    let model = lesson.model;
    let targets = match lesson.targets {
        Targets::Both => [("first", 0), ("second", 0)],
        Targets::FirstThenSecond => [("first", 0), ("second", 1)],
        Targets::NobodyThenSecond => [("nobody", 0), ("second", 1)],
    };
    push(
        text,
        format_args!("  {model}:\n    alias: [{model}]\n    targets:\n"),
    );
    for (upstream, tier) in targets {
        push(
            text,
            format_args!(
                "      - {{upstream: {upstream}, model: {model}, tier: {tier}, context: 8192}}\n"
            ),
        );
    }
    text.push_str("    max_tokens: 256\n");
    if lesson.held {
        text.push_str("    commit: whole\n");
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = text.write_fmt(arguments);
}

/// JSON's quotes are YAML's too, whatever stands between them.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
