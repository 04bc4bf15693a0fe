//! What is not wrong and may still surprise.

use super::*;

fn warnings(text: &str) -> Vec<String> {
    loaded(text)
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn an_ordinary_file_has_none() {
    assert_eq!(warnings(MINIMAL), Vec::<String>::new());
}

#[test]
fn a_single_place_is_said() {
    let text = "\
upstreams: {a: {url: http://127.0.0.1:11434/v1, family: ollama}}
routes:
  chat: {alias: [m], targets: [{upstream: a, model: M}]}
";
    assert_eq!(
        warnings(text),
        ["default, of family ollama: upstreams.a.streams: there is a single place, so that nothing can be kept for interactive work: it is served first whenever the place falls free"]
    );
}

#[test]
fn an_unused_upstream_and_its_twin_are_said() {
    let text = MINIMAL.replace(
        "upstreams: {",
        "upstreams: {b: {url: http://127.0.0.1:8000/v1}, ",
    );
    assert_eq!(
        warnings(&text),
        [
            "f.yaml:1:58: upstreams.a.url: is the address of upstream `b` too: they share their breakers, but each counts its own `streams`",
            "f.yaml:1:13: upstreams.b: no route uses this upstream",
        ]
    );
}

#[test]
fn a_url_without_a_path_and_a_hopeless_status_are_said() {
    let text = format!(
        "retry: {{statuses: [401, 429]}}\n{}",
        MINIMAL.replace("8000/v1", "8000")
    );
    assert_eq!(
        warnings(&text),
        [
            "f.yaml:1:20: retry.statuses: 401 says the request is wrong: sending it again won't help",
            "f.yaml:2:22: upstreams.a.url: `http://127.0.0.1:8000` has no path, and most servers answer below `/v1`",
        ]
    );
}

#[test]
fn a_file_that_others_may_write_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sidegate.yaml");
    fs::write(&path, MINIMAL).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let loaded = load(&Source::File(path), &at_home()).unwrap();
    assert!(loaded.warnings[0]
        .text
        .starts_with("may be written by others (mode 0666)"));
}
