//! The status page in a real Chromium: against scripted states, and as this gateway serves it.
//!
//! What is looked at stands in `tests/real/page`.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::project;
use crate::stage::Stage;
use crate::support::package::program;
use crate::support::{plain, within};

/// The tests take 45 s on a quiet machine.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_is_and_nothing_else() {
    let chromium = program("chromium");
    let stage = Stage::start(plain::unauthorized()).await;
    // What fails is to be seen there.
    stage.tell(&stage.chat()).await;
    let mut tests = Command::new("node");
    tests
        .args(["--test", "tests/real/page/page.test.mjs"])
        .current_dir(project())
        .env("CHROMIUM", chromium)
        .env(
            "SIDEGATE_ADMIN",
            format!("http://{}", stage.gateway.admin_addr()),
        )
        .stdin(Stdio::null())
        .kill_on_drop(true);

    let output = within(SCRIPT_DEADLINE, "the tests of the page", tests.output()).await;

    let output = output.unwrap_or_else(|problem| panic!("node doesn't run: {problem}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("skipped 0"), "{said}");
}
