use super::*;

use std::fs;
use std::path::Path;

fn answers(all: &[(&'static str, u16, &str)]) -> Answers {
    let answer =
        |&(path, status, body): &(&'static str, u16, &str)| (path, Answer::plain(status, body));
    all.iter().map(answer).collect()
}

/// The answer of a recorded exchange.
fn recorded(file: &str) -> Answer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(file);
    let text = fs::read_to_string(path).unwrap();
    let (_, answer) = text
        .split_once("=====8<===== answer =====8<=====\n")
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer::plain(status, body)
}

/// Python's own HTTP server.
fn named(server: &str, body: &str) -> Answers {
    let server = Some(server.to_owned());
    let answer = Answer {
        server,
        ..Answer::plain(200, body)
    };
    Answers::from([(FIRST, answer)])
}

fn family(identity: &Identity) -> Option<Family> {
    match identity {
        Identity::Server { family, .. } => Some(*family),
        Identity::Stranger => None,
    }
}

fn names(identity: &Identity) -> Vec<&str> {
    match identity {
        Identity::Server {
            models: Models::Listed(models),
            ..
        } => models.iter().map(|model| model.name.as_str()).collect(),
        other => panic!("no list: {other:?}"),
    }
}

const LIST: &str = r#"{"object":"list","data":[{"id":"m","object":"model","created":1}]}"#;

#[test]
fn vllm_is_known_by_its_recorded_list() {
    let seen = Answers::from([(FIRST, recorded("vllm/0.32.0/models.http"))]);
    let identity = identify(&seen);
    assert_eq!(family(&identity), Some(Family::Vllm));
    let Identity::Server {
        models: Models::Listed(models),
        ..
    } = identity
    else {
        panic!("no list");
    };
    let tiny = Model {
        name: "tiny".to_owned(),
        context: Some(512),
        embeds: false,
        loaded: None,
    };
    assert_eq!(models, [tiny]);
}

#[test]
fn llama_cpp_is_known_by_its_recorded_list_also_while_it_loads() {
    let folder = "llama.cpp/2026.10.11549";
    let seen = Answers::from([(FIRST, recorded(&format!("{folder}/models.http")))]);
    let identity = identify(&seen);
    assert_eq!(family(&identity), Some(Family::LlamaCpp));
    assert_eq!(names(&identity), ["tiny"]);
    let loading = Answers::from([(FIRST, recorded(&format!("{folder}/loading_models.http")))]);
    let loading = identify(&loading);
    assert_eq!(loading, server(Family::LlamaCpp, Models::Unsaid));
}

#[test]
fn a_llama_cpp_slot_says_its_window() {
    let props = r#"{"default_generation_settings":{"n_ctx":512},"total_slots":2}"#;
    let seen = answers(&[(FIRST, 200, LIST), ("/props", 200, props)]);
    let Identity::Server {
        family,
        models: Models::Listed(models),
    } = identify(&seen)
    else {
        panic!("no list");
    };
    assert_eq!((family, models[0].context), (Family::LlamaCpp, Some(512)));
}

#[test]
fn every_other_family_is_known_by_what_only_it_answers() {
    let studio = r#"{"object":"list","data":[{"id":"m","type":"llm","compatibility_type":"mlx","state":"loaded"}]}"#;
    let sglang_list =
        r#"{"object":"list","data":[{"id":"m","owned_by":"sglang","max_model_len":4096}]}"#;
    let library =
        r#"{"object":"list","data":[{"id":"m:8b","object":"model","owned_by":"library"}]}"#;
    let version = r#"{"version":"0.9.0"}"#;
    let cases = [
        (
            Family::LmStudio,
            answers(&[
                (FIRST, 200, LIST),
                ("/api/v0/models", 200, studio),
                ("/version", 200, r#"{"error":"Unexpected endpoint"}"#),
            ]),
        ),
        (Family::Sglang, answers(&[(FIRST, 200, sglang_list)])),
        (
            Family::Sglang,
            answers(&[
                (FIRST, 401, "{}"),
                (
                    "/model_info",
                    200,
                    r#"{"model_path":"m","is_generation":true}"#,
                ),
            ]),
        ),
        (
            Family::Ollama,
            answers(&[(FIRST, 200, library), ("/api/version", 200, version)]),
        ),
        (
            Family::Ollama,
            answers(&[
                (FIRST, 200, r#"{"object":"list","data":null}"#),
                ("/api/version", 200, version),
            ]),
        ),
        (
            Family::Vllm,
            answers(&[
                (FIRST, 401, r#"{"error":"Unauthorized"}"#),
                ("/version", 200, version),
            ]),
        ),
        (Family::Mlx, named("BaseHTTP/0.6 Python/3.12", LIST)),
        (Family::Other, named("uvicorn", LIST)),
        (
            Family::Other,
            answers(&[(FIRST, 200, LIST), ("/version", 404, "{}")]),
        ),
        (
            Family::Other,
            answers(&[(FIRST, 403, r#"{"detail":"no"}"#)]),
        ),
    ];
    for (wanted, seen) in cases {
        assert_eq!(family(&identify(&seen)), Some(wanted), "{seen:?}");
    }
}

#[test]
fn who_asks_for_a_key_says_nothing_of_its_models() {
    let seen = answers(&[
        (FIRST, 401, r#"{"error":"Unauthorized"}"#),
        ("/version", 200, r#"{"version":"1"}"#),
    ]);
    assert_eq!(identify(&seen), server(Family::Vllm, Models::KeyWanted));
}

#[test]
fn a_page_or_another_program_is_a_stranger() {
    for seen in [
        answers(&[]),
        answers(&[(
            FIRST,
            200,
            "<!doctype html><title>Directory listing</title>",
        )]),
        answers(&[(FIRST, 401, "\n<html>Please log in</html>")]),
        answers(&[(FIRST, 404, "Not Found"), ("/version", 404, "Not Found")]),
        answers(&[(FIRST, 200, r#"{"data":"nothing"}"#)]),
        answers(&[(FIRST, 200, "[]")]),
    ] {
        assert_eq!(identify(&seen), Identity::Stranger, "{seen:?}");
    }
}

#[test]
fn what_is_loaded_comes_first_and_vectors_are_seen() {
    let list = r#"{"object":"list","data":[{"id":"cold"},{"id":"nomic-embed-text"},{"id":"warm"},{"id":"vec"}]}"#;
    let studio = r#"{"data":[{"id":"cold","type":"llm","compatibility_type":"gguf","state":"not-loaded"},
        {"id":"warm","type":"vlm","compatibility_type":"gguf","state":"loaded"},
        {"id":"vec","type":"embeddings","compatibility_type":"gguf","state":"loaded"}]}"#;
    let identity = identify(&answers(&[
        (FIRST, 200, list),
        ("/api/v0/models", 200, studio),
    ]));
    assert_eq!(
        names(&identity),
        ["nomic-embed-text", "warm", "vec", "cold"]
    );
    let Identity::Server {
        models: Models::Listed(models),
        ..
    } = identity
    else {
        panic!("no list");
    };
    let embeds: Vec<bool> = models.iter().map(|model| model.embeds).collect();
    assert_eq!(embeds, [true, false, true, false]);
}

#[test]
fn names_that_cannot_stand_in_a_file_are_left_out() {
    let long = "x".repeat(257);
    let list = format!(
        r#"{{"data":[{{"id":""}},{{"id":"*"}},{{"id":"a\u0007b"}},{{"id":"{long}"}},{{"id":7}},{{}},{{"id":"good"}},{{"id":"good"}}]}}"#
    );
    assert_eq!(names(&identify(&answers(&[(FIRST, 200, &list)]))), ["good"]);
}
