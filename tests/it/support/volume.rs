//! A small volume of a test's own, which it can fill to the last byte.
//!
//! Mounting is for root. Where we aren't, the test runs again in a namespace in which we are; where there is none
//! either, a line says that nothing was tested.

use std::fs::{self, File};
use std::io::{stderr, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Set for a test that runs again in a namespace.
const INSIDE: &str = "SIDEGATE_TEST_IN_A_NAMESPACE";

/// Takes a mount and a user namespace: its mounts are nobody else's and end with it.
const NAMESPACE: [&str; 2] = ["unshare", "-rm"];

/// Declared before whatever writes there, so that it goes last: also when the test fails, the volume is unmounted.
pub struct Volume {
    place: TempDir,
}

impl Volume {
    /// A volume of so many bytes for the test of that whole name (`record::full_disk::…`). None when the test is over
    /// already, because it ran in a namespace, or can't be run at all, which is said.
    pub fn mount_for(test: &str, bytes: u64) -> Option<Volume> {
        let mounted = Volume::mount(bytes);
        if mounted.is_some() {
            return mounted;
        }
        if std::env::var_os(INSIDE).is_none() && succeeds(Command::new("true")) {
            run_inside(test);
        } else {
            // Past the test harness, which keeps what a test that passes prints to itself.
            let _ = writeln!(stderr(), "SKIPPED {test}: no volume can be mounted here");
        }
        None
    }

    fn mount(bytes: u64) -> Option<Volume> {
        let place = tempfile::tempdir().expect("a folder to mount it on");
        let options = format!("size={bytes},mode=0700");
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(place.path());
        let mounted = command.stderr(Stdio::null()).status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        is_mounted.then(|| Volume { place })
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Leaves room for nothing.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("a file there");
        while ballast.write_all(&[b'x'; 4096]).is_ok() {}
    }

    /// Takes so many bytes of it.
    pub fn fill_with(&self, bytes: u64) {
        let mut ballast = File::create(self.ballast()).expect("a file there");
        let written = std::io::copy(&mut std::io::repeat(b'x').take(bytes), &mut ballast);
        assert_eq!(written.expect("room for it"), bytes);
    }

    /// Undoes either.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let unmount = |more: &[&str]| {
            let mut command = Command::new("umount");
            let output = command.args(more).arg(self.place.path()).output();
            output.is_ok_and(|output| output.status.success())
        };
        // Somebody may still have a file open there; then it goes when that is closed.
        if !unmount(&[]) {
            unmount(&["--lazy"]);
        }
    }
}

/// Whether a command runs in a namespace, and says yes.
fn succeeds(command: Command) -> bool {
    let status = within_namespace(&command).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// This one test alone, with this very binary.
fn run_inside(test: &str) {
    let ourselves = std::env::current_exe().expect("the test's own binary");
    let mut command = Command::new(ourselves);
    command.args(["--exact", test, "--nocapture"]);
    let output = within_namespace(&command).env(INSIDE, "1").output();
    let output = output.expect("a namespace, as a moment ago");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("test result: ok. 1 passed"),
        "in a namespace of its own:\n{said}"
    );
    if let Some(skipped) = said.lines().find(|line| line.starts_with("SKIPPED")) {
        let _ = writeln!(stderr(), "{skipped}");
    }
}

fn within_namespace(command: &Command) -> Command {
    let [program, option] = NAMESPACE;
    let mut within = Command::new(program);
    within
        .arg(option)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    within
}
