//! The units, as systemd itself reads them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::stage::Stage;
use crate::service::{Job, Manager};

/// What `systemd-analyze verify` says; none where this machine has no such command.
fn verify(paths: &[PathBuf]) -> Option<Result<(), String>> {
    let mut command = Command::new("systemd-analyze");
    command
        .arg("verify")
        .arg("--man=no")
        .arg("--recursive-errors=no");
    let output = command
        .args(paths)
        .env("SYSTEMD_LOG_COLOR", "0")
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let silent = output.status.success() && said.trim().is_empty();
    Some(if silent { Ok(()) } else { Err(said) })
}

fn write_all(stage: &Stage) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for job in Job::ALL {
        for unit in stage.service.place.units(job, &stage.values()).unwrap() {
            fs::create_dir_all(unit.path.parent().unwrap()).unwrap();
            fs::write(&unit.path, &unit.text).unwrap();
            paths.push(unit.path);
        }
    }
    paths
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let odd = "/etc/R&D \"it's\" 50% $x \\ ü.yaml";
    for stage in [
        Stage::login(Manager::Systemd),
        Stage::account(Manager::Systemd).with_config(odd),
    ] {
        let paths = write_all(&stage);
        assert_eq!(paths.len(), 4);
        match verify(&paths) {
            Some(said) => assert_eq!(said, Ok(())),
            None => {
                eprintln!("SKIPPED: no systemd-analyze here, so systemd has not read the units")
            }
        }
    }
}

#[test]
fn systemd_does_find_what_is_wrong() {
    let stage = Stage::login(Manager::Systemd);
    let paths = write_all(&stage);
    let text = fs::read_to_string(&paths[0]).unwrap();
    fs::write(
        &paths[0],
        text.replace("Restart=on-failure", "Restart=sometimes"),
    )
    .unwrap();
    match verify(&paths) {
        Some(said) => assert!(said.unwrap_err().contains("sometimes")),
        None => eprintln!("SKIPPED: no systemd-analyze here"),
    }
}

#[test]
fn every_shipped_unit_is_verified() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let names = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names: BTreeSet<String> = names.map(|name| name.into_string().unwrap()).collect();
    let stage = Stage::login(Manager::Systemd);
    let paths = write_all(&stage);
    let verified = paths
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
    let verified: BTreeSet<String> = verified.chain(["README.md".to_owned()]).collect();
    assert_eq!(verified, names);
    match verify(&paths) {
        Some(said) => assert_eq!(said, Ok(())),
        None => eprintln!("SKIPPED: no systemd-analyze here, so systemd has not read the units"),
    }
}
