//! `sidegate serve`: the real thing.

mod supervised;

use std::path::PathBuf;

use super::output::complain;
use super::{Context, Exit};
use crate::config::{self, Loaded};
use crate::server::{self, Ports, Start, StartError};

#[derive(clap::Args)]
pub struct Arguments {
    /// Never end for a wrong configuration: serve with the last good one, or wait until the file is mended. For launchd
    /// and systemd, which would restart the gateway for ever.
    #[arg(long)]
    supervised: bool,
    /// The state folder, for when the configuration is gone and so doesn't name it: its last good configuration is there.
    /// `service install` fills this in.
    #[arg(long, value_name = "DIR", requires = "supervised")]
    state_dir: Option<PathBuf>,
}

pub fn run(context: Context, arguments: &Arguments) -> Exit {
    if arguments.supervised {
        return supervised::run(context, arguments.state_dir.as_deref());
    }
    match config::load(&context.source, &context.environment) {
        Ok(loaded) => match start(context, loaded, Vec::new()) {
            Ok(()) => Exit::Done,
            Err(error) => explain(&error),
        },
        Err(mistakes) => {
            complain(&format!("sidegate: cannot start:\n{mistakes}"));
            Exit::Configuration
        }
    }
}

/// Serves until a signal ends it; `rejected` is what is wrong with the file, where `loaded` is another one.
fn start(context: Context, loaded: Loaded, rejected: Vec<String>) -> Result<(), StartError> {
    for warning in &loaded.warnings {
        complain(&format!("sidegate: warning: {warning}"));
    }
    server::run(Start {
        loaded,
        source: context.source,
        environment: context.environment,
        rejected,
        on_ready: Box::new(say_ready),
        on_exit: Box::new(|| {}),
    })
}

fn say_ready(ports: &Ports) {
    complain(&format!(
        "sidegate: listening on http://{} (admin http://{})",
        ports.listen, ports.admin
    ));
}

/// Says why the gateway doesn't start.
pub fn explain(error: &StartError) -> Exit {
    match error {
        StartError::Taken(text) => {
            complain(&format!("sidegate: cannot start: {text}"));
            Exit::Taken
        }
        StartError::Configuration(mistakes) => {
            complain(&format!("sidegate: cannot start:\n{}", mistakes.join("\n")));
            Exit::Configuration
        }
        StartError::System(text) => {
            complain(&format!("sidegate: cannot start: {text}"));
            Exit::Internal
        }
    }
}
