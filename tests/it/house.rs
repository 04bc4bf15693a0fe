//! The house itself: who may use what, held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each part may use of the others. A part that isn't here may use nothing.
const MAY_USE: &[(&str, &[&str])] = &[
    ("clock", &["platform"]),
    ("json", &[]),
    ("limits", &[]),
    ("correlation", &[]),
    ("platform", &[]),
    ("http_client", &[]),
    ("config", &["clock", "platform"]),
    ("caller", &["config", "platform"]),
    ("route", &["config", "json"]),
    ("skill", &["config", "json", "platform"]),
    ("attempt", &["config", "clock"]),
    ("admit", &["config"]),
    ("budget", &["config", "clock", "platform"]),
    ("breaker", &["config", "platform"]),
    ("stream", &["json"]),
    ("failure", &["config"]),
    ("record", &["config", "clock", "platform"]),
    ("gate", &["stream", "clock", "platform"]),
    (
        "snapshot",
        &[
            "admit",
            "attempt",
            "breaker",
            "budget",
            "caller",
            "clock",
            "config",
            "gate",
            "http_client",
            "limits",
            "platform",
            "record",
            "skill",
        ],
    ),
    (
        "context",
        &[
            "admit",
            "attempt",
            "breaker",
            "budget",
            "caller",
            "clock",
            "config",
            "correlation",
            "failure",
            "gate",
            "limits",
            "record",
            "route",
            "skill",
            "snapshot",
        ],
    ),
    (
        "gateway",
        &[
            "admit",
            "attempt",
            "breaker",
            "budget",
            "caller",
            "clock",
            "config",
            "context",
            "correlation",
            "failure",
            "gate",
            "limits",
            "platform",
            "record",
            "route",
            "skill",
            "snapshot",
            "stream",
        ],
    ),
    (
        "admin",
        &[
            "admit", "breaker", "budget", "caller", "clock", "config", "platform", "record",
            "snapshot", "VERSION", "REVISION",
        ],
    ),
    (
        "server",
        &[
            "admit", "admin", "breaker", "budget", "caller", "clock", "config", "failure", "gate",
            "gateway", "platform", "record", "snapshot", "VERSION", "REVISION",
        ],
    ),
    ("demo", &["caller", "config", "platform", "route", "server"]),
    (
        "cli",
        &[
            "breaker",
            "caller",
            "clock",
            "config",
            "correlation",
            "demo",
            "failure",
            "http_client",
            "platform",
            "record",
            "server",
            "service",
            "skill",
            "snapshot",
            "VERSION",
            "REVISION",
        ],
    ),
    ("service", &[]),
    ("recorded", &[]),
];

/// Pingora's types stay at the edge; decisions take and return plain values.
const MAY_USE_PINGORA: &[&str] = &[
    "cli",
    "admin",
    "demo",
    "gate",
    "gateway",
    "http_client",
    "record",
    "server",
    "snapshot",
];

pub fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    gather(&root, &mut files);
    let part = |file: &Path| {
        let first = file
            .strip_prefix(&root)
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        first.trim_end_matches(".rs").to_owned()
    };
    let read = |file: PathBuf| {
        (
            part(&file),
            file.clone(),
            fs::read_to_string(&file).unwrap(),
        )
    };
    files.into_iter().map(read).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// The code without its tests and comments.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_test_file(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/tests/")
        || text.ends_with("/tests.rs")
        || text.ends_with("recorded.rs")
        || text.ends_with("sample.rs")
}

#[test]
fn every_part_uses_only_what_it_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = MAY_USE
        .iter()
        .map(|(part, uses)| (*part, uses.iter().copied().collect()))
        .collect();
    let sources = sources();
    assert!(sources.len() > 100, "only {} source files", sources.len());
    let mut broken = Vec::new();
    for (part, path, text) in &sources {
        if ["lib", "main"].contains(&part.as_str()) || is_test_file(path) {
            continue;
        }
        let code = code(text);
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + 7..];
            let used: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let fine = used.is_empty()
                || used == *part
                || allowed
                    .get(part.as_str())
                    .is_some_and(|uses| uses.contains(used.as_str()));
            if !fine {
                broken.push(format!("{}: {part} uses {used}", path.display()));
            }
        }
        // A counter, used by who counts; it brings no type of the proxy's.
        let code = code.replace("pingora_limits", "");
        if code.contains("pingora") && !MAY_USE_PINGORA.contains(&part.as_str()) {
            broken.push(format!("{}: {part} uses pingora", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_clock_reads_the_clock() {
    let mut readers = Vec::new();
    for (part, path, text) in sources() {
        let code = code(&text);
        let reads = code.contains("Instant::now()") || code.contains("SystemTime::now()");
        if reads && part != "clock" && !is_test_file(&path) {
            readers.push(path.display().to_string());
        }
    }
    assert!(readers.is_empty(), "{}", readers.join("\n"));
}

#[test]
fn only_the_platform_asks_which_system_it_is() {
    let mut askers = Vec::new();
    for (part, path, text) in sources() {
        if code(&text).contains("target_os") && part != "platform" {
            askers.push(path.display().to_string());
        }
    }
    assert!(askers.is_empty(), "{}", askers.join("\n"));
}

/// How the system is reached past the standard library: crates of its calls, their declarations, flags for `open`, and the
/// files in which Linux tells of itself. Not signals: what brings those is the same on every system.
const PAST_STD: &[&str] = &[
    "rustix",
    "libc::",
    " nix::",
    "socket2",
    "extern \"C\"",
    "unsafe ",
    "custom_flags",
    "\"/proc",
    "\"/sys/",
    "\"/dev/",
];

fn past_std(text: &str) -> impl Iterator<Item = &'static str> + '_ {
    let ways = PAST_STD.iter().copied();
    ways.filter(move |way| text.contains(way))
}

#[test]
fn only_the_platform_calls_the_system_past_the_standard_library() {
    let mut callers = Vec::new();
    let mut at_the_platform = BTreeSet::new();
    for (part, path, text) in sources() {
        let code = code(&text);
        match part.as_str() {
            "platform" => at_the_platform.extend(past_std(&code)),
            _ if is_test_file(&path) => {}
            _ => callers.extend(past_std(&code).map(|way| format!("{}: {way}", path.display()))),
        }
    }
    assert!(callers.is_empty(), "{}", callers.join("\n"));
    let seen = ["rustix", "socket2", "custom_flags", "\"/proc"];
    assert!(
        seen.iter().all(|way| at_the_platform.contains(way)),
        "{at_the_platform:?}"
    );
}
