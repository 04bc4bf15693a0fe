//! What a run was made on, so that two runs can be told apart.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::contender::{Contender, DIRECT};

#[derive(Debug, Serialize)]
pub struct Machine {
    pub at: String,
    pub cpus: usize,
    pub cpu_model: String,
    pub memory_kib: Option<u64>,
    pub kernel: String,
    /// Of the last 1, 5 and 15 minutes when the run began: other work on the machine.
    pub load_average: String,
    pub versions: BTreeMap<&'static str, String>,
}

pub fn look(contenders: &[Contender]) -> Machine {
    let mut versions = BTreeMap::new();
    versions.insert("rustc", first_line("rustc", &["--version"]));
    versions.insert("pingora", "0.9.1".to_owned());
    let dirty = if first_line("git", &["status", "--porcelain"]).is_empty() {
        ""
    } else {
        " and changes"
    };
    let commit = first_line("git", &["rev-parse", "--short", "HEAD"]);
    versions.insert("commit", format!("{commit}{dirty}"));
    for contender in contenders.iter().filter(|c| c.name != DIRECT) {
        let flag = match contender.name {
            "nginx" | "haproxy" => "-v",
            "sidegate" | "envoy" => "--version",
            _ => continue,
        };
        let program = contender.program.as_deref().unwrap_or(Path::new(""));
        versions.insert(contender.name, first_line(program, &[flag]));
    }
    let cpuinfo = read("/proc/cpuinfo");
    let model = field(&cpuinfo, "model name").map(str::to_owned);
    Machine {
        at: jiff::Timestamp::now().to_string(),
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        cpu_model: model
            .unwrap_or_else(|| first_line("sysctl", &["-n", "machdep.cpu.brand_string"])),
        memory_kib: field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse().ok()),
        kernel: first_line("uname", &["-srm"]),
        load_average: read("/proc/loadavg")
            .split(' ')
            .take(3)
            .collect::<Vec<_>>()
            .join(" "),
        versions,
    }
}

/// Of what the program says first, on stdout or else on stderr; nothing where it fails.
fn first_line(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return String::new();
    };
    if !output.status.success() {
        return String::new();
    }
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said);
    text.lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The value behind `name` and a colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}
