//! The load: what sends it, what answers it, what measures the proxies between the two.
//!
//! One rule above all: a figure is printed only when every answer was right and what the proxy counted is what was sent.

mod answer;
mod arguments;
mod backend;
mod client;
mod contender;
mod drive;
mod ledger;
mod machine;
mod numbers;
mod payload;
mod process;
mod prompt;
mod report;
mod run;
mod sample;
mod scenario;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// What went wrong, for a person to read.
pub type Fallible<T> = Result<T, String>;

fn main() -> ExitCode {
    // One thread each for load and backend: a load that takes both cores measures itself.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error.to_string()),
    };
    process::raise_descriptor_limit();
    let done = runtime.block_on(async {
        tokio::select! {
            done = command(Arguments::parse()) => done,
            // Whatever runs is dropped, and each child is ended with what holds it.
            _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => complain(&error),
    }
}

/// Whether every figure could be printed.
async fn command(arguments: Arguments) -> Fallible<bool> {
    match arguments.command {
        Command::Run(options) => run::run(&options).await,
        Command::Backend { port } => backend::serve(port).await.map(|()| true),
        Command::Drive(options) => drive::drive(&options).await.map(|()| true),
    }
}

fn complain(error: &str) -> ExitCode {
    eprintln!("load-tests: {error}");
    ExitCode::from(2)
}
