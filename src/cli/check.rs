//! `sidegate check`: everything that is wrong with the configuration and the files it names, in one go.

use super::{Context, Exit};
use crate::config;

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
                print!("{}", config::explain(&loaded));
            }
            for warning in &loaded.warnings {
                eprintln!("warning: {warning}");
            }
            println!("{}: ok", context.source);
            Exit::Done
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Exit::Configuration
        }
    }
}
