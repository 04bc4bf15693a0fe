//! `sidegate serve`: the real thing.

use super::output::complain;
use super::{Context, Exit};
use crate::config;
use crate::server::{self, Ports, Start, StartError};

#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(context: Context, _arguments: &Arguments) -> Exit {
    let loaded = match config::load(&context.source, &context.environment) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            complain(&format!("sidegate: cannot start:\n{mistakes}"));
            return Exit::Configuration;
        }
    };
    for warning in &loaded.warnings {
        complain(&format!("sidegate: warning: {warning}"));
    }
    let start = Start {
        loaded,
        source: context.source,
        environment: context.environment,
        on_ready: Box::new(say_ready),
        on_exit: Box::new(|| {}),
    };
    match server::run(start) {
        Ok(()) => Exit::Done,
        Err(error) => explain(&error),
    }
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
