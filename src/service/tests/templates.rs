//! Every shipped file, key by key.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plist::{Dictionary, Value};

use super::stage::Stage;
use crate::service::{Job, Manager};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

type Check = fn(&Value) -> bool;

/// What each key of launchd has to be (launchd.plist(5)).
const KEYS: [(&str, Check); 18] = [
    ("Label", is_text),
    ("ProgramArguments", is_command),
    ("UserName", is_text),
    ("EnvironmentVariables", is_environment),
    ("WorkingDirectory", is_whole_path),
    ("RunAtLoad", is_truth),
    ("KeepAlive", is_by_exit),
    ("ThrottleInterval", is_number),
    ("ExitTimeOut", is_number),
    ("ProcessType", is_process_type),
    ("SoftResourceLimits", is_file_limit),
    ("HardResourceLimits", is_file_limit),
    ("Umask", is_private),
    ("StandardOutPath", is_whole_path),
    ("StandardErrorPath", is_whole_path),
    ("StartCalendarInterval", is_time_of_day),
    ("LowPriorityIO", is_truth),
    ("Nice", is_number),
];

fn is_text(value: &Value) -> bool {
    value.as_string().is_some_and(|text| !text.is_empty())
}

fn is_truth(value: &Value) -> bool {
    value.as_boolean().is_some()
}

fn is_number(value: &Value) -> bool {
    value.as_unsigned_integer().is_some()
}

/// launchd expands neither `~` nor `$`.
fn is_whole_path(value: &Value) -> bool {
    let path = value.as_string().unwrap_or_default();
    path.starts_with('/') && !path.contains('~') && !path.contains('$')
}

fn is_command(value: &Value) -> bool {
    let words = value.as_array().cloned().unwrap_or_default();
    words.first().is_some_and(is_whole_path) && words.iter().all(is_text)
}

/// Anyone can read it: no secret.
fn is_environment(value: &Value) -> bool {
    let variables = value.as_dictionary().cloned().unwrap_or_default();
    let allowed = |(name, value): (&String, &Value)| {
        ["HOME", "PATH", "HF_HOME"].contains(&name.as_str()) && is_text(value)
    };
    !variables.is_empty() && variables.iter().all(allowed)
}

fn is_by_exit(value: &Value) -> bool {
    let by = value.as_dictionary().cloned().unwrap_or_default();
    by.len() == 1 && by.get("SuccessfulExit") == Some(&Value::Boolean(false))
}

fn is_process_type(value: &Value) -> bool {
    matches!(value.as_string(), Some("Interactive" | "Background"))
}

fn is_file_limit(value: &Value) -> bool {
    let limits = value.as_dictionary().cloned().unwrap_or_default();
    limits.len() == 1 && limits.get("NumberOfFiles").is_some_and(is_number)
}

/// 077; launchd reads the number as decimal.
fn is_private(value: &Value) -> bool {
    value.as_unsigned_integer() == Some(0o077)
}

fn is_time_of_day(value: &Value) -> bool {
    let time = value.as_dictionary().cloned().unwrap_or_default();
    let at = |key: &str| time.get(key).and_then(Value::as_unsigned_integer);
    time.len() == 2
        && at("Hour").is_some_and(|hour| hour < 24)
        && at("Minute").is_some_and(|minute| minute < 60)
}

/// Everything that is wrong with a filled file.
fn wrong_in(name: &str, root: &Dictionary) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, value) in root {
        match KEYS.iter().find(|(known, _)| known == key) {
            Some((_, is_fine)) if is_fine(value) => {}
            Some(_) => wrong.push(format!("{name}: {key}: {value:?}")),
            None => wrong.push(format!("{name}: {key} is unknown")),
        }
    }
    let label = root.get("Label").and_then(Value::as_string);
    if label.is_none_or(|label| format!("{label}.plist") != name) {
        wrong.push(format!("{name}: label {label:?}"));
    }
    wrong
}

fn filled(stage: &Stage, job: Job) -> Dictionary {
    let unit = stage
        .service
        .place
        .units(job, &stage.values())
        .unwrap()
        .remove(0);
    read(&unit.text)
}

fn read(text: &str) -> Dictionary {
    let root = Value::from_reader_xml(text.as_bytes()).unwrap();
    root.into_dictionary().unwrap()
}

fn shipped(folder: &str, ending: &str) -> Vec<(String, String)> {
    let folder = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let paths = folder.map(|entry| entry.unwrap().path());
    let named = paths.filter(|path| path.extension().is_some_and(|other| other == ending));
    let named = named.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    named.collect()
}

#[test]
fn every_filled_list_has_only_known_keys_with_values_of_their_kind() {
    for stage in [
        Stage::login(Manager::Launchd),
        Stage::account(Manager::Launchd),
    ] {
        for job in Job::ALL {
            let name = format!("{}.plist", job.label());
            assert_eq!(wrong_in(&name, &filled(&stage, job)), [""; 0]);
        }
    }
}

#[test]
fn the_model_server_is_told_what_was_asked_for_word_by_word() {
    let list = filled(&Stage::login(Manager::Launchd), Job::ModelServer);
    let words = list["ProgramArguments"].as_array().unwrap();
    let words: Vec<&str> = words.iter().filter_map(Value::as_string).collect();
    let told = [
        "/bin/sh",
        "serve",
        "Qwen/Qwen3-32B",
        "--host",
        "127.0.0.1",
        "--port",
        "8000",
        "--served-model-name",
        "a b",
    ];
    assert_eq!(words, told);
    let stage = Stage::login(Manager::Systemd);
    let units = stage.service.place.units(Job::ModelServer, &stage.values());
    let text = units.unwrap().remove(0).text;
    let line = "ExecStart=/bin/sh serve Qwen/Qwen3-32B --host 127.0.0.1 --port 8000 --served-model-name \"a b\"\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn every_shipped_list_is_valid_and_asks_only_in_strings() {
    let lists = shipped("launchd", "plist");
    assert_eq!(lists.len(), 3);
    for (name, text) in lists {
        let root = read(&text);
        assert!(root.contains_key("Label"), "{name}");
        let keys: BTreeSet<&String> = root.keys().collect();
        assert!(keys.iter().all(|key| !key.contains("{{")), "{name}");
        for (before, _) in text.match_indices("{{").map(|(at, _)| text.split_at(at)) {
            let comment = before.rfind("<!--") > before.rfind("-->");
            let string = before.rfind("<string>") > before.rfind("</string>");
            assert!(
                comment || string,
                "{name}: {}",
                before.lines().last().unwrap()
            );
        }
    }
}

#[test]
fn the_gateways_list_is_as_it_has_to_be() {
    let stage = Stage::login(Manager::Launchd).with_drain(15);
    let list = filled(&stage, Job::Gateway);
    let number = |key: &str| list.get(key).and_then(Value::as_unsigned_integer);
    assert!(number("ExitTimeOut") > Some(15), "longer than the drain");
    assert_eq!(number("ThrottleInterval"), Some(10));
    assert!(!list.contains_key("UserName"), "an agent has none");
    let words: Vec<&str> = list["ProgramArguments"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_string)
        .collect();
    assert_eq!(
        words,
        [
            "/bin/sh",
            "serve",
            "--supervised",
            "--state-dir",
            "/var/lib/sidegate",
            "--config",
            "/etc/sidegate.yaml"
        ]
    );
    let daemon = filled(&Stage::account(Manager::Launchd), Job::Gateway);
    assert_eq!(daemon["UserName"].as_string(), Some("gateway"));
    assert!(is_whole_path(
        &daemon["EnvironmentVariables"].as_dictionary().unwrap()["HOME"]
    ));
}

#[test]
fn a_path_with_anything_in_it_arrives_in_the_list() {
    let odd = "/Users/us/R&D <ok> \"it's\" 50% {{HOME}} $x ~ü.yaml";
    let stage = Stage::login(Manager::Launchd).with_config(odd);
    let list = filled(&stage, Job::Gateway);
    let words = list["ProgramArguments"].as_array().unwrap();
    assert_eq!(words[6].as_string(), Some(odd));
}

#[test]
fn nothing_is_left_to_fill_in() {
    for manager in [Manager::Launchd, Manager::Systemd] {
        for stage in [Stage::login(manager), Stage::account(manager)] {
            for unit in Job::ALL
                .iter()
                .flat_map(|job| stage.service.place.units(*job, &stage.values()).unwrap())
            {
                assert!(!unit.text.contains("{{"), "{}", unit.text);
            }
        }
    }
}
