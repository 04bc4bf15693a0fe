//! `sidegate breakers reset`: closes breakers by hand, once the server behind them is mended.
//!
//! The gateway that runs is told, so that it knows; without one the file is changed, and the next start finds them closed.

use std::fmt;

use serde::Deserialize;

use super::listing::ANY_MODEL;
use super::read;
use crate::breaker::{Breakers, Key, View};
use crate::cli::live::{self, Silence, State};
use crate::cli::output::{complain, show};
use crate::cli::{Context, Exit};
use crate::clock;
use crate::config::{self, Config};
use crate::http_client::Reply;
use crate::platform;

#[derive(clap::Args)]
pub struct Arguments {
    /// Of all models of the upstream, or of one; the first slash divides them, as in spare/org/model.
    #[arg(value_name = "UPSTREAM[/MODEL]", value_parser = Which::parse)]
    which: Which,
}

/// Whose breakers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Which {
    upstream: String,
    /// None means all.
    model: Option<String>,
}

#[derive(Deserialize)]
struct Done {
    /// How many weren't closed.
    reset: usize,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let which = &arguments.which;
    match live::ask(context, "POST", &which.path()) {
        Ok(reply) => heard(context, which, &reply),
        Err(Silence::Nobody { .. } | Silence::Held { .. } | Silence::Waiting { .. }) => {
            in_file(context, which)
        }
        Err(silence) => live::explain(context, &silence),
    }
}

/// What the gateway made of it.
fn heard(context: &Context, which: &Which, reply: &Reply) -> Exit {
    if reply.status == 404 {
        return match live::state(context) {
            Ok(state) => unknown(which, &names_of_gateway(&state)),
            Err(silence) => live::explain(context, &silence),
        };
    }
    match live::read::<Done>(context, reply) {
        Ok(done) => say(which, done.reset, "by the gateway that runs"),
        Err(silence) => live::explain(context, &silence),
    }
}

fn in_file(context: &Context, which: &Which) -> Exit {
    let config = match config::load(&context.source, &context.environment) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => {
            complain(&mistakes.to_string());
            return Exit::Configuration;
        }
    };
    let keys = keys(&config, which);
    if keys.is_empty() {
        return unknown(which, &names(&config));
    }
    match reset(&config, &keys) {
        Ok(reset) => say(which, reset, "in the file, as no gateway runs"),
        Err(exit) => exit,
    }
}

/// Resets what has seen anything. Asking for the others would take records of the file for nothing, and opening a file that
/// isn't there or isn't good would make one.
fn reset(config: &Config, keys: &[Key]) -> Result<usize, Exit> {
    let file = &config.breaker_file;
    let Some(picture) = read(file)? else {
        return Ok(0);
    };
    let now = clock::since_boot().into();
    let marked: Vec<&Key> = keys
        .iter()
        .filter(|key| picture.look(key, now) != View::CLOSED)
        .collect();
    if marked.is_empty() {
        return Ok(0);
    }
    let (breakers, problem) = Breakers::open(file, platform::boot_id());
    if let Some(problem) = &problem {
        complain(&format!("sidegate: {problem}"));
    }
    if !breakers.is_shared() {
        return Err(Exit::Failure);
    }
    let closed = marked
        .into_iter()
        .filter(|key| breakers.slot(key).reset(now));
    Ok(closed.count())
}

fn say(which: &Which, reset: usize, how: &str) -> Exit {
    show(&match reset {
        0 => format!("{which}: not open; what it had counted is forgotten, {how}\n"),
        1 => format!("{which}: 1 breaker is closed again, {how}\n"),
        count => format!("{which}: {count} breakers are closed again, {how}\n"),
    });
    Exit::Done
}

fn unknown(which: &Which, names: &[String]) -> Exit {
    complain(&format!(
        "sidegate: no route names {which} (there are: {})",
        names.join(", ")
    ));
    Exit::Usage
}

/// Each breaker once.
fn keys(config: &Config, which: &Which) -> Vec<Key> {
    let mut keys = Vec::new();
    for (upstream, model) in targets(config) {
        let key = Key::new(&upstream.url, model);
        if which.means(&upstream.name, model) && !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = targets(config)
        .map(|(upstream, model)| name(&upstream.name, model))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn names_of_gateway(state: &State) -> Vec<String> {
    let targets = state.routes.iter().flat_map(|route| &route.targets);
    let mut names: Vec<String> = targets
        .map(|target| name(&target.upstream, target.model.as_deref()))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn targets(config: &Config) -> impl Iterator<Item = (&config::Upstream, Option<&str>)> {
    let targets = config.routes.iter().flat_map(|route| &route.targets);
    targets.filter_map(|target| {
        let upstream = config.upstreams.get(target.upstream)?;
        Some((upstream, target.model.as_deref()))
    })
}

fn name(upstream: &str, model: Option<&str>) -> String {
    format!("{upstream}/{}", model.unwrap_or(ANY_MODEL))
}

impl Which {
    fn parse(text: &str) -> Result<Which, String> {
        let (upstream, model) = match text.split_once('/') {
            Some((upstream, model)) => (upstream, Some(model)),
            None => (text, None),
        };
        if upstream.is_empty() || model.is_some_and(str::is_empty) {
            return Err("it is an upstream's name, or that, a slash and a model's".to_owned());
        }
        Ok(Which {
            upstream: upstream.to_owned(),
            model: model.map(str::to_owned),
        })
    }

    fn means(&self, upstream: &str, model: Option<&str>) -> bool {
        let wanted = self.model.as_deref();
        self.upstream == upstream
            && wanted.is_none_or(|wanted| wanted == model.unwrap_or(ANY_MODEL))
    }

    /// Where the gateway is told.
    fn path(&self) -> String {
        let path = format!("/breakers/{}/reset", percent_encoded(&self.upstream));
        match &self.model {
            Some(model) => format!("{path}?model={}", percent_encoded(model)),
            None => path,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upstream = self.upstream.escape_debug();
        match &self.model {
            Some(model) => write!(out, "{upstream}/{}", model.escape_debug()),
            None => write!(out, "{upstream}"),
        }
    }
}

/// All but what no URL gives a meaning (RFC 3986, 2.3).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn config() -> Config {
        let yaml = "
upstreams:
  a: {url: 'http://127.0.0.1:1/v1', family: vllm}
  b: {url: 'http://127.0.0.1:2/v1', family: vllm}
routes:
  one: {alias: [m], targets: [{upstream: a, model: org/m}, {upstream: b, model: org/m}]}
  two: {alias: [n], targets: [{upstream: a, model: org/m}, {upstream: a, model: n}]}
  rest: {alias: ['*'], targets: [{upstream: a}]}
";
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        config::load_text("test", yaml, &environment)
            .unwrap()
            .config
    }

    #[test]
    fn the_first_slash_divides_upstream_and_model() {
        let which = Which::parse("spare/org/big:latest").unwrap();
        assert_eq!(which.upstream, "spare");
        assert_eq!(which.model.as_deref(), Some("org/big:latest"));
        assert_eq!(Which::parse("spare").unwrap().model, None);
        for text in ["", "/m", "spare/"] {
            assert!(Which::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_gateway_is_told_with_every_strange_character_encoded() {
        let which = Which::parse("spare/org/big&x=1 ü").unwrap();
        assert_eq!(
            which.path(),
            "/breakers/spare/reset?model=org%2Fbig%26x%3D1%20%C3%BC"
        );
        assert_eq!(Which::parse("a").unwrap().path(), "/breakers/a/reset");
    }

    #[test]
    fn an_upstream_means_all_its_models_and_each_once() {
        let config = config();
        let count = |text: &str| keys(&config, &Which::parse(text).unwrap()).len();
        assert_eq!(count("a"), 3);
        assert_eq!((count("a/org/m"), count("a/*"), count("b")), (1, 1, 1));
        assert_eq!((count("c"), count("a/other"), count("b/*")), (0, 0, 0));
        assert_eq!(names(&config), ["a/*", "a/n", "a/org/m", "b/org/m"]);
    }
}
