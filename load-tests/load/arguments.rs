//! What was typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::scenario::Kind;

/// Measures sidegate against the bare pass-through, and whatever other proxies this machine has.
#[derive(Parser)]
#[command(name = "load", max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Measure everything and print the table.
    Run(RunOptions),
    /// The upstream that answers; started by `run`.
    Backend {
        /// The port on 127.0.0.1; 0 takes a free one and prints it.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Send one scenario's load to a port, for a profiler that watches what listens there.
    Drive(DriveOptions),
}

#[derive(Args)]
pub struct RunOptions {
    /// Two short rounds.
    #[arg(long)]
    pub quick: bool,
    /// Rounds [default: 5, with --quick 2]
    #[arg(long)]
    pub rounds: Option<u32>,
    /// Only these scenarios, by comma [default: all]
    #[arg(long, value_delimiter = ',')]
    pub scenario: Vec<Kind>,
    /// Only these besides `direct` and `bare-pingora`, by comma [default: all that are installed]
    #[arg(long, value_delimiter = ',')]
    pub contender: Vec<String>,
    /// The gateway's binary [default: beside this one]
    #[arg(long, value_name = "FILE")]
    pub sidegate: Option<PathBuf>,
    /// The bare pass-through's binary [default: beside this one]
    #[arg(long, value_name = "FILE")]
    pub bare_pingora: Option<PathBuf>,
    /// Where raw data goes, in a folder named by the date
    #[arg(long, value_name = "FOLDER", default_value = "load-tests/runs")]
    pub out: PathBuf,
    /// Put the table into load-tests/README.md
    #[arg(long)]
    pub readme: bool,
}

#[derive(Args)]
pub struct DriveOptions {
    /// The port on 127.0.0.1.
    #[arg(long)]
    pub port: u16,
    #[arg(long, default_value = "small")]
    pub scenario: Kind,
    /// Requests, or for the scenario `paced` streams.
    #[arg(long, default_value_t = 1000)]
    pub requests: usize,
    #[arg(long, default_value_t = 8)]
    pub connections: usize,
}
