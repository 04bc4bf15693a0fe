//! The commands, one file each.

mod check;
mod exit;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Environment, Source};

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
    /// Run the gateway.
    Serve(serve::Arguments),
    /// Check the configuration and every file it names.
    Check(check::Arguments),
}

/// Where a command finds its configuration.
pub struct Context {
    pub source: Source,
    pub environment: Environment,
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error).into(),
    };
    let environment = Environment::from_process();
    let here = std::env::current_dir().unwrap_or_default();
    let source = config::find(arguments.config.as_deref(), &environment, &here);
    let context = Context {
        source,
        environment,
    };
    match arguments.command {
        Command::Serve(arguments) => serve::run(context, &arguments),
        Command::Check(arguments) => check::run(&context, &arguments),
    }
    .into()
}
