use super::*;
use crate::config::*;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

fn route(name: &str, aliases: &[&str]) -> Route {
    let some = Duration::from_secs(1);
    Route {
        name: name.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        lane: Lane::Interactive,
        targets: Vec::new(),
        balance: Balance::LeastBusy,
        affinity: None,
        max_tokens: None,
        max_prompt_bytes: 1,
        timeouts: Timeouts {
            connect: some,
            header: some,
            first_token: some,
            first_token_max: some,
            idle: some,
            plain: some,
            total: some,
        },
        retry: Retry {
            max: 3,
            base: some,
            cap: some,
            statuses: Vec::new(),
            retry_after_cap: some,
            budget: RetryBudget {
                percent: 20,
                floor: 10,
                window: some,
            },
        },
        breaker: Breaker {
            threshold: 5,
            cool_down: some,
        },
        commit: Commit::FirstToken,
        keepalive: None,
        queue_position: false,
        resend_with_idempotency_key: false,
        budget: None,
    }
}

fn config(routes: Vec<Route>) -> Config {
    let named = |name: &str| {
        let routes = routes.iter().enumerate();
        routes
            .flat_map(|(index, route)| {
                route
                    .aliases
                    .iter()
                    .map(move |alias| (alias.clone(), index))
            })
            .filter(|(alias, _)| (alias == "*") == (name == "*"))
            .collect::<HashMap<_, _>>()
    };
    let (aliases, wildcard) = (named("aliases"), named("*").get("*").copied());
    let lane = LaneLimits {
        streams: 1,
        queue: 1,
        patience: Duration::ZERO,
    };
    Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        admin: "127.0.0.1:0".parse().unwrap(),
        state_dir: "state".into(),
        threads: 1,
        drain: Duration::ZERO,
        callers: Callers {
            token_file: "token".into(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            limits: BTreeMap::new(),
        },
        upstreams: Vec::new(),
        aliases,
        wildcard,
        routes,
        lanes: Lanes {
            interactive: lane.clone(),
            batch: lane,
        },
        limits: Limits {
            request_body: 1,
            bodies_in_flight: 1,
            held_answer: 1,
            header_bytes: 1,
            headers: 1,
            connections: None,
        },
        breaker_file: "breakers".into(),
        skills_dir: "skills".into(),
        logs: Logs {
            dir: "logs".into(),
            max_bytes: 1,
            max_age: Duration::from_secs(86_400),
            keep: 1,
            level: log::LevelFilter::Info,
        },
        disk: Disk {
            watch: Vec::new(),
            alert_percent: 80,
        },
        telemetry: None,
        shared_redis: None,
    }
}

fn two_routes() -> Config {
    config(vec![
        route("chat", &["qwen3-32b", "default"]),
        route("small", &["qwen3-4b"]),
    ])
}

fn nearest_model(config: &Config, model: &str) -> Option<String> {
    match pick(config, Some(model), None) {
        Err(Unknown::Model { nearest }) => nearest.map(str::to_owned),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_alias_means_its_route_byte_for_byte() {
    let config = two_routes();
    assert_eq!(pick(&config, Some("default"), None), Ok(0));
    assert_eq!(pick(&config, Some("qwen3-4b"), None), Ok(1));
    for model in ["Default", "default ", "", "chat", "*", "qwen3-4b\0"] {
        assert!(
            matches!(pick(&config, Some(model), None), Err(Unknown::Model { .. })),
            "{model}"
        );
    }
}

#[test]
fn a_star_takes_any_name_that_no_alias_has() {
    let config = config(vec![route("all", &["*"]), route("chat", &["default"])]);
    assert_eq!(pick(&config, Some("default"), None), Ok(1));
    assert_eq!(pick(&config, Some("anything/at all"), None), Ok(0));
    assert_eq!(pick(&config, None, None), Err(Unknown::Nameless));
}

#[test]
fn the_header_names_a_route_where_the_body_names_no_model() {
    let config = two_routes();
    assert_eq!(pick(&config, None, Some("small")), Ok(1));
    assert_eq!(
        pick(&config, None, Some("default")),
        Err(Unknown::Route { nearest: None })
    );
    assert_eq!(
        pick(&config, None, Some("smal")),
        Err(Unknown::Route {
            nearest: Some("small")
        })
    );
    assert_eq!(pick(&config, Some("default"), Some("small")), Ok(0));
    assert!(pick(&config, Some("unknown"), Some("small")).is_err());
}

#[test]
fn a_slip_is_offered_the_nearest_alias() {
    let config = two_routes();
    for (model, nearest) in [
        ("qwen3-32B", Some("qwen3-32b")),
        ("QWEN3-4B", Some("qwen3-4b")),
        ("qwen3-32", Some("qwen3-32b")),
        ("defualt", Some("default")),
        ("gpt-4o", None),
        ("", None),
        (&"qwen3-32b".repeat(100_000), None),
    ] {
        assert_eq!(nearest_model(&config, model).as_deref(), nearest, "{model}");
    }
}

#[test]
fn of_two_that_are_equally_near_the_first_is_offered() {
    let config = config(vec![route("b", &["model-b"]), route("a", &["model-a"])]);
    assert_eq!(
        nearest_model(&config, "model-x").as_deref(),
        Some("model-b")
    );
}

#[test]
fn a_star_is_never_offered() {
    let mut config = two_routes();
    config.routes[0].aliases.insert(0, "*".to_owned());
    assert_eq!(nearest_model(&config, "*").as_deref(), None);
}
