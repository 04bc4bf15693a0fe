//! `sidegate check`: everything that is wrong with the configuration and the files it names, in one go.

use super::output::{complain, show};
use super::{Context, Exit};
use crate::clock;
use crate::config::{self, Config, Loaded};
use crate::server;
use crate::snapshot::{self, Findings};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print every value and where it came from.
    #[arg(long)]
    explain: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    match config::load(&context.source, &context.environment) {
        Ok(loaded) => {
            if arguments.explain {
                show(&config::explain(&loaded));
            }
            report(context, &loaded)
        }
        Err(mistakes) => {
            complain(&mistakes.to_string());
            complain("the files that it names are looked at once that is mended");
            Exit::Configuration
        }
    }
}

fn report(context: &Context, loaded: &Loaded) -> Exit {
    let findings = examine(&loaded.config);
    for warning in &loaded.warnings {
        complain(&format!("warning: {warning}"));
    }
    for warning in &findings.warnings {
        complain(&format!("warning: {warning}"));
    }
    match findings.mistakes.as_slice() {
        [] => {
            show(&format!("{}: ok\n", context.source));
            return Exit::Done;
        }
        [only] => complain(only),
        several => {
            let count = several.len();
            let list = several.join("\n");
            complain(&format!(
                "{count} mistakes in the files and folders that {} names:\n{list}",
                context.source
            ));
        }
    }
    Exit::Configuration
}

/// What `serve` would read and write at its start, and what may surprise about it.
pub fn examine(config: &Config) -> Findings {
    let mut findings = snapshot::examine(config, clock::wall());
    let listener = config.tls.as_ref().map(server::listener_tls_mistakes);
    findings.mistakes.extend(listener.unwrap_or_default());
    let folders = server::examine_folders(config);
    findings.mistakes.extend(folders);
    findings
}
