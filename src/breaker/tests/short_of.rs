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
        if let Ok(permit) = slot.ask(NOW, LEASE) {
            permit.failure(NOW, rule());
        }
    }
    let works = slot.ask(NOW, LEASE).is_err();
    let problem = problem.map_or("no problem".into(), |problem| problem.to_string());
    let folder = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut left: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    let shared = breakers.is_shared();
    format!("shared {shared}, works {works}, files {left:?}: {problem}")
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

fn private(files: &str, why: &str) -> String {
    format!(
        "shared false, works true, files [{files}]: breaker file /breakers.v1: {why}; \
         breakers work, but no other process shares them and a restart forgets them"
    )
}

#[test]
fn on_a_full_disk_breakers_are_private_and_no_half_file_is_left() {
    let mount = "mount -t tmpfs -o size=16k tmpfs \"$folder\"";
    let Some(said) = opened_after(mount) else {
        return;
    };
    let why = "cannot write it: No space left on device (os error 28)";
    assert_eq!(said, private("\"breakers.v1.lock\"", why));
}

#[test]
fn in_a_folder_that_cannot_be_written_to_breakers_are_private() {
    let mount = "mount -t tmpfs -o ro tmpfs \"$folder\"";
    let Some(said) = opened_after(mount) else {
        return;
    };
    let why = "cannot lock it: Read-only file system (os error 30)";
    assert_eq!(said, private("", why));
}

#[test]
fn a_file_that_can_only_be_read_is_left_alone() {
    let mount = "mount -t tmpfs tmpfs \"$folder\" && : > \"$folder/breakers.v1\" \
                 && mount -o remount,ro \"$folder\"";
    let Some(said) = opened_after(mount) else {
        return;
    };
    let why = "cannot open it: Read-only file system (os error 30)";
    assert_eq!(said, private("\"breakers.v1\"", why));
}
