//! `sidegate token`: makes, lists, revokes and renews the secrets of callers.
//!
//! A secret goes to stdout, alone, so that it can be piped into a file; all else goes to stderr. Only its hash is
//! stored, so it is printed after the file was changed, and this is the only time.

mod change;
mod list;
mod taken;

use std::path::PathBuf;

use clap::Subcommand;

use super::output::complain;
use super::{Context, Exit};
use crate::config::{self, Config};
use crate::skill;

#[derive(clap::Args)]
pub struct Arguments {
    /// The token file, in place of the configured one [default: callers.token_file].
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Add a caller and print its secret.
    New(change::NewArguments),
    /// Show the callers, never a secret.
    List(list::Arguments),
    /// Remove a caller with all its secrets.
    Revoke(change::RevokeArguments),
    /// Give a caller a new secret and print it; the old one goes on for a while.
    Rotate(change::RotateArguments),
}

/// The token file that a command is about.
struct TokenFile {
    path: PathBuf,
    /// The names of the routes, where the configuration says them.
    routes: Option<Vec<String>>,
    /// The names of the skills, likewise; none where their folder has a mistake.
    skills: Option<Vec<String>>,
    /// Whether a gateway that runs with this configuration reads it, or may do so.
    is_configured: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let file = match find(context, arguments.token_file.clone()) {
        Ok(file) => file,
        Err(exit) => return exit,
    };
    match &arguments.action {
        Action::New(arguments) => change::new(context, &file, arguments),
        Action::List(arguments) => list::run(&file, arguments),
        Action::Revoke(arguments) => change::revoke(context, &file, arguments),
        Action::Rotate(arguments) => change::rotate(context, &file, arguments),
    }
}

/// A named file is enough: a secret must be revocable while the configuration is broken.
fn find(context: &Context, named: Option<PathBuf>) -> Result<TokenFile, Exit> {
    let loaded = config::load(&context.source, &context.environment);
    match (loaded, named) {
        (Ok(loaded), named) => {
            let skills = skills(&loaded.config);
            let configured = loaded.config.callers.token_file;
            let path = named.unwrap_or_else(|| configured.clone());
            Ok(TokenFile {
                skills,
                is_configured: path == configured,
                path,
                routes: Some(
                    loaded
                        .config
                        .routes
                        .into_iter()
                        .map(|route| route.name)
                        .collect(),
                ),
            })
        }
        // A gateway that was started before it broke refuses every reload now: that has to be heard.
        (Err(_), Some(path)) => Ok(TokenFile {
            path,
            routes: None,
            skills: None,
            is_configured: true,
        }),
        (Err(mistakes), None) => {
            complain(&mistakes.to_string());
            complain("so the token file isn't known; --token-file FILE names it");
            Err(Exit::Configuration)
        }
    }
}

fn skills(config: &Config) -> Option<Vec<String>> {
    let found = skill::load_for(config);
    let names = found.skills.names().map(str::to_owned).collect();
    found.mistakes.is_empty().then_some(names)
}
