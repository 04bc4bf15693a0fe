//! What holds where nothing is written, and what gives way to what.

use super::*;
use crate::config::model::{Balance, Commit, Lane, LaneLimits, MaxTokensField};

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn the_smallest_file_has_every_default() {
    let config = loaded(MINIMAL).config;
    let home = Path::new("/home/op");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.admin.to_string(), "127.0.0.1:8788");
    assert_eq!(config.state_dir, home.join(".sidegate"));
    assert_eq!(config.breaker_file, home.join(".sidegate/run/breakers.v1"));
    assert_eq!(config.skills_dir, home.join(".sidegate/skills"));
    assert_eq!(config.logs.dir, home.join(".sidegate/logs"));
    assert_eq!(config.logs.max_age, secs(86_400));
    assert_eq!(config.callers.token_file, home.join(".openclaw/token"));
    assert_eq!((config.threads, config.drain), (2, secs(15)));
    assert_eq!(
        config.disk.watch,
        [
            home,
            &home.join(".cache/huggingface"),
            &home.join(".sidegate/logs")
        ]
    );
    assert_eq!(
        (config.telemetry, config.shared_redis, config.tls),
        (None, None, None)
    );
    let batch = LaneLimits {
        streams: 8,
        queue: 512,
        patience: secs(300),
    };
    assert_eq!(config.lanes.batch, batch);
    assert_eq!(config.limits.connections, None);
    assert_eq!(config.limits.held_answer, 16 << 20);
    assert_eq!(config.aliases.get("m"), Some(&0));
    assert_eq!(config.wildcard, None);
}

#[test]
fn a_route_has_every_default() {
    let config = loaded(MINIMAL).config;
    let route = &config.routes[0];
    assert_eq!(
        (route.lane, route.balance, route.commit),
        (Lane::Interactive, Balance::LeastBusy, Commit::FirstToken)
    );
    assert_eq!(
        (route.keepalive, route.max_tokens, route.max_prompt_bytes),
        (None, None, 8 << 20)
    );
    assert_eq!(
        route.timeouts,
        Timeouts {
            connect: secs(2),
            header: secs(30),
            first_token: secs(60),
            first_token_max: secs(600),
            idle: secs(30),
            plain: secs(540),
            total: secs(570),
        }
    );
    assert_eq!(
        route.retry,
        Retry {
            max: 3,
            base: Duration::from_millis(250),
            cap: secs(8),
            statuses: vec![429, 503, 529],
            retry_after_cap: secs(60),
            budget: RetryBudget {
                percent: 20,
                floor: 10,
                window: secs(10)
            },
        }
    );
    assert_eq!(
        route.breaker,
        Breaker {
            threshold: 5,
            cool_down: secs(300)
        }
    );
    let target = &route.targets[0];
    assert_eq!((target.weight, target.tier, target.context), (1, 0, None));
    assert_eq!(target.max_tokens_field, MaxTokensField::MaxTokens);
    assert!(!route.queue_position && !route.resend_with_idempotency_key);
}

#[test]
fn folders_follow_the_state_folder() {
    let loaded = loaded(&format!("state_dir: /var/sg\n{MINIMAL}"));
    assert_eq!(
        loaded.config.breaker_file,
        Path::new("/var/sg/run/breakers.v1")
    );
    assert_eq!(loaded.config.logs.dir, Path::new("/var/sg/logs"));
    assert_eq!(loaded.config.skills_dir, Path::new("/var/sg/skills"));
    assert_eq!(loaded.config.disk.watch[2], Path::new("/var/sg/logs"));
    assert_eq!(from(&loaded, "logs.dir").1, "default, below `state_dir`");
}

#[test]
fn an_odd_home_folder_survives_the_defaults() {
    let environment = Environment::from_pairs([("HOME", "/home/o \"p\" \\n#: x")]);
    let loaded = load_text("f.yaml", MINIMAL, &environment).unwrap();
    assert_eq!(
        loaded.config.logs.dir,
        Path::new("/home/o \"p\" \\n#: x/.sidegate/logs")
    );
}

#[test]
fn places_go_by_family() {
    for (family, streams) in [
        ("llama.cpp", 4),
        ("ollama", 1),
        ("lmstudio", 4),
        ("vllm", 16),
        ("mlx", 16),
    ] {
        let text = MINIMAL.replace("{url:", &format!("{{family: {family}, url:"));
        assert_eq!(
            loaded(&text).config.upstreams[0].streams,
            streams,
            "{family}"
        );
    }
}

#[test]
fn a_batch_route_waits_for_the_whole_answer_and_keeps_the_client_company() {
    let text = MINIMAL.replace("{alias:", "{lane: batch, alias:");
    let route = loaded(&text).config.routes.remove(0);
    assert_eq!(
        (route.commit, route.keepalive),
        (Commit::Whole, Some(secs(10)))
    );
    let text = MINIMAL.replace("{alias:", "{lane: batch, keepalive: off, alias:");
    assert_eq!(loaded(&text).config.routes[0].keepalive, None);
}

#[test]
fn a_default_gives_way_to_what_is_written() {
    let text = MINIMAL.replace(
        "{alias:",
        "{timeouts: {total: 20s, first_token_max: 10s}, alias:",
    );
    let loaded_ = loaded(&format!("limits: {{request_body: 1MiB}}\n{text}"));
    let route = &loaded_.config.routes[0];
    assert_eq!(route.timeouts.plain, secs(20));
    assert_eq!(route.timeouts.first_token, secs(10));
    assert_eq!(route.timeouts.connect, secs(2));
    assert_eq!(route.max_prompt_bytes, 1 << 20);
    assert_eq!(
        from(&loaded_, "routes.chat.timeouts.plain").1,
        "default, cut to `total`"
    );
}

#[test]
fn a_routes_own_keys_win_key_by_key() {
    let text = MINIMAL.replace(
        "{alias:",
        "{retry: {max: 1, budget: {floor: 2}}, breaker: {cool_down: 10s}, alias:",
    );
    let top = "retry: {max: 9, base: 1s, budget: {percent: 5}}\nbreaker: {threshold: 2}\n";
    let route = loaded(&format!("{top}{text}")).config.routes.remove(0);
    assert_eq!((route.retry.max, route.retry.base), (1, secs(1)));
    assert_eq!(
        (route.retry.budget.percent, route.retry.budget.floor),
        (5, 2)
    );
    assert_eq!(
        route.breaker,
        Breaker {
            threshold: 2,
            cool_down: secs(10)
        }
    );
}

#[test]
fn anchors_and_merges_mean_what_they_mean_in_yaml() {
    let text = "\
upstreams: {a: {url: http://127.0.0.1:8000/v1}}
routes:
  one: &one
    alias: [one]
    timeouts: &t {total: 20s}
    targets: &targets [{upstream: a, model: M}]
  two:
    <<: *one
    alias: [two]
    timeouts: {<<: *t, idle: 5s}
  three: {alias: [three], targets: *targets}
";
    let config = loaded(text).config;
    assert_eq!(config.routes[1].targets, config.routes[0].targets);
    assert_eq!(config.routes[1].timeouts.total, secs(20));
    assert_eq!(config.routes[1].timeouts.idle, secs(5));
    assert_eq!(config.aliases.len(), 3);
}

#[test]
fn a_server_name_is_never_empty_for_https() {
    let text = MINIMAL.replace("http://127.0.0.1:8000", "https://API.example.com");
    let upstream = loaded(&text).config.upstreams.remove(0);
    assert_eq!(upstream.tls.server_name.as_deref(), Some("api.example.com"));
    assert_eq!(upstream.url.port, 443);
}

#[test]
fn a_key_goes_over_loopback_or_tls() {
    let key = "{key_file: ~/k, url:";
    for host in [
        "http://localhost:8000",
        "http://[::1]:8000",
        "https://10.0.0.1",
    ] {
        let text = MINIMAL
            .replace("{url:", key)
            .replace("http://127.0.0.1:8000", host);
        let config =
            loaded(&text.replace("url: http://[::1]:8000/v1", "url: \"http://[::1]:8000/v1\""))
                .config;
        assert_eq!(
            config.upstreams[0].key_file.as_deref(),
            Some(Path::new("/home/op/k"))
        );
    }
}
