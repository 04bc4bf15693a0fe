//! `service install --model-server`: a server of the vLLM kind beside the gateway.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Host, Output};

const CONFIG: &str = "\
upstreams:
  a: {url: http://127.0.0.1:8123/v1, family: vllm}
routes:
  chat: {alias: [m], targets: [{upstream: a, model: Qwen/Qwen3-32B}]}
";

/// Both, with a program called vllm on PATH.
fn hosts() -> [Host; 2] {
    let hosts = Host::both();
    for host in &hosts {
        symlink("/bin/sh", host.path("bin/vllm")).unwrap();
        host.configure(CONFIG);
    }
    hosts
}

fn install(host: &Host, more: &[&str]) -> Output {
    host.run(&[&["install", "--model-server", "Qwen/Qwen3-32B"], more].concat())
}

fn file(host: &Host) -> String {
    let name = match host.manager {
        "launchd" => "home/Library/LaunchAgents/dev.sidegate.model-server.plist",
        _ => "home/.config/systemd/user/sidegate-model-server.service",
    };
    fs::read_to_string(host.path(name)).unwrap_or_default()
}

/// The words of the command, whichever file they stand in.
fn words(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let plain = lines.map(|line| {
        let bare = line.strip_prefix("<string>").unwrap_or(line);
        bare.strip_suffix("</string>").unwrap_or(bare)
    });
    plain.collect::<Vec<_>>().join(" ")
}

#[test]
fn it_is_installed_once_brought_up_to_date_and_taken_away_again() {
    for host in hosts() {
        let first = install(&host, &[]);
        assert_eq!(first.code, Some(0), "{first:?}");
        assert!(first
            .stdout
            .contains("\nmodel-server: installed, runs with pid "));
        let again = install(&host, &[]);
        for job in ["gateway", "disk", "model-server"] {
            assert!(
                again.stdout.contains(&format!("{job}: unchanged, ")),
                "{again:?}"
            );
        }

        let changed = install(&host, &["--", "--max-model-len", "32768"]);
        assert!(
            changed.stdout.contains("model-server: updated, "),
            "{changed:?}"
        );
        assert!(changed.stdout.starts_with("gateway: unchanged, "));

        let gone = host.run(&["uninstall"]);
        assert!(gone.stdout.contains("model-server: gone; "), "{gone:?}");
        assert_eq!((gone.code, file(&host).as_str()), (Some(0), ""));
    }
}

#[test]
fn it_listens_where_the_gateway_will_ask_and_nowhere_else() {
    for host in hosts() {
        let more = ["--", "--served-model-name", "a & b", "--max-model-len=4096"];
        assert_eq!(install(&host, &more).code, Some(0));

        let text = words(&file(&host));
        let program = host.path("bin/vllm").display().to_string();
        let told = format!("{program} serve Qwen/Qwen3-32B --host 127.0.0.1 --port 8123");
        assert!(text.contains(&told), "{text}");
        let more = match host.manager {
            "launchd" => "--served-model-name a &amp; b --max-model-len=4096",
            _ => "--served-model-name \"a & b\" --max-model-len=4096",
        };
        assert!(text.contains(more), "{text}");
        assert!(!text.contains("{{"), "{text}");
    }
}

#[test]
fn it_stays_as_it_is_when_only_the_gateway_is_installed_again() {
    for host in hosts() {
        let alone = host.run(&["install"]);
        assert!(!alone.stdout.contains("model-server"), "{alone:?}");
        let status = host.run(&["status"]);
        assert!(!status.stdout.contains("model-server"), "{status:?}");
        install(&host, &["--only", "model-server", "--port", "9000"]);
        let written = file(&host);
        assert!(words(&written).contains("--port 9000"), "{written}");

        host.run(&["install"]);

        assert_eq!(file(&host), written);
        let status = host.run(&["status"]);
        assert_eq!(status.code, Some(0), "{status:?}");
        assert!(status.stdout.contains("\nmodel-server"), "{status:?}");
    }
}

#[test]
fn what_does_not_start_is_a_failure_and_a_loop() {
    for (host, fails) in hosts().iter().zip(["last exit code = 1", "1"]) {
        host.put("fails", fails);
        let installed = install(host, &["--only", "model-server"]);
        assert_eq!(installed.code, Some(2), "{installed:?}");
        let said = "model-server: installed, but it doesn't run: exit code 1; ";
        assert!(installed.stderr.contains(said), "{installed:?}");
        let status = host.run(&["status"]);
        assert_eq!(status.code, Some(1), "{status:?}");
        assert!(status.stdout.contains("looping"), "{status:?}");
    }
}

#[test]
fn a_port_without_an_upstream_and_a_key_in_the_open_are_said() {
    for host in hosts() {
        let more = ["--print", "--only", "model-server", "--port", "9999"];
        let more = [&more[..], &["--", "--api-key", "secret"]].concat();

        let printed = install(&host, &more);

        assert_eq!(printed.code, Some(0), "{printed:?}");
        assert!(printed.stderr.contains("no upstream of the configuration"));
        assert!(printed.stderr.contains("can read the key"), "{printed:?}");
        assert!(printed.stderr.contains(": would be written"), "{printed:?}");
        assert_eq!(file(&host), "");
    }
}

#[test]
fn what_cannot_be_run_is_a_usage_mistake_and_nothing_is_installed() {
    for host in hosts() {
        let nowhere = ["--program", "/nowhere/vllm"];
        for arguments in [
            &["--only", "model-server"][..],
            &["--port", "8000"],
            &["--model-server", "-x"],
            &["--model-server", "m", "--port", "lots"],
            &[&["--model-server", "m"], &nowhere[..]].concat(),
        ] {
            let output = host.run(&[&["install"], arguments].concat());
            assert_eq!(output.code, Some(64), "{arguments:?}: {output:?}");
        }
        fs::remove_file(host.path("bin/vllm")).unwrap();
        let missing = install(&host, &[]);
        assert_eq!(missing.code, Some(64), "{missing:?}");
        assert!(missing.stderr.contains("vllm isn't on PATH"), "{missing:?}");
        assert_eq!(host.run(&["status"]).stdout.matches("absent").count(), 2);
    }
}
