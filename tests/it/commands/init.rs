//! `sidegate init`: what it finds, what it writes, what it leaves alone, and that a gateway serves with it.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::gateway::Builder;
use crate::support::{plain, Gateway, Output, Script, Upstream};

mod asking;
mod finding;
mod naming;

/// A home without a configuration.
fn empty() -> Builder {
    Gateway::builder().without_file()
}

/// Where a configuration goes that nobody names.
fn file(home: &Builder) -> PathBuf {
    home.home().join(".sidegate/sidegate.yaml")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let about = path.metadata();
    let about = about.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    about.permissions().mode() & 0o777
}

/// A server of vLLM's kind with one model.
fn vllm(model: &str) -> Script {
    let list = json!({"object": "list", "data": [{"id": model, "owned_by": "vllm", "max_model_len": 8192}]});
    Script::new()
        .target("GET /v1/models", plain::json(&list))
        .target("GET /version", plain::json(&json!({"version": "0.32.0"})))
        .target("POST /v1/chat/completions", plain::chat("hello"))
        .otherwise(plain::status(404, &[], "{}"))
}

/// Looks at these servers' ports alone, and asks nobody.
async fn init(home: &Builder, servers: &[&Upstream], more: &[&str]) -> Output {
    let ports: Vec<u16> = servers.iter().map(|server| server.addr().port()).collect();
    init_at(home, &ports, more).await
}

async fn init_at(home: &Builder, ports: &[u16], more: &[&str]) -> Output {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    let ports = ports.join(",");
    home.run(&[&["init", "--yes", "--ports", &ports], more].concat())
        .await
}

/// The secret stands alone on stdout.
#[track_caller]
fn secret(output: &Output) -> &str {
    assert_eq!(output.code, 0, "{output:?}");
    let secret = output.stdout.trim_end();
    assert!(
        secret.starts_with("sg_") && !secret.contains(char::is_whitespace),
        "{output:?}"
    );
    secret
}

#[tokio::test]
async fn what_it_writes_is_for_us_alone_and_check_has_nothing_to_say() {
    let (home, server) = (empty(), Upstream::start(vllm("Qwen/Qwen3-32B")).await);

    let output = init(&home, &[&server], &[]).await;

    let secret = secret(&output);
    let token = home.home().join(".openclaw/token");
    assert!(text(&token).contains("agent") && !text(&token).contains(secret));
    assert_eq!((mode(&file(&home)), mode(&token)), (0o600, 0o400));
    for folder in [".sidegate", ".sidegate/logs", ".openclaw"] {
        assert_eq!(mode(&home.home().join(folder)), 0o700, "{folder}");
    }
    let check = home.run(&["check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
    assert!(!format!("{check:?}").contains("warning"), "{check:?}");
}

#[tokio::test]
async fn a_gateway_serves_with_it_and_its_token() {
    let (home, server) = (empty(), Upstream::start(vllm("Qwen/Qwen3-32B")).await);
    let output = init(&home, &[&server], &[]).await;
    // Other tests have the usual ports.
    let ports = "\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\n";
    std::fs::write(file(&home), text(&file(&home)) + ports).expect("our own file");

    let gateway = home.start().await;

    let client = gateway.client().token(secret(&output));
    for alias in ["Qwen/Qwen3-32B", "default"] {
        let reply = client.chat(alias).send().await;
        assert_eq!(reply.status, 200, "{alias}: {reply:?}");
    }
    let models = client.get("/v1/models").send().await;
    assert!(models.json().to_string().contains("Qwen/Qwen3-32B"));
    let asked = server.requests();
    let last = asked.last().expect("a request");
    assert_eq!(last.json()["model"], "Qwen/Qwen3-32B");
}

#[tokio::test]
async fn the_next_commands_are_ones_that_work() {
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let elsewhere = home.home().join("it's here.yaml");
    let elsewhere = elsewhere.to_str().expect("a path");

    let usual = init(&home, &[&server], &[]).await;
    let named = init(&home, &[&server], &["--config", elsewhere]).await;

    assert!(usual.stderr.contains("\n  sidegate serve\n"), "{usual:?}");
    let address = "OPENAI_BASE_URL=http://127.0.0.1:8787/v1";
    assert!(usual.stderr.contains(address), "{usual:?}");
    let quoted = elsewhere.replace('\'', r"'\''");
    let line = format!("sidegate --config '{quoted}' serve");
    assert!(named.stderr.contains(&line), "{named:?}");
    let check = home.run(&["--config", elsewhere, "check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
}

#[tokio::test]
async fn nothing_that_exists_is_written_over() {
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let first = init(&home, &[&server], &[]).await;
    let written = text(&file(&home));
    let token = home.home().join(".openclaw/token");
    let tokens = text(&token);

    let again = init(&home, &[&server], &["--caller", "other"]).await;

    assert_eq!((first.code, again.code), (0, 2), "{again:?}");
    assert!(again.stderr.contains("there is a configuration already"));
    assert!(again.stderr.contains("--force") && again.stdout.is_empty());
    assert_eq!(
        (text(&file(&home)), text(&token)),
        (written.clone(), tokens.clone())
    );

    let forced = init(&home, &[&server], &["--force"]).await;

    assert_eq!(forced.code, 0, "{forced:?}");
    let kept = file(&home).with_file_name("sidegate.yaml.old-1");
    assert_eq!((text(&kept), text(&token)), (written, tokens));
    assert!(forced.stderr.contains("(callers: agent)"), "{forced:?}");
    assert!(forced.stdout.is_empty(), "no second secret: {forced:?}");
}

#[tokio::test]
async fn folders_keep_their_modes_and_links_their_places() {
    use std::os::unix::fs::{symlink, PermissionsExt};
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let folder = home.home().join(".sidegate");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("our own");
    symlink("nowhere", file(&home)).expect("a link");

    let refused = init(&home, &[&server], &["--force"]).await;
    std::fs::remove_file(file(&home)).expect("the link");
    let done = init(&home, &[&server], &[]).await;

    assert_eq!((refused.code, done.code), (2, 0), "{refused:?} {done:?}");
    assert!(refused.stderr.contains("even --force"), "{refused:?}");
    assert_eq!(mode(&folder), 0o755);
}

#[tokio::test]
async fn wrong_words_are_usage_mistakes_and_write_nothing() {
    let home = empty();
    let one = "http://127.0.0.1:9/v1";
    for arguments in [
        &["--yes", "--caller", "two words"][..],
        &["--server", "127.0.0.1:8000"],
        &["--server", one, "--family", "vlm"],
        &["--server", one, "--model", " x"],
        &["--server", one, "--server", one, "--family", "vllm"],
        &["--family", "vllm"],
        &["--model", "m"],
    ] {
        let output = home.run(&[&["init"], arguments].concat()).await;
        assert_eq!(output.code, 64, "{arguments:?}: {output:?}");
    }
    assert!(!home.home().join(".sidegate").exists());
}
