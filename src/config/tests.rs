use super::keys;
use super::kind::{Fallback, Kind, Table};
use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod defaults;
mod environment;
mod invalid;
mod shipped;
mod warnings;

fn at_home() -> Environment {
    Environment::from_pairs([("HOME", "/home/op")])
}

fn with(pairs: &[(&str, &str)]) -> Environment {
    let home = [("HOME", "/home/op")];
    Environment::from_pairs(home.into_iter().chain(pairs.iter().copied()))
}

fn root(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

const MINIMAL: &str = "\
upstreams: {a: {url: http://127.0.0.1:8000/v1}}
routes: {chat: {alias: [m], targets: [{upstream: a, model: M}]}}
";

fn loaded(text: &str) -> Loaded {
    load_text("f.yaml", text, &at_home()).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"))
}

fn refused(text: &str, environment: &Environment) -> String {
    match load_text("f.yaml", text, environment) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

fn origin<'a>(loaded: &'a Loaded, path: &str) -> &'a Origin {
    let rows: Vec<_> = loaded
        .origins
        .iter()
        .filter(|row| row.path == path)
        .collect();
    rows.last().unwrap_or_else(|| panic!("no row for {path}"))
}

fn from(loaded: &Loaded, path: &str) -> (String, String) {
    let row = origin(loaded, path);
    (row.value.clone(), row.from.to_string())
}

#[test]
fn a_file_is_read_from_disk_and_kept_as_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sidegate.yaml");
    fs::write(&path, MINIMAL).unwrap();
    let loaded = load(&Source::File(path), &at_home()).unwrap();
    assert_eq!(loaded.text.as_deref(), Some(MINIMAL));
    assert_eq!(loaded.config.routes.len(), 1);
}

#[test]
fn a_file_that_cannot_be_a_configuration_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |name: &str| {
        let path = folder.path().join(name);
        let text = load(&Source::File(path.clone()), &at_home())
            .unwrap_err()
            .to_string();
        text.replace(&path.display().to_string(), "F")
    };
    fs::write(folder.path().join("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::write(folder.path().join("bytes"), b"a: 1\nb: \xff\n").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    assert_eq!(
        refusal("nowhere"),
        "F: cannot be read: No such file or directory (os error 2)"
    );
    assert_eq!(refusal("folder"), "F: is no regular file");
    assert_eq!(
        refusal("large"),
        "F: is larger than 1MiB, which no configuration is"
    );
    assert_eq!(refusal("bytes"), "F: is not UTF-8 (line 2)");
}

#[test]
fn no_secret_reaches_any_message() {
    let secret = "sk-canary0123456789";
    for line in [
        format!("api_key: {secret}"),
        format!("{secret}: 1"),
        format!("listen: {secret}"),
        format!("listen: [{secret}]"),
        format!("callers: {{token_file: {secret}, limits: {{{secret}: {{}}}}}}"),
        format!("telemetry: {{otlp: 'http://h/{secret}'}}"),
        format!("telemetry: {{otlp: 'http://h/?k={secret}'}}"),
        format!("shared: {{redis: 'redis://:{secret}@127.0.0.1'}}"),
        format!("token: {{a: {secret}}}"),
        format!("x: &x {secret}\ny: *x"),
        format!("x: Bearer {secret}"),
    ] {
        let text = refused(&format!("{MINIMAL}{line}\n"), &at_home());
        assert!(!text.contains("canary"), "{line}: {text}");
        assert!(text.contains("repeated here"), "{line}: {text}");
    }
}

#[test]
fn a_secret_in_the_environment_is_not_repeated_either() {
    let environment = with(&[("OPENAI_BASE_URL", "https://u:canary@host/v1")]);
    let text = load(&Source::Environment, &environment)
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("environment variable OPENAI_BASE_URL: "),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn many_mistakes_are_counted_and_not_all_printed() {
    let keys: String = (0..300).map(|number| format!("x{number}: 1\n")).collect();
    let text = refused(&format!("{MINIMAL}{keys}"), &at_home());
    assert!(text.starts_with("300 mistakes in the configuration:\n"));
    assert!(text.ends_with("\nand 200 more"));
}

#[test]
fn explain_says_where_each_value_comes_from() {
    let environment = with(&[("SKILL_RETRY_MAX", "7"), ("OPENCLAW_GATEWAY_PORT", "9000")]);
    let text = format!("drain: 3s\n{MINIMAL}");
    let loaded = load_text("f.yaml", &text, &environment).unwrap();
    let table = explain(&loaded);
    let line = |path: &str| {
        let start = format!("{path} ");
        let mut lines = table.lines().filter(|line| line.starts_with(&start));
        let line = lines.next().unwrap_or_else(|| panic!("{path}:\n{table}"));
        assert_eq!(lines.next(), None, "{path} stands there twice");
        line.split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("drain"), "3s f.yaml:1:8");
    assert_eq!(line("threads"), "2 default");
    assert_eq!(
        line("routes.chat.retry.max"),
        "7 environment variable SKILL_RETRY_MAX"
    );
    assert_eq!(
        line("listen"),
        "127.0.0.1:9000 environment variable OPENCLAW_GATEWAY_PORT"
    );
    assert_eq!(
        line("routes.chat.commit"),
        "first_token default, of lane interactive"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A real file with a piece of it replaced by something else.
    #[test]
    fn no_damage_to_a_file_makes_it_panic(
        start in 0usize..6000,
        length in 0usize..60,
        piece in "[a-z0-9:\\-\\[\\]{},&*!'\"#~. \n\t]{0,12}",
    ) {
        let mut text = fs::read_to_string(root("conf/sidegate.yaml")).unwrap();
        let start = (start..).find(|at| text.is_char_boundary(*at)).unwrap_or(0).min(text.len());
        let end = (start + length).min(text.len());
        prop_assume!(text.is_char_boundary(end));
        text.replace_range(start..end, &piece);
        if let Err(mistakes) = load_text("f.yaml", &text, &at_home()) {
            prop_assert!(mistakes.count() > 0);
        }
    }
}
