//! `sidegate completions`: what makes a shell complete the commands and their options.

use clap_complete::Shell;

use super::output::show;
use super::Exit;

#[derive(clap::Args)]
pub struct Arguments {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments, mut command: clap::Command) -> Exit {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    show(&String::from_utf8_lossy(&script));
    Exit::Done
}
