//! `sidegate routes`: what every model name means, in the one table that is read in an incident.

mod listing;

use super::live::{self, Silence, State};
use super::output::{complain, show};
use super::table::{or_dash, Table};
use super::{Context, Exit};
use crate::config::{print_duration, Config, Route, Target, Timeouts};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON, durations in seconds.
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let config = match context.config() {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let state = live::state(context);
    if let Err(silence) = &state {
        if !matches!(silence, Silence::Nobody { .. }) {
            complain(&format!("warning: no live state: {silence}"));
        }
    }
    match arguments.json {
        true => show(&listing::json(&config, state.as_ref().ok())),
        false => show(&text(&config, state.as_ref())),
    }
    Exit::Done
}

/// The same table as JSON, for what is shared with others.
pub fn listing(config: &Config, state: Option<&State>) -> serde_json::Value {
    serde_json::from_str(&listing::json(config, state)).unwrap_or_default()
}

fn text(config: &Config, state: Result<&State, &Silence>) -> String {
    let source = match state {
        Ok(state) => format!(
            "live state from the gateway, generation {}",
            state.config.generation
        ),
        Err(nobody @ Silence::Nobody { .. }) => format!("{nobody}: no live state"),
        // Why was said as a warning.
        Err(
            Silence::Strange { .. }
            | Silence::Elsewhere { .. }
            | Silence::Waiting { .. }
            | Silence::Held { .. },
        ) => "no live state".to_owned(),
    };
    let (routes, targets) = (routes(config).text(), targets(config, state.ok()).text());
    format!("{routes}\n{targets}\n{source}\n")
}

fn routes(config: &Config) -> Table {
    let mut table = Table::new(&[
        "ROUTE",
        "ALIASES",
        "LANE",
        "MAX TOKENS",
        "CONNECT",
        "HEADER",
        "FIRST TOKEN",
        "IDLE",
        "PLAIN",
        "TOTAL",
        "RETRIES",
        "BREAKER",
    ]);
    for route in &config.routes {
        let Timeouts {
            connect,
            header,
            first_token,
            first_token_max,
            idle,
            plain,
            total,
        } = route.timeouts;
        let (threshold, cool_down) = (
            route.breaker.threshold,
            print_duration(route.breaker.cool_down),
        );
        table.add([
            route.name.clone(),
            route.aliases.join(","),
            route.lane.as_str().to_owned(),
            or_dash(route.max_tokens),
            print_duration(connect),
            print_duration(header),
            format!(
                "{}..{}",
                print_duration(first_token),
                print_duration(first_token_max)
            ),
            print_duration(idle),
            print_duration(plain),
            print_duration(total),
            route.retry.max.to_string(),
            format!("{threshold} for {cool_down}"),
        ]);
    }
    table
}

fn targets(config: &Config, state: Option<&State>) -> Table {
    let mut table = Table::new(&[
        "ROUTE",
        "TIER",
        "UPSTREAM",
        "FAMILY",
        "MODEL",
        "CONTEXT",
        "WEIGHT",
        "NOW",
        "STREAMS NOW",
    ]);
    for route in &config.routes {
        let mut targets: Vec<&Target> = route.targets.iter().collect();
        targets.sort_by_key(|target| target.tier);
        for target in targets {
            let Some(upstream) = config.upstreams.get(target.upstream) else {
                continue;
            };
            let now = live_target(state, route, &upstream.name, target);
            let now = state.zip(now).map(|(state, now)| state.in_words(now));
            let live = state.and_then(|state| state.upstream(&upstream.name));
            table.add([
                route.name.clone(),
                target.tier.to_string(),
                upstream.name.clone(),
                upstream.family.as_str().to_owned(),
                target
                    .model
                    .clone()
                    .unwrap_or_else(|| "as asked".to_owned()),
                or_dash(target.context),
                target.weight.to_string(),
                or_dash(now),
                or_dash(live.map(|live| format!("{}/{}", live.in_flight, live.streams))),
            ]);
        }
    }
    table
}

/// As the gateway that runs has it.
fn live_target<'a>(
    state: Option<&'a State>,
    route: &Route,
    upstream: &str,
    target: &Target,
) -> Option<&'a live::Target> {
    state?.target(&route.name, upstream, target.model.as_deref())
}

#[cfg(test)]
mod tests {
    use super::listing::json;
    use super::*;
    use crate::config::Environment;

    const YAML: &str = "
upstreams:
  a: {url: 'http://127.0.0.1:1/v1', family: vllm}
  b: {url: 'http://127.0.0.1:2/v1', family: ollama}
routes:
  chat:
    alias: [small, default]
    targets:
      - {upstream: b, model: spare, tier: 1}
      - {upstream: a, model: big, context: 4096}
    max_tokens: 512
  rest:
    alias: ['*']
    targets: [{upstream: a}]
";

    fn config() -> Config {
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        crate::config::load_text("test", YAML, &environment)
            .unwrap()
            .config
    }

    fn state() -> State {
        let text = r#"{"version": "1", "config": {"generation": 7, "file": null, "last_reload": null},
            "routes": [{"name": "chat", "targets": [
                {"upstream": "a", "model": "big",
                 "breaker": {"state": "open", "consecutive_failures": 5, "retry_in_seconds": 40}}]}],
            "upstreams": [{"name": "a", "family": "vllm", "in_flight": 3, "streams": 16, "healthy": null,
                           "last_failure": null}]}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_table_says_what_a_name_means_and_what_is_open_now() {
        let text = text(&config(), Ok(&state()));
        let line = |starts: &[&str]| {
            let mut lines = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>());
            lines.find(|words| words.starts_with(starts)).unwrap()
        };
        assert_eq!(
            line(&["chat", "small,default"]),
            [
                "chat",
                "small,default",
                "interactive",
                "512",
                "2s",
                "30s",
                "1m..10m",
                "30s",
                "9m",
                "9m30s",
                "3",
                "5",
                "for",
                "5m"
            ]
        );
        assert_eq!(
            line(&["chat", "0"]),
            ["chat", "0", "a", "vllm", "big", "4096", "1", "open,", "probe", "in", "40s", "3/16"]
        );
        assert_eq!(
            line(&["chat", "1"]),
            ["chat", "1", "b", "ollama", "spare", "-", "1", "-", "-"]
        );
        assert_eq!(line(&["rest", "0"])[4..6], ["as", "asked"]);
        assert!(text.ends_with("generation 7\n"));
    }

    #[test]
    fn without_a_gateway_nothing_is_live() {
        let listing: serde_json::Value = serde_json::from_str(&json(&config(), None)).unwrap();
        assert_eq!(listing["generation"], serde_json::Value::Null);
        let target = &listing["routes"][0]["targets"][1];
        assert_eq!(
            (&target["upstream"], &target["context"]),
            (&"a".into(), &4096.into())
        );
        assert_eq!(target["breaker"], serde_json::Value::Null);
        assert_eq!(listing["routes"][0]["timeouts_seconds"]["total"], 570.0);
        let nobody = Silence::Nobody {
            state_dir: "/home/us/.sidegate".into(),
        };
        assert!(text(&config(), Err(&nobody)).contains("no gateway runs"));
    }

    #[test]
    fn json_has_the_live_breaker() {
        let listing: serde_json::Value =
            serde_json::from_str(&json(&config(), Some(&state()))).unwrap();
        let target = &listing["routes"][0]["targets"][1];
        assert_eq!(target["breaker"]["state"], "open");
        assert_eq!(target["in_flight"], 3);
    }
}
