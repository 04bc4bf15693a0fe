//! Folders, logs, disks and neighbours.

use super::listeners::Listeners;
use crate::config::model::{Disk, Logs, UpstreamUrl};
use crate::config::reader::{Found, Placed, Section};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub struct Host {
    pub state_dir: Found<PathBuf>,
    pub skills_dir: PathBuf,
    pub logs: Logs,
    pub disk: Disk,
    pub telemetry: Option<UpstreamUrl>,
    pub shared_redis: Option<String>,
}

/// macOS has 104 bytes for the path of a socket and its closing zero, Linux 108.
const SOCKET_PATH_BYTES: usize = 103;

pub fn read(file: &Section, listeners: &Listeners) -> Host {
    let state_dir = file.get::<PathBuf>("state_dir");
    check_socket(file, &state_dir);
    let skills_dir = folder(&file.section("skills"), &state_dir, "skills");
    let logs = logs(&file.section("logs"), &state_dir);
    let disk = disk(&file.section("disk"), &logs.dir);
    let shared = file.section("shared").optional::<String>("redis");
    Host {
        skills_dir: skills_dir.value,
        disk,
        logs: Logs {
            dir: logs.dir.value,
            max_bytes: logs.max_bytes,
            max_age: logs.max_age,
            keep: logs.keep,
            level: logs.level,
        },
        telemetry: telemetry(&file.section("telemetry"), listeners),
        shared_redis: shared.map(|found| found.value),
        state_dir,
    }
}

struct LogsFound {
    dir: Found<PathBuf>,
    max_bytes: u64,
    max_age: Duration,
    keep: u32,
    level: log::LevelFilter,
}

fn logs(section: &Section, state_dir: &Found<PathBuf>) -> LogsFound {
    LogsFound {
        dir: folder(section, state_dir, "logs"),
        max_bytes: section.get("max_bytes").value,
        max_age: section.get("max_age").value,
        keep: section.get("keep").value,
        level: section.get("level").value,
    }
}

fn disk(section: &Section, logs_dir: &Found<PathBuf>) -> Disk {
    let logs = printed(&logs_dir.value);
    let default = format!("[\"~\", \"~/.cache/huggingface\", {}]", quoted(&logs));
    let watch = section.get_or::<Vec<Placed<PathBuf>>>("watch", &default, "");
    Disk {
        watch: watch.value.into_iter().map(|item| item.value).collect(),
        alert_percent: section.get("alert_percent").value,
    }
}

/// A folder of `state_dir`, unless the file says another.
fn folder(section: &Section, state_dir: &Found<PathBuf>, name: &str) -> Found<PathBuf> {
    let default = printed(&state_dir.value.join(name));
    let why = if state_dir.place.is_written() {
        "below `state_dir`"
    } else {
        ""
    };
    if state_dir.sound || section.has("dir") {
        return section.get_or("dir", &quoted(&default), why);
    }
    Found {
        value: PathBuf::from("/"),
        place: state_dir.place.clone(),
        printed: String::new(),
        sound: false,
    }
}

fn check_socket(file: &Section, state_dir: &Found<PathBuf>) {
    let socket = state_dir.value.join("run/control.sock");
    let bytes = socket.as_os_str().len();
    if state_dir.sound && bytes > SOCKET_PATH_BYTES {
        let text = format!(
            "`{}` is too long: the control socket below it would have a path of {bytes} bytes, and \
             sockets have {SOCKET_PATH_BYTES} at most",
            state_dir.printed
        );
        file.mistake("state_dir", &state_dir.place, text);
    }
}

fn telemetry(section: &Section, listeners: &Listeners) -> Option<UpstreamUrl> {
    let found = section.optional::<UpstreamUrl>("otlp")?;
    if let (true, Some((name, address))) = (found.sound, listeners.own(&found.value)) {
        let text = format!("`{}` is our own `{name}` ({address})", found.printed);
        section.mistake("otlp", &found.place, text);
    }
    Some(found.value)
}

fn printed(path: &Path) -> String {
    path.display().to_string()
}

/// As YAML reads it back, whatever the path holds.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
