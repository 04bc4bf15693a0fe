//! What is wrong with the unit that a supervisor should start the gateway by, with a stand-in for the supervisor on PATH.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{expect, found, good, sound};
use crate::support::gateway::Builder;
use crate::support::{Output, Upstream};

const DOCTOR: &[&str] = &[
    "doctor",
    "--json",
    "--skip",
    "agents",
    "--skip",
    "descriptors",
];

const MACOS: bool = cfg!(target_os = "macos");

/// A home whose PATH has the stand-ins.
fn supervised(upstream: &Upstream) -> Builder {
    let home = sound(upstream);
    let bin = home.home().join("bin");
    fs::create_dir_all(bin.join("state")).expect("a folder");
    let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-ins");
    for name in ["launchctl", "systemctl"] {
        symlink(stand_ins.join(name), bin.join(name)).expect("a link");
    }
    let units = home.home().join(".config/systemd/user");
    put(&home, "units", &units.display().to_string());
    home.env("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
}

/// Tells the stand-in something about the world.
fn put(home: &Builder, name: &str, text: &str) {
    let path = home.home().join("bin/state").join(name);
    fs::write(path, format!("{text}\n")).expect("a file");
}

async fn install(home: &Builder) -> Output {
    let manager = if MACOS { "launchd" } else { "systemd" };
    home.run(&[
        "service",
        "--manager",
        manager,
        "install",
        "--only",
        "gateway",
    ])
    .await
}

fn unit(home: &Builder) -> PathBuf {
    home.home().join(match MACOS {
        true => "Library/LaunchAgents/dev.sidegate.gateway.plist",
        false => ".config/systemd/user/sidegate.service",
    })
}

#[tokio::test]
async fn a_gateway_that_its_supervisor_runs_is_well() {
    let upstream = Upstream::start(good()).await;
    let home = supervised(&upstream);
    assert_eq!(install(&home).await.code, 0);

    let output = home.run(DOCTOR).await;

    assert_eq!(found(&output, "service")["severity"], "ok", "{output:?}");
}

#[tokio::test]
async fn a_unit_that_is_missing_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let output = supervised(&upstream).run(DOCTOR).await;
    let said = [
        "no supervisor starts the gateway",
        "sidegate service install",
    ];
    expect(&output, "service", "warning", &said);
}

#[tokio::test]
async fn a_unit_that_is_outdated_is_a_warning_until_it_is_installed_again() {
    let upstream = Upstream::start(good()).await;
    let home = supervised(&upstream);
    assert_eq!(install(&home).await.code, 0);
    let home = home.set("drain", "90s");

    let before = home.run(DOCTOR).await;
    assert_eq!(install(&home).await.code, 0);
    let after = home.run(DOCTOR).await;

    let said = ["isn't what this program", "sidegate service install"];
    expect(&before, "service", "warning", &said);
    assert_eq!(found(&after, "service")["severity"], "ok", "{after:?}");
}

#[tokio::test]
async fn a_gateway_that_is_started_again_and_again_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let home = supervised(&upstream);
    let fails = if MACOS {
        "last exit code = 71: EX_OSERR"
    } else {
        "71"
    };
    put(&home, "fails", fails);
    assert_eq!(install(&home).await.code, 2);

    let output = home.run(DOCTOR).await;

    let said = ["again and again", "sidegate service status"];
    expect(&output, "service", "warning", &said);
}

#[tokio::test]
async fn somebody_elses_unit_in_our_place_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let home = supervised(&upstream);
    let unit = unit(&home);
    fs::create_dir_all(unit.parent().expect("a folder")).expect("a folder");
    fs::write(&unit, "theirs").expect("a file");

    let output = home.run(DOCTOR).await;

    expect(
        &output,
        "service",
        "warning",
        &["somebody else's", "move it away"],
    );
    assert_eq!(fs::read_to_string(&unit).expect("it is there"), "theirs");
}

#[tokio::test]
async fn a_supervisor_that_cannot_be_asked_is_a_warning_where_there_is_a_unit() {
    let upstream = Upstream::start(good()).await;
    let home = supervised(&upstream);
    assert_eq!(install(&home).await.code, 0);
    for name in ["launchctl", "systemctl"] {
        fs::remove_file(home.home().join("bin").join(name)).expect("a link");
        symlink("/bin/false", home.home().join("bin").join(name)).expect("a link");
    }

    let output = home.run(DOCTOR).await;

    expect(&output, "service", "warning", &["can't be asked"]);
}
