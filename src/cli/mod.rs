//! The commands, one file each.

mod breakers;
mod check;
mod completions;
mod demo;
mod disk;
mod doctor;
mod drain;
mod exit;
mod explain;
mod fingerprint;
mod init;
mod live;
mod man;
mod output;
mod random;
mod reload;
mod routes;
mod schema;
mod serve;
mod service;
mod skills;
mod smoke;
mod status;
mod table;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{self, Config, Environment, Source};

pub use exit::Exit;

/// A sidecar gateway for local inference.
#[derive(Parser)]
#[command(name = "sidegate", version, about, max_term_width = 100)]
struct Arguments {
    /// The configuration file [default: $SIDEGATE_CONFIG, ./sidegate.yaml, ~/.sidegate/sidegate.yaml, else the environment]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a configuration for the model servers of this host, and a first token.
    Init(init::Arguments),
    /// Run the gateway.
    Serve(serve::Arguments),
    /// Try the gateway with stand-in upstreams; nothing to set up, nothing left behind.
    Demo(demo::Arguments),
    /// Check the configuration and every file it names.
    Check(check::Arguments),
    /// Print what every model name means, with the state of its breakers.
    Routes(routes::Arguments),
    /// Print what the running gateway knows of itself.
    Status(status::Arguments),
    /// Make the running gateway read its configuration, tokens and keys again.
    Reload,
    /// End the running gateway once its requests are done, or take an upstream out of use.
    Drain(drain::Arguments),
    /// Say what happened to one request, from the logs.
    Explain(explain::Arguments),
    /// Show which upstreams are left alone after failures, and close their breakers.
    Breakers(breakers::Arguments),
    /// List what each skill may do, by its manifest.
    Skills(skills::Arguments),
    /// Make, list, revoke and renew the secrets of callers.
    Token(token::Arguments),
    /// Send one short real request for every alias through the running gateway.
    Smoke(smoke::Arguments),
    /// Look for everything that this host can have wrong, and say what mends it.
    Doctor(doctor::Arguments),
    /// Print what weights, caches and logs take, and how full their volumes are.
    Disk(disk::Arguments),
    /// Run the gateway under launchd or systemd, and see how it does there.
    Service(service::Arguments),
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Print what makes a shell complete commands and options.
    Completions(completions::Arguments),
    /// Print the manual page, or write one for every command.
    Man(man::Arguments),
}

/// Where a command finds its configuration.
pub struct Context {
    pub source: Source,
    pub environment: Environment,
}

impl Context {
    /// The configuration, or every mistake in it told.
    fn config(&self) -> Result<Config, Exit> {
        match config::load(&self.source, &self.environment) {
            Ok(loaded) => Ok(loaded.config),
            Err(mistakes) => {
                output::complain(&mistakes.to_string());
                Err(Exit::Configuration)
            }
        }
    }
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error).into(),
    };
    let environment = Environment::from_process();
    let here = std::env::current_dir().unwrap_or_default();
    let is_named = arguments.config.is_some();
    let source = config::find(arguments.config.as_deref(), &environment, &here);
    let context = Context {
        source,
        environment,
    };
    match arguments.command {
        Command::Init(arguments) => init::run(&context, &arguments),
        Command::Serve(arguments) => serve::run(context, &arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check(arguments) => check::run(&context, &arguments),
        Command::Routes(arguments) => routes::run(&context, &arguments),
        Command::Status(arguments) => status::run(&context, &arguments),
        Command::Reload => reload::run(&context),
        Command::Drain(arguments) => drain::run(&context, &arguments),
        Command::Explain(arguments) => explain::run(&context, &arguments),
        Command::Breakers(arguments) => breakers::run(&context, &arguments),
        Command::Skills(arguments) => skills::run(&context, &arguments),
        Command::Token(arguments) => token::run(&context, &arguments),
        Command::Smoke(arguments) => smoke::run(&context, &arguments),
        Command::Doctor(arguments) => doctor::run(&context, &arguments),
        Command::Disk(arguments) => disk::run(&context, &arguments),
        Command::Service(arguments) => service::run(&context, is_named, &arguments),
        Command::Schema => schema::run(),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Command::Man(arguments) => man::run(&arguments, Arguments::command()),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_make_sense() {
        Arguments::command().debug_assert();
    }
}
