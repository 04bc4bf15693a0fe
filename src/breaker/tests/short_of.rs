//! Disks that are full or can't be written to, each in a mount namespace of its own that ends with its process.

use std::path::Path;
use std::process::Command;

use super::super::Breakers;
use super::processes::helper_command;
use super::*;
use crate::platform::BootId;

const BOOT: Option<BootId> = Some(BootId::from_bytes([1; 16]));

/// What a helper says that opens the file and uses it.
pub(super) fn outcome(path: &Path) -> String {
    let (breakers, problem) = Breakers::open(path, BOOT);
    let slot = breakers.slot(&key(8000, "a"));
    for _ in 0..5 {
        drop(
            slot.ask(NOW, LEASE)
                .map(|permit| permit.failure(NOW, rule())),
        );
    }
    let works = slot.ask(NOW, LEASE).is_err();
    let problem = problem.map_or("no problem".into(), |problem| problem.to_string());
    format!("shared {}, works {works}: {problem}", breakers.is_shared())
}

/// Opens `<folder>/breakers.v1` in a process for which `prepare` has mounted something at the folder. None where this
/// system or user can't have a namespace.
fn opened_after(prepare: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let helper = helper_command("open", &folder.path().join("breakers.v1"));
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg(format!(
            "cd / && folder=$0 && {prepare} || exit 77; exec \"$@\""
        ))
        .arg(folder.path())
        .arg(helper.get_program())
        .args(helper.get_args())
        .envs(
            helper
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success());
    if output.is_none() {
        eprintln!("SKIPPED: this system doesn't let us mount in a namespace of our own");
    }
    let text = String::from_utf8(output?.stderr).unwrap();
    Some(text.replace(&folder.path().display().to_string(), ""))
}

const PRIVATE: &str =
    "; breakers work, but no other process shares them and a restart forgets them";

#[test]
fn on_a_full_disk_breakers_are_private_and_nothing_is_left_behind() {
    let mount = "mount -t tmpfs -o size=16k tmpfs \"$folder\"";
    let Some(said) = opened_after(mount) else {
        return;
    };
    let why = "cannot write it: No space left on device (os error 28)";
    assert_eq!(
        said,
        format!("shared false, works true: breaker file /breakers.v1: {why}{PRIVATE}")
    );
}

#[test]
fn in_a_folder_that_cannot_be_written_to_breakers_are_private() {
    let mount = "mount -t tmpfs -o ro tmpfs \"$folder\"";
    let Some(said) = opened_after(mount) else {
        return;
    };
    let why = "cannot lock it: Read-only file system (os error 30)";
    assert_eq!(
        said,
        format!("shared false, works true: breaker file /breakers.v1: {why}{PRIVATE}")
    );
}

#[test]
fn a_bad_file_that_cannot_be_moved_makes_them_private() {
    let mount = "mount -t tmpfs tmpfs \"$folder\" && echo x > \"$folder/breakers.v1\" && : > \"$folder/breakers.v1.lock\" \
                 && mount -o remount,ro \"$folder\"";
    let Some(said) = opened_after(mount) else {
        return;
    };
    let why = "cannot open it: Read-only file system (os error 30)";
    assert_eq!(
        said,
        format!("shared false, works true: breaker file /breakers.v1: {why}{PRIVATE}")
    );
}
