//! `sidegate init`: a configuration for the model servers of this host, a first token, and the folders.
//!
//! Nothing that exists is changed: not a configuration (but with `--force`, which keeps it beside the new one), not a token
//! file, not the mode of a folder. The secret goes to stdout, alone, as with `sidegate token new`; all else goes to stderr.

mod ending;
mod files;
mod interview;
mod look;
mod plan;
mod wishes;
mod yaml;

use std::io::{self, BufRead, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::output::complain;
use super::{Context, Exit};
use crate::config::{self, Config, Source};

use interview::{interview, Interview, Talk};
use look::{look, Found};
use plan::{plan, Plan};
use wishes::{Server, Wishes};

#[derive(clap::Args)]
pub struct Arguments {
    /// Ask nothing: take every server that answers, or those of --server.
    #[arg(long)]
    yes: bool,
    /// A model server's address, such as http://127.0.0.1:8000/v1, in place of looking for servers. May be repeated.
    #[arg(long = "server", value_name = "URL")]
    servers: Vec<String>,
    /// The family of the one --server: vllm, llama.cpp, mlx, lmstudio, ollama, sglang, openai, anthropic or other.
    #[arg(long, requires = "servers")]
    family: Option<String>,
    /// A model of the one --server, by the name that it knows. May be repeated.
    #[arg(long = "model", value_name = "NAME", requires = "servers")]
    models: Vec<String>,
    /// The file with the key of the one --server, as it is to stand in the configuration.
    #[arg(long, value_name = "FILE", requires = "servers")]
    key_file: Option<String>,
    /// What the first caller is called.
    #[arg(long, value_name = "NAME", default_value = "agent")]
    caller: String,
    /// Replace a configuration that exists; the old one is kept beside it.
    #[arg(long)]
    force: bool,
    /// Ports of this host to look at in place of the usual ones, for tests: those must not depend on what runs here.
    #[arg(long, hide = true, value_delimiter = ',')]
    ports: Vec<u16>,
}

/// How a step ends the command early.
type Stop = (Exit, String);

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    match try_run(context, arguments) {
        Ok(exit) => exit,
        Err((exit, text)) => {
            complain(&format!("sidegate: {text}"));
            exit
        }
    }
}

fn try_run(context: &Context, arguments: &Arguments) -> Result<Exit, Stop> {
    let file = file(context)?;
    files::may_write(&file, arguments.force).map_err(failure)?;
    ending::check_caller(&arguments.caller).map_err(usage)?;
    let wishes = Wishes::read(arguments).map_err(usage)?;
    let asks = io::stdin().is_terminal() && !arguments.yes;
    if !asks && !arguments.yes && wishes.servers.is_empty() {
        return Err((Exit::Usage, NO_TERMINAL.to_owned()));
    }
    let servers = match wishes.servers.is_empty() {
        true => found(&places(&arguments.ports), asks)?,
        false => wishes::asked(wishes.servers, ask)?,
    };
    let plan = plan(servers);
    plan.left_out
        .iter()
        .for_each(|text| complain(&format!("left out: {text}")));
    if plan.routes.is_empty() {
        return Err((Exit::Failure, NO_ROUTE.to_owned()));
    }
    if asks && !interview::agree(&mut Terminal, &file, &plan) {
        return Err((Exit::Failure, "nothing was written".to_owned()));
    }
    write(context, arguments, &file, &plan)
}

const NO_TERMINAL: &str =
    "there is no terminal to ask at; --yes takes every model server that answers on this host, --server URL names one \
     (with --family, --model and --key-file where it can't be asked itself); --force, --caller and --config say the rest";

const NO_ROUTE: &str = "so there is nothing to write; start a model server, or name one with --server URL and --model NAME";

/// Everything is decided: the text has to pass the check that `serve` makes before any of it is written.
fn write(context: &Context, arguments: &Arguments, file: &Path, plan: &Plan) -> Result<Exit, Stop> {
    let text = yaml::text(plan);
    let config = checked(context, file, &text)?;
    let kept = files::write_configuration(file, &text, arguments.force).map_err(failure)?;
    if let Some(kept) = &kept {
        complain(&format!("the old configuration is now {}", kept.display()));
    }
    complain(&format!("wrote {}", file.display()));
    for folder in [&config.state_dir, &config.logs.dir] {
        if files::make_folder(folder).map_err(failure)? {
            complain(&format!("made {}", folder.display()));
        }
    }
    ending::end(context, file, &config, &arguments.caller)
}

fn checked(context: &Context, file: &Path, text: &str) -> Result<Config, Stop> {
    match config::load_text(&file.display().to_string(), text, &context.environment) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                complain(&format!("note: {warning}"));
            }
            Ok(loaded.config)
        }
        Err(mistakes) => {
            complain(&mistakes.to_string());
            let text = "what would have been written is not valid, so nothing was";
            Err((Exit::Configuration, text.to_owned()))
        }
    }
}

/// Where a gateway would find it: the file that is named or exists, else the usual one.
fn file(context: &Context) -> Result<PathBuf, Stop> {
    match &context.source {
        Source::File(path) => Ok(path.clone()),
        Source::Environment => usual_file(context).ok_or_else(|| {
            usage("HOME is not set, so the place of the configuration isn't known; --config FILE names it".to_owned())
        }),
    }
}

/// The one that no command needs to be told of.
fn usual_file(context: &Context) -> Option<PathBuf> {
    let home = context.environment.home()?;
    Some(Path::new(home).join(".sidegate/sidegate.yaml"))
}

fn places(ports: &[u16]) -> Vec<SocketAddr> {
    match ports {
        [] => look::usual(),
        ports => look::at(ports),
    }
}

/// The servers that answer, or the one that somebody types in.
fn found(places: &[SocketAddr], asks: bool) -> Result<Vec<Server>, Stop> {
    let found = look(places, ask);
    found
        .iter()
        .for_each(|found| complain(&format!("found: {found}")));
    let servers: Vec<Server> = found.into_iter().filter_map(Found::server).collect();
    if !asks {
        return match servers.is_empty() {
            true => Err((
                Exit::Failure,
                format!("no model server answers on this host's usual ports; {NO_ROUTE}"),
            )),
            false => Ok(servers),
        };
    }
    match interview(&mut Terminal, servers) {
        Interview::Use(servers) => Ok(servers),
        Interview::Look(server) => wishes::asked(vec![server], ask),
        Interview::Stop => Err((Exit::Failure, "nothing was written".to_owned())),
    }
}

fn ask(address: SocketAddr, path: &str) -> Option<super::fingerprint::Answer> {
    look::ask_over_http(address, path)
}

fn usage(text: String) -> Stop {
    (Exit::Usage, text)
}

fn failure(text: String) -> Stop {
    (Exit::Failure, text)
}

/// Whoever sits there. Questions go to stderr: stdout is for the secret.
struct Terminal;

impl Talk for Terminal {
    fn say(&mut self, text: &str) {
        complain(text);
    }

    fn ask(&mut self, question: &str) -> Option<String> {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{question} ");
        let _ = out.flush();
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim().to_owned()),
        }
    }
}
