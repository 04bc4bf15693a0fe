//! What stands in a document: code, commands, names of metrics, anchors.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

/// What stands in `code` within a line.
pub fn spans(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("    "));
    lines
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .map(|span| span.replace("\\|", "|"))
        .collect()
}

/// Lines that stand by themselves, indented or between fences, without what a `#` says about them.
pub fn lines(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced || line.starts_with("    ") {
            found.push(line.split(" #").next().unwrap_or(line).trim().to_string());
        }
    }
    found
}

/// The arguments of each call of sidegate in `line`: pipes, redirections and settings before it are the shell's.
pub fn calls(line: &str, commands: &BTreeSet<String>) -> Vec<Vec<String>> {
    let parts = line.split([';', '>']).flat_map(|part| part.split(" | "));
    let arguments = parts.filter_map(|part| {
        let words = part
            .split_whitespace()
            .skip_while(|word| word.contains('=') || *word == "sudo");
        let words: Vec<&str> = words.collect();
        match words.split_first() {
            Some((&"sidegate", rest)) if !rest.is_empty() => Some(rest.to_vec()),
            Some((first, _)) if commands.contains(*first) => Some(words),
            _ => None,
        }
    });
    arguments.flat_map(|words| alternatives(&words)).collect()
}

/// `token new|list` is two calls. Brackets mean that a word may be left out; a shell is asked for by its name.
fn alternatives(words: &[&str]) -> Vec<Vec<String>> {
    let mut calls = vec![Vec::new()];
    for word in words {
        let plain = word.replace(['[', ']', '"', '\''], "");
        let choices: Vec<&str> = plain.split('|').collect();
        let longer = |call: &Vec<String>| {
            let one = |choice: &&str| {
                let word = if *choice == "SHELL" { "bash" } else { choice };
                [call.clone(), vec![word.to_string()]].concat()
            };
            choices.iter().map(one).collect::<Vec<_>>()
        };
        calls = calls.iter().flat_map(longer).collect();
    }
    calls
}

/// The names in `text` that begin with `sidegate_`, each with the labels behind it that have a value.
pub fn named_metrics(text: &str) -> Vec<(String, String)> {
    let has_values = |labels: &&str| labels.contains('=');
    let named = text
        .match_indices("sidegate_")
        .filter(|(at, _)| !text[..*at].ends_with(['_', '/']));
    named
        .map(|(at, _)| {
            let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let rest = &text[at..];
            let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
            let labels = rest[end..]
                .strip_prefix('{')
                .and_then(|labels| labels.split('}').next());
            (
                rest[..end].to_string(),
                labels.filter(has_values).unwrap_or_default().to_string(),
            )
        })
        .collect()
}

/// As GitHub makes anchors of headings.
pub fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}
