//! Which servers are found on this host, and what they are taken for.

use serde_json::{json, Value};

use super::{empty, file, init, init_at, secret, text, vllm};
use crate::support::{plain, refuse, Answer, Script, Upstream};

/// A list of one model and the answer to a path of the server's own; all else is 404.
fn server(list: Value, own: &str, answer: Value) -> Script {
    Script::new()
        .target("GET /v1/models", plain::json(&list))
        .target(&format!("GET {own}"), plain::json(&answer))
        .otherwise(plain::status(404, &[], "{}"))
}

fn owned(by: &str) -> Value {
    json!({"object": "list", "data": [{"id": "m", "object": "model", "owned_by": by}]})
}

/// Every family that runs on a host of one's own, as it speaks.
fn families() -> Vec<(&'static str, Script)> {
    let nobody = || json!({"object": "list", "data": [{"id": "m", "object": "model"}]});
    let props = json!({"default_generation_settings": {"n_ctx": 4096}, "total_slots": 1});
    let studio = json!({"data": [{"id": "m", "type": "llm", "compatibility_type": "mlx", "state": "loaded"}]});
    let python = [("server", "BaseHTTP/0.6 Python/3.12.4")];
    let mlx = Script::new()
        .target(
            "GET /v1/models",
            plain::status(200, &python, nobody().to_string()),
        )
        .otherwise(plain::status(404, &python, "Not Found"));
    vec![
        ("vllm", vllm("m")),
        ("llama.cpp", server(owned("llamacpp"), "/props", props)),
        ("mlx", mlx),
        ("lmstudio", server(nobody(), "/api/v0/models", studio)),
        (
            "ollama",
            server(
                owned("library"),
                "/api/version",
                json!({"version": "0.12.6"}),
            ),
        ),
        (
            "sglang",
            server(
                owned("sglang"),
                "/model_info",
                json!({"is_generation": true}),
            ),
        ),
        ("other", server(nobody(), "/nothing", json!({}))),
    ]
}

#[tokio::test]
async fn each_family_is_known_by_what_it_answers() {
    let mut known = 0;
    for (family, script) in families() {
        let (home, upstream) = (empty(), Upstream::start(script).await);

        let output = init(&home, &[&upstream], &[]).await;

        secret(&output);
        let written = text(&file(&home));
        let line = format!("    family: {family}\n");
        assert!(written.contains(&line), "{family}: {written}");
        assert!(written.contains(&upstream.addr().to_string()), "{written}");
        let asked = upstream.requests();
        assert!(asked.iter().all(|one| one.head.starts_with("GET ")));
        known += 1;
    }
    assert_eq!(known, 7);
}

#[tokio::test]
async fn several_servers_become_routes_and_one_model_of_two_becomes_one() {
    let home = empty();
    let first = Upstream::start(vllm("Qwen/Qwen3-32B")).await;
    let second = Upstream::start(vllm("Qwen/Qwen3-32B")).await;
    let embeds = Upstream::start(vllm("nomic-embed-text")).await;

    let output = init(&home, &[&first, &second, &embeds], &[]).await;

    secret(&output);
    let routes = home.run(&["routes", "--json"]).await;
    let routes: Value = serde_json::from_str(&routes.stdout).expect("JSON");
    let rows = routes["routes"].as_array().expect("routes");
    assert_eq!(rows.len(), 2, "{routes}");
    assert_eq!(rows[0]["name"], "chat");
    assert_eq!(rows[0]["aliases"], json!(["Qwen/Qwen3-32B", "default"]));
    assert_eq!(rows[0]["targets"].as_array().map(Vec::len), Some(2));
    assert_eq!(rows[0]["targets"][0]["context"], 8192);
    assert_eq!(rows[1]["aliases"], json!(["nomic-embed-text"]));
}

#[tokio::test]
async fn strangers_and_closed_ports_are_passed_over() {
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let page = Upstream::start(plain::html(200)).await;
    let banner = Upstream::start(Answer::new().send("SSH-2.0-x\r\n").close_fin()).await;
    let silent = Upstream::start(Answer::new().hang()).await;

    let output = init(&home, &[&page, &banner, &silent, &server], &[]).await;

    secret(&output);
    let said = format!("{}: something that is no model server", page.addr());
    assert!(output.stderr.contains(&said), "{output:?}");
    assert_eq!(text(&file(&home)).matches("url:").count(), 1);
}

#[tokio::test]
async fn with_nothing_to_find_nothing_is_written() {
    let (home, closed) = (empty(), refuse());
    let port = closed.url().split(':').nth(2).map(|rest| rest.to_owned());
    let port = port.and_then(|rest| rest.split('/').next()?.parse().ok());

    let output = init_at(&home, &[port.expect("a port")], &[]).await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("no model server answers"));
    assert!(output.stderr.contains("--server URL"), "{output:?}");
    assert!(!home.home().join(".sidegate").exists());
    assert!(!home.home().join(".openclaw").exists());
}

#[tokio::test]
async fn a_server_without_a_model_is_left_out_and_said() {
    let none = json!({"object": "list", "data": null});
    let script = server(none, "/api/version", json!({"version": "0.12.6"}));
    let (home, empty_one) = (empty(), Upstream::start(script).await);

    let alone = init(&home, &[&empty_one], &[]).await;

    assert_eq!(alone.code, 2, "{alone:?}");
    assert!(alone.stderr.contains("left out: "), "{alone:?}");
    assert!(!file(&home).exists());
}

#[tokio::test]
async fn one_that_wants_a_key_is_written_with_the_place_for_it() {
    let (home, server) = (empty(), Upstream::start(plain::unauthorized()).await);

    let output = init(&home, &[&server], &[]).await;

    secret(&output);
    assert!(output.stderr.contains("which wants a key"), "{output:?}");
    assert!(text(&file(&home)).contains("# key_file: ~/.sidegate/keys/"));
}
