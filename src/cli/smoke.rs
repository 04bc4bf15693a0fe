//! `sidegate smoke`: one short real request for every alias, through the gateway that runs.
//!
//! It spends real tokens of a real caller, and counts in the metrics like any other: that is what makes it a proof.

mod answer;
mod question;
mod results;
mod secret;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::live;
use super::output::{complain, show};
use super::table::{or_dash, Table};
use super::{Context, Exit};
use crate::clock;
use crate::config::{self, Config, Secret};
use crate::http_client::{self, Server};
use crate::server::{ports_file, Ports};

use answer::{judge, Served};
use question::{curl, question, Kind};
pub use results::last_results;
use results::{keep, Row};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print the requests as curl lines instead of sending them.
    #[arg(long)]
    print: bool,
    /// A file with nothing but the secret to use [default: $SIDEGATE_TOKEN, else one that the token file has in clear].
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How long each answer may take, such as 90s: a model that isn't loaded yet takes its time.
    #[arg(long, default_value = "2m", value_name = "DURATION")]
    timeout: String,
    /// Only these routes.
    routes: Vec<String>,
}

/// One alias to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ask<'a> {
    route: &'a str,
    alias: &'a str,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    match try_run(context, arguments) {
        Ok(exit) => exit,
        Err((exit, text)) => {
            complain(&format!("sidegate: {text}"));
            exit
        }
    }
}

fn try_run(context: &Context, arguments: &Arguments) -> Result<Exit, (Exit, String)> {
    let config = config::load(&context.source, &context.environment)
        .map_err(|mistakes| (Exit::Configuration, mistakes.to_string()))?
        .config;
    let patience = config::read_duration(&arguments.timeout)
        .map_err(|text| (Exit::Usage, format!("--timeout: {text}")))?;
    let asks = asks(&config, &arguments.routes).map_err(|text| (Exit::Usage, text))?;
    if asks.is_empty() {
        let text =
            "there is nothing to ask: no route has an alias but `*`, which any model name fits";
        return Err((Exit::Finding, text.to_owned()));
    }
    let listen = address(&config);
    if arguments.print {
        let lines = asks
            .iter()
            .map(|ask| curl(&base_url(&config, listen), ask.alias));
        show(&lines.collect::<String>());
        complain("set SIDEGATE_TOKEN to the secret of a caller first; `sidegate token new NAME --scopes 'invoke:*'` makes one");
        return Ok(Exit::Done);
    }
    if config.tls.is_some() {
        let text = "the gateway listens with TLS, which needs certificates that only its clients have; use --print";
        return Err((Exit::Failure, text.to_owned()));
    }
    let set = std::env::var(secret::VARIABLE).ok();
    let secret = secret::find(arguments.token_file.as_deref(), set, &config, clock::wall())
        .map_err(|text| (Exit::Failure, text))?;
    std::net::TcpStream::connect_timeout(&listen, Duration::from_secs(2)).map_err(|error| {
        let text = format!("no gateway answers at {listen}: {error}; `sidegate serve` starts one");
        (Exit::Failure, text)
    })?;
    let (exit, rows) = ask_all(listen, &secret, &asks, patience);
    keep(&config.state_dir, clock::wall(), &rows);
    Ok(exit)
}

/// Every alias of the wanted routes but `*`.
fn asks<'a>(config: &'a Config, wanted: &[String]) -> Result<Vec<Ask<'a>>, String> {
    let names: Vec<&str> = config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        let unknown = unknown.escape_debug();
        return Err(format!(
            "there is no route `{unknown}` (routes: {})",
            names.join(", ")
        ));
    }
    let routes = config
        .routes
        .iter()
        .filter(|route| wanted.is_empty() || wanted.contains(&route.name));
    let asks = routes.flat_map(|route| {
        let aliases = route.aliases.iter().filter(|alias| *alias != "*");
        aliases.map(|alias| Ask {
            route: &route.name,
            alias,
        })
    });
    Ok(asks.collect())
}

/// Where it really listens, as it has written down; else where it is configured to.
fn address(config: &Config) -> SocketAddr {
    let written = std::fs::read_to_string(ports_file(&config.state_dir)).ok();
    let ports = written.and_then(|text| serde_json::from_str::<Ports>(&text).ok());
    ports.map_or(config.listen, |ports| ports.listen)
}

fn base_url(config: &Config, listen: SocketAddr) -> String {
    let scheme = if config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{listen}/v1")
}

fn ask_all(
    listen: SocketAddr,
    secret: &Secret,
    asks: &[Ask<'_>],
    patience: Duration,
) -> (Exit, Vec<Row>) {
    let mut rows = Vec::new();
    let mut table = Table::new(&["ALIAS", "ROUTE", "RESULT", "TIME", "UPSTREAM", "MODEL"]);
    let mut failures = Vec::new();
    for ask in asks {
        let (outcome, took) = ask_one(listen, secret, ask.alias, patience);
        let time = format!("{:.2}s", took.as_secs_f64());
        let (result, served) = match outcome {
            Ok(served) => ("ok".to_owned(), served),
            Err(refused) => {
                failures.push(format!("{}: {}", ask.alias, refused.why));
                let served = Served {
                    upstream: refused.upstream,
                    model: None,
                };
                (refused.code, served)
            }
        };
        rows.push(Row::new(ask.alias, ask.route, &result, took, &served));
        table.add([
            ask.alias.to_owned(),
            ask.route.to_owned(),
            result,
            time,
            or_dash(served.upstream),
            or_dash(served.model),
        ]);
    }
    show(&table.text());
    failures.iter().for_each(|failure| complain(failure));
    let exit = match failures.is_empty() {
        true => Exit::Done,
        false => Exit::Failure,
    };
    (exit, rows)
}

/// Asks for a chat; where the model can't, for an embedding.
fn ask_one(
    listen: SocketAddr,
    secret: &Secret,
    alias: &str,
    patience: Duration,
) -> (Result<Served, answer::Refused>, Duration) {
    let chat = timed(listen, secret, alias, Kind::Chat, patience);
    match &chat {
        (Err(refused), _) if refused.may_be_no_chat_model() => {
            let embedding = timed(listen, secret, alias, Kind::Embedding, patience);
            match embedding.0 {
                Ok(_) => embedding,
                Err(_) => chat,
            }
        }
        _ => chat,
    }
}

fn timed(
    listen: SocketAddr,
    secret: &Secret,
    alias: &str,
    kind: Kind,
    patience: Duration,
) -> (Result<Served, answer::Refused>, Duration) {
    let started: Instant = clock::now();
    let body = kind.body(alias);
    let host = listen.to_string();
    let reply = question(kind, &host, secret, &body).and_then(|question| {
        live::block_on(http_client::ask(
            Server::Address(listen),
            &question,
            patience,
        ))
    });
    let took = clock::now().saturating_duration_since(started);
    (
        reply
            .map_err(answer::Refused::unheard)
            .and_then(|reply| judge(&reply)),
        took,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    const YAML: &str = "
upstreams: {a: {url: 'http://127.0.0.1:1/v1', family: vllm}}
routes:
  chat: {alias: [small, default], targets: [{upstream: a, model: m}]}
  rest: {alias: ['*', named], targets: [{upstream: a, model: n}]}
";

    fn config() -> Config {
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        config::load_text("test", YAML, &environment)
            .unwrap()
            .config
    }

    #[test]
    fn every_alias_but_the_wildcard_is_asked_for() {
        let config = config();
        let aliases = |wanted: &[String]| -> Vec<String> {
            let asks = asks(&config, wanted).unwrap();
            asks.iter().map(|ask| ask.alias.to_owned()).collect()
        };
        assert_eq!(aliases(&[]), ["small", "default", "named"]);
        assert_eq!(aliases(&["rest".to_owned()]), ["named"]);
        assert!(asks(&config, &["small".to_owned()])
            .unwrap_err()
            .contains("(routes: chat, rest)"));
    }
}
