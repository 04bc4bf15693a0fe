//! The environment: alone, and over a file.

use super::*;
use crate::config::model::Family;

fn alone(pairs: &[(&str, &str)]) -> Loaded {
    load(&Source::Environment, &with(pairs)).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn alone_refused(pairs: &[(&str, &str)]) -> String {
    load(&Source::Environment, &with(pairs))
        .unwrap_err()
        .to_string()
}

#[test]
fn an_empty_environment_is_a_whole_configuration() {
    let loaded = alone(&[]);
    let config = &loaded.config;
    assert_eq!(config.upstreams[0].name, "default");
    assert_eq!(
        config.upstreams[0].url.to_string(),
        "http://127.0.0.1:8000/v1"
    );
    assert_eq!(config.upstreams[0].family, Family::Other);
    assert_eq!(config.upstreams[0].key_file, None);
    assert_eq!((config.wildcard, config.aliases.len()), (Some(0), 0));
    assert_eq!(config.routes[0].name, "default");
    assert_eq!(config.routes[0].aliases, ["*"]);
    assert_eq!(config.routes[0].targets[0].model, None);
    assert_eq!((config.listen.port(), config.admin.port()), (8787, 8788));
    assert_eq!(
        config.callers.token_file,
        Path::new("/home/op/.openclaw/token")
    );
    assert_eq!((&loaded.text, loaded.warnings.as_slice()), (&None, &[][..]));
}

#[test]
fn every_variable_has_its_effect_alone() {
    let loaded = alone(&[
        ("OPENAI_BASE_URL", "https://api.example.com/v1"),
        ("OPENAI_API_KEY_FILE", "~/key"),
        ("OPENCLAW_GATEWAY_PORT", "9000"),
        ("OPENCLAW_TOKEN_FILE", "/t"),
        ("SKILL_RETRY_MAX", "0"),
        ("SKILL_RETRY_BASE_MS", "100"),
        ("CIRCUIT_FAILURE_THRESHOLD", "2"),
        ("CIRCUIT_COOL_DOWN_SEC", "60"),
    ]);
    let config = &loaded.config;
    let route = &config.routes[0];
    assert_eq!(config.upstreams[0].family, Family::Openai);
    assert_eq!(
        config.upstreams[0].key_file.as_deref(),
        Some(Path::new("/home/op/key"))
    );
    assert_eq!((config.listen.port(), config.admin.port()), (9000, 9001));
    assert_eq!(config.callers.token_file, Path::new("/t"));
    assert_eq!(
        (route.retry.max, route.retry.base),
        (0, Duration::from_millis(100))
    );
    assert_eq!(route.breaker.threshold, 2);
    assert_eq!(route.breaker.cool_down, Duration::from_secs(60));
    assert_eq!(
        from(&loaded, "admin").1,
        "environment variable OPENCLAW_GATEWAY_PORT"
    );
    assert_eq!(
        from(&loaded, "upstreams.default.family").1,
        "default, guessed from OPENAI_BASE_URL"
    );
}

#[test]
fn a_base_url_that_is_ourselves_is_a_mistake() {
    for url in [
        "http://127.0.0.1:8787/v1",
        "http://localhost:8788/v1",
        "http://[::1]:8787/v1",
    ] {
        let text = alone_refused(&[("OPENAI_BASE_URL", url)]);
        let start = "environment variable OPENAI_BASE_URL: upstreams.default.url: ";
        assert!(
            text.starts_with(start) && text.contains("is our own"),
            "{text}"
        );
    }
}

#[test]
fn a_file_keeps_its_address_and_loses_its_port() {
    let environment = with(&[("OPENCLAW_GATEWAY_PORT", "9000")]);
    let text = format!("listen: \"[::1]:1\"\nadmin: 127.0.0.1:2\n{MINIMAL}");
    let config = load_text("f.yaml", &text, &environment).unwrap().config;
    assert_eq!(config.listen.to_string(), "[::1]:9000");
    assert_eq!(config.admin.to_string(), "127.0.0.1:2");
}

#[test]
fn the_environment_beats_the_file_and_a_route_beats_both() {
    let environment = with(&[
        ("SKILL_RETRY_MAX", "7"),
        ("SKILL_RETRY_BASE_MS", "70"),
        ("CIRCUIT_COOL_DOWN_SEC", "7"),
        ("OPENCLAW_TOKEN_FILE", "~/t"),
    ]);
    let text = MINIMAL.replace("{alias:", "{retry: {max: 1}, alias:");
    let text = format!("retry: {{max: 5, base: 5s}}\ncallers: {{token_file: /f}}\n{text}");
    let config = load_text("f.yaml", &text, &environment).unwrap().config;
    assert_eq!(config.routes[0].retry.max, 1);
    assert_eq!(config.routes[0].retry.base, Duration::from_millis(70));
    assert_eq!(config.routes[0].breaker.cool_down, Duration::from_secs(7));
    assert_eq!(config.callers.token_file, Path::new("/home/op/t"));
}

#[test]
fn variables_for_the_mode_without_a_file_are_ignored_beside_one_aloud() {
    let environment = with(&[
        ("OPENAI_BASE_URL", "http://x/v1"),
        ("OPENAI_API_KEY_FILE", "/k"),
        ("OPENAI_API_KEY", "k"),
    ]);
    let loaded = load_text("f.yaml", MINIMAL, &environment).unwrap();
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "environment variable OPENAI_BASE_URL: is ignored, because there is a configuration file; write it there",
            "environment variable OPENAI_API_KEY_FILE: is ignored, because there is a configuration file; write it there",
            "environment variable OPENAI_API_KEY: is never read: put the key into a file with mode 0400 and name that file",
        ]
    );
    assert_eq!(loaded.config.upstreams[0].url.host, "127.0.0.1");
}

#[test]
fn wrong_variables_are_named_all_at_once() {
    let text = alone_refused(&[
        ("OPENCLAW_GATEWAY_PORT", "http"),
        ("SKILL_RETRY_MAX", "99"),
        ("SKILL_RETRY_BASE_MS", "250ms"),
        ("CIRCUIT_FAILURE_THRESHOLD", "0"),
        ("CIRCUIT_COOL_DOWN_SEC", "99999999999999999999"),
        ("OPENCLAW_TOKEN_FILE", "token"),
        ("OPENAI_BASE_URL", "ftp://x"),
    ]);
    assert_eq!(
        text,
        "\
7 mistakes in the configuration:
environment variable CIRCUIT_COOL_DOWN_SEC: breaker.cool_down: `99999999999999999999s` is longer than can be counted (accepted: a duration with units such as `250ms`, `2s` or `9m30s`, from 1ms to 24h)
environment variable CIRCUIT_FAILURE_THRESHOLD: breaker.threshold: `0` is too small (accepted: a whole number from 1 to 1000)
environment variable OPENAI_BASE_URL: upstreams.default.url: `ftp://x` is neither http:// nor https:// (accepted: a URL such as `http://127.0.0.1:8000/v1`)
environment variable OPENCLAW_GATEWAY_PORT: listen: `http` is no port (accepted: a whole number from 1 to 65535)
environment variable OPENCLAW_TOKEN_FILE: callers.token_file: `token` is a relative path (accepted: a path that begins with `/` or `~/`)
environment variable SKILL_RETRY_BASE_MS: retry.base: `250ms` is not a whole number of milliseconds
environment variable SKILL_RETRY_MAX: retry.max: `99` is too large (accepted: a whole number from 0 to 20)"
    );
}

#[test]
fn the_last_port_leaves_none_for_the_admin_listener() {
    let text = alone_refused(&[("OPENCLAW_GATEWAY_PORT", "65535")]);
    assert!(text.contains("65535 leaves no next port"), "{text}");
}

#[test]
fn a_port_that_meets_the_files_admin_port_is_the_variables_mistake() {
    let text = refused(MINIMAL, &with(&[("OPENCLAW_GATEWAY_PORT", "8788")]));
    assert!(
        text.starts_with("environment variable OPENCLAW_GATEWAY_PORT: listen: port 8788 is wanted"),
        "{text}"
    );
}

#[test]
fn without_a_home_folder_whole_paths_do() {
    let nowhere = Environment::default();
    let text = refused(MINIMAL, &nowhere);
    assert!(
        text.contains("default: state_dir: `~/.sidegate` needs HOME"),
        "{text}"
    );
    let whole = "state_dir: /s\ncallers: {token_file: /t}\ndisk: {watch: [/s]}\n";
    load_text("f.yaml", &format!("{whole}{MINIMAL}"), &nowhere).unwrap();
}
