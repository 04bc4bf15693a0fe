//! Programs that tests need and that are no part of the project.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Two installations at once would fight for the system's lock.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Where `name` is; from Debian's package of that name where it is missing.
pub fn program(name: &str) -> PathBuf {
    let _alone = INSTALLING
        .lock()
        .unwrap_or_else(|panicked| panicked.into_inner());
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/real/package.sh");
    let output = Command::new(script)
        .args([name, name])
        .stderr(Stdio::inherit())
        .output()
        .expect("package.sh runs");
    assert!(output.status.success(), "package.sh failed: see above");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
