//! The routes as JSON, for scripts.

use serde::Serialize;

use super::live_target;
use crate::cli::live::{Breaker, State};
use crate::config::{Config, Route, Target};

#[derive(Serialize)]
struct Listing<'a> {
    /// None when no gateway runs.
    generation: Option<u64>,
    routes: Vec<RouteRow<'a>>,
}

#[derive(Serialize)]
struct RouteRow<'a> {
    name: &'a str,
    aliases: &'a [String],
    lane: &'static str,
    max_tokens: Option<u64>,
    max_prompt_bytes: u64,
    timeouts_seconds: Seconds,
    retry_max: u32,
    breaker_threshold: u32,
    breaker_cool_down_seconds: f64,
    targets: Vec<TargetRow<'a>>,
}

#[derive(Serialize)]
struct Seconds {
    connect: f64,
    header: f64,
    first_token: f64,
    first_token_max: f64,
    idle: f64,
    plain: f64,
    total: f64,
}

#[derive(Serialize)]
struct TargetRow<'a> {
    upstream: &'a str,
    family: &'static str,
    /// None where the client's name passes through.
    model: Option<&'a str>,
    tier: u32,
    weight: u32,
    context: Option<u64>,
    /// As the gateway that runs has it; none when none runs.
    breaker: Option<Breaker>,
    /// After a 429; null where it isn't.
    left_alone_seconds: Option<u64>,
    /// Out of use by an operator's order; null when no gateway runs.
    draining: Option<bool>,
    in_flight: Option<u64>,
}

/// Durations are seconds, and what isn't known is null.
pub fn json(config: &Config, state: Option<&State>) -> String {
    let listing = Listing {
        generation: state.map(|state| state.config.generation),
        routes: config
            .routes
            .iter()
            .map(|route| route_row(config, route, state))
            .collect(),
    };
    let mut text = serde_json::to_string_pretty(&listing).unwrap_or_default();
    text.push('\n');
    text
}

fn route_row<'a>(config: &'a Config, route: &'a Route, state: Option<&State>) -> RouteRow<'a> {
    let timeouts = &route.timeouts;
    RouteRow {
        name: &route.name,
        aliases: &route.aliases,
        lane: route.lane.as_str(),
        max_tokens: route.max_tokens,
        max_prompt_bytes: route.max_prompt_bytes,
        timeouts_seconds: Seconds {
            connect: timeouts.connect.as_secs_f64(),
            header: timeouts.header.as_secs_f64(),
            first_token: timeouts.first_token.as_secs_f64(),
            first_token_max: timeouts.first_token_max.as_secs_f64(),
            idle: timeouts.idle.as_secs_f64(),
            plain: timeouts.plain.as_secs_f64(),
            total: timeouts.total.as_secs_f64(),
        },
        retry_max: route.retry.max,
        breaker_threshold: route.breaker.threshold,
        breaker_cool_down_seconds: route.breaker.cool_down.as_secs_f64(),
        targets: route
            .targets
            .iter()
            .filter_map(|target| target_row(config, route, target, state))
            .collect(),
    }
}

fn target_row<'a>(
    config: &'a Config,
    route: &Route,
    target: &'a Target,
    state: Option<&State>,
) -> Option<TargetRow<'a>> {
    let upstream = config.upstreams.get(target.upstream)?;
    let now = live_target(state, route, &upstream.name, target);
    let server = state.and_then(|state| state.upstream(&upstream.name));
    Some(TargetRow {
        upstream: &upstream.name,
        family: upstream.family.as_str(),
        model: target.model.as_deref(),
        tier: target.tier,
        weight: target.weight,
        context: target.context,
        breaker: now.map(|now| now.breaker.clone()),
        left_alone_seconds: now.and_then(|now| now.left_alone_seconds),
        draining: server.map(|server| server.draining),
        in_flight: server.map(|server| server.in_flight),
    })
}
