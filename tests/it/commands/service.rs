//! `sidegate service`, with stand-ins for launchctl and systemctl on PATH.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

mod model_server;

const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-ins");

const CONFIG: &str = "\
upstreams:
  a: {url: http://127.0.0.1:9/v1, family: other}
routes:
  chat: {alias: [m], targets: [{upstream: a, model: m}]}
";

/// A home folder and a supervisor of its own.
struct Host {
    folder: TempDir,
    manager: &'static str,
}

#[derive(Debug)]
struct Output {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Host {
    fn new(manager: &'static str) -> Host {
        let host = Host {
            folder: tempfile::tempdir().unwrap(),
            manager,
        };
        let bin = host.path("bin");
        fs::create_dir_all(bin.join("state")).unwrap();
        for name in ["launchctl", "systemctl"] {
            symlink(Path::new(STAND_INS).join(name), bin.join(name)).unwrap();
        }
        let units = host.path("home/.config/systemd/user");
        fs::write(bin.join("state/units"), format!("{}\n", units.display())).unwrap();
        fs::create_dir_all(host.path("home/.sidegate")).unwrap();
        host.configure(CONFIG);
        host
    }

    fn both() -> [Host; 2] {
        ["launchd", "systemd"].map(Host::new)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, text: &str) {
        fs::write(self.path("home/.sidegate/sidegate.yaml"), text).unwrap();
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path("bin/state").join(name), format!("{text}\n")).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        command
            .args(["service", "--manager", self.manager])
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .current_dir(self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        end_of(self.command(arguments))
    }
}

fn end_of(mut command: Command) -> Output {
    let output = command.output().expect("the binary runs");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn the_way_of_a_service() {
    for host in Host::both() {
        let none = host.run(&["status"]);
        assert_eq!(none.code, Some(1), "{none:?}");
        assert!(none.stderr.contains("`sidegate service install` does it"));

        let first = host.run(&["install"]);
        assert_eq!(first.code, Some(0), "{first:?}");
        assert!(first
            .stdout
            .starts_with("gateway: installed, runs with pid "));
        assert!(first
            .stdout
            .ends_with("\ndisk: installed, runs every night\n"));

        let second = host.run(&["install"]);
        assert!(
            second.stdout.starts_with("gateway: unchanged, "),
            "{second:?}"
        );
        assert!(second.stdout.contains("\ndisk: unchanged, "), "{second:?}");

        let well = host.run(&["status"]);
        assert_eq!(well.code, Some(0), "{well:?}");

        host.configure(&format!("{CONFIG}drain: 90s\n"));
        let outdated = host.run(&["status", "--json"]);
        let rows: serde_json::Value = serde_json::from_str(&outdated.stdout).unwrap();
        assert_eq!(
            (outdated.code, &rows[0]["file"]),
            (Some(1), &"outdated".into())
        );
        let updated = host.run(&["install"]);
        assert!(
            updated.stdout.starts_with("gateway: updated, "),
            "{updated:?}"
        );

        let gone = host.run(&["uninstall"]);
        assert_eq!(gone.code, Some(0), "{gone:?}");
        let again = host.run(&["uninstall"]);
        assert_eq!(
            again.stdout,
            "gateway: was not installed\ndisk: was not installed\n"
        );
    }
}

#[test]
fn printing_writes_nothing_and_asks_nobody() {
    for host in Host::both() {
        let printed = host.run(&["install", "--dry-run", "--only", "gateway"]);

        assert_eq!(printed.code, Some(0), "{printed:?}");
        assert!(
            printed.stderr.ends_with(": would be written\n"),
            "{printed:?}"
        );
        assert!(!host.path("bin/state/calls").exists());
        assert!(!host.path("home/Library").exists() && !host.path("home/.config").exists());
        host.run(&["install"]);
        let path = printed.stderr.split(": would").next().unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), printed.stdout);
    }
}

#[test]
fn the_gateway_is_told_where_its_state_is_should_the_file_be_gone() {
    for host in Host::both() {
        let state = host.path("some where").display().to_string();
        host.configure(&format!("{CONFIG}state_dir: {state}\n"));
        let printed = host.run(&["install", "--print", "--only", "gateway"]);
        let text = printed.stdout.replace("</string>\n\t\t<string>", " ");
        assert!(
            text.contains(&format!("--state-dir {state} "))
                || text.contains(&format!("--state-dir \"{state}\" ")),
            "{printed:?}"
        );
    }
}

#[test]
fn anyone_may_print_what_root_would_write_for_an_account() {
    for (host, line) in Host::both()
        .iter()
        .zip(["<string>root</string>", "\nUser=root\n"])
    {
        let config = host.path("home/.sidegate/sidegate.yaml");
        let config = config.to_str().unwrap();
        let printed = host.run(&["install", "--print", "--user", "root", "--config", config]);
        assert_eq!(printed.code, Some(0), "{printed:?}");
        assert!(printed.stdout.contains(line) && printed.stdout.contains(config));
        assert!(!printed.stdout.contains("{{"), "{printed:?}");
    }
}

#[test]
fn a_gateway_that_does_not_start_is_a_failure_with_its_reason() {
    for (host, fails) in Host::both()
        .iter()
        .zip(["last exit code = 71: EX_OSERR", "71"])
    {
        host.put("fails", fails);
        let installed = host.run(&["install", "--only", "gateway"]);
        assert_eq!(installed.code, Some(2), "{installed:?}");
        assert!(
            installed
                .stderr
                .contains("but it doesn't run: exit code 71; "),
            "{installed:?}"
        );
        let status = host.run(&["status"]);
        assert_eq!(status.code, Some(1), "{status:?}");
        assert!(status.stdout.contains("looping"), "{status:?}");
        assert!(
            status
                .stderr
                .contains("gateway: it is started again and again; "),
            "{status:?}"
        );
    }
}

#[test]
fn a_broken_configuration_is_never_installed_but_can_be_uninstalled() {
    for host in Host::both() {
        host.run(&["install"]);
        host.configure("nonsense: 7\n");

        let refused = host.run(&["install"]);
        let status = host.run(&["status"]);

        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.stderr.contains("nonsense"), "{refused:?}");
        assert_eq!(status.code, Some(1), "{status:?}");
        assert!(status.stdout.contains("unknown  running"), "{status:?}");
        assert_eq!(host.run(&["uninstall"]).code, Some(0));
    }
}

#[test]
fn without_a_file_there_is_nothing_that_a_service_could_read() {
    for host in Host::both() {
        fs::remove_file(host.path("home/.sidegate/sidegate.yaml")).unwrap();
        let refused = host.run(&["install"]);
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.stderr.contains("--config FILE"), "{refused:?}");
    }
}

#[test]
fn variables_that_the_service_will_not_see_are_named() {
    let host = Host::new("launchd");
    let mut command = host.command(&["install", "--print"]);
    command.env("OPENCLAW_GATEWAY_PORT", "1234");
    let printed = end_of(command);
    assert!(
        printed
            .stderr
            .contains("not for the service: OPENCLAW_GATEWAY_PORT;"),
        "{printed:?}"
    );
}

#[test]
fn a_program_or_configuration_in_a_protected_folder_is_warned_of() {
    let host = Host::new("launchd");
    let documents = host.path("home/Documents");
    fs::create_dir_all(&documents).unwrap();
    let config = documents.join("sidegate.yaml");
    fs::write(&config, CONFIG).unwrap();
    let printed = host.run(&["install", "--print", "--config", config.to_str().unwrap()]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    assert!(
        printed
            .stderr
            .contains("macOS keeps services out of Documents"),
        "{printed:?}"
    );
}

#[test]
fn wrong_words_are_usage_mistakes() {
    let host = Host::new("systemd");
    for arguments in [
        &["install", "--only", "nothing"][..],
        &["install", "--print", "--user", "no-such-account-here"],
        &["start"],
        &[],
    ] {
        let output = host.run(arguments);
        assert_eq!(output.code, Some(64), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_supervisor_that_is_not_there_is_a_failure() {
    let host = Host::new("launchd");
    fs::remove_file(host.path("bin/launchctl")).unwrap();
    let status = host.run(&["status"]);
    assert_eq!(status.code, Some(2), "{status:?}");
    assert!(
        status.stderr.contains("cannot run `launchctl print gui/"),
        "{status:?}"
    );
}
