//! Small configurations to bind metrics to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::{
    Balance, Breaker, Callers, Commit, Config, Disk, Family, Lane, LaneLimits, Lanes, Limits, Logs,
    MaxTokensField, Retry, RetryBudget, Route, Target, Timeouts, Upstream, UpstreamTls,
    UpstreamUrl,
};

pub fn target(upstream: usize, model: Option<&str>) -> Target {
    Target {
        upstream,
        model: model.map(str::to_owned),
        weight: 1,
        tier: 0,
        context: None,
        max_tokens_field: MaxTokensField::MaxTokens,
    }
}

pub fn route(name: &str, targets: Vec<Target>) -> Route {
    let second = Duration::from_secs(1);
    Route {
        name: name.to_owned(),
        aliases: vec![name.to_owned()],
        lane: Lane::Interactive,
        targets,
        balance: Balance::LeastBusy,
        affinity: None,
        max_tokens: None,
        max_prompt_bytes: 1 << 20,
        timeouts: Timeouts {
            connect: second,
            header: second,
            first_token: second,
            first_token_max: second,
            idle: second,
            plain: second,
            total: second,
        },
        retry: Retry {
            max: 3,
            base: second,
            cap: second,
            statuses: vec![429],
            retry_after_cap: second,
            budget: RetryBudget {
                percent: 20,
                floor: 10,
                window: second,
            },
        },
        breaker: Breaker {
            threshold: 5,
            cool_down: second,
        },
        commit: Commit::FirstToken,
        keepalive: None,
        queue_position: false,
        resend_with_idempotency_key: false,
        budget: None,
    }
}

pub fn upstream(name: &str, family: Family) -> Upstream {
    Upstream {
        name: name.to_owned(),
        url: UpstreamUrl {
            https: false,
            host: "127.0.0.1".to_owned(),
            port: 8000,
            base_path: "/v1".to_owned(),
        },
        family,
        key_file: None,
        tls: UpstreamTls::default(),
        streams: 16,
        streams_are_its_own: false,
        prompt_bytes_in_flight: 1 << 20,
        health: None,
        pressure: None,
        request_headers: Vec::new(),
        response_headers: Vec::new(),
    }
}

pub fn config(routes: Vec<Route>, upstreams: Vec<Upstream>) -> Config {
    let address: SocketAddr = "127.0.0.1:8787".parse().unwrap();
    let lane = |streams| LaneLimits {
        streams,
        queue: 64,
        patience: Duration::from_secs(5),
    };
    Config {
        listen: address,
        tls: None,
        admin: address,
        state_dir: PathBuf::new(),
        threads: 2,
        drain: Duration::ZERO,
        callers: Callers {
            token_file: PathBuf::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            limits: Default::default(),
        },
        upstreams,
        routes,
        aliases: HashMap::new(),
        wildcard: None,
        lanes: Lanes {
            interactive: lane(32),
            batch: lane(8),
        },
        limits: Limits {
            request_body: 0,
            bodies_in_flight: 0,
            held_answer: 0,
            header_bytes: 0,
            headers: 0,
            connections: None,
        },
        breaker_file: PathBuf::new(),
        skills_dir: PathBuf::new(),
        logs: Logs {
            dir: PathBuf::new(),
            max_bytes: 0,
            max_age: Duration::from_secs(86_400),
            keep: 0,
            level: log::LevelFilter::Info,
        },
        disk: Disk {
            watch: vec![PathBuf::from("/data")],
            alert_percent: 80,
        },
        telemetry: None,
        shared_redis: None,
    }
}
