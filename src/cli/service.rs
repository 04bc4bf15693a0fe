//! `sidegate service`: runs the gateway under launchd or systemd, and says how it does there.

mod advice;
mod install;
mod model_server;
mod status;
mod target;
mod uninstall;

use clap::{Subcommand, ValueEnum};

use super::{Context, Exit};
use crate::platform;

use crate::service::{Job, Manager};
pub use target::expected;

#[derive(clap::Args)]
pub struct Arguments {
    /// The account that it runs as, whoever is logged in; installing that is for root [default: you, while logged in].
    #[arg(long, global = true, value_name = "NAME")]
    user: Option<String>,
    /// For tests, which try both on one machine.
    #[arg(long, global = true, hide = true)]
    manager: Option<ManagerName>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Have the gateway started now and after every crash, and the disks looked at every night; a model server too, if asked.
    Install(install::Arguments),
    /// End them, and remove what `install` wrote.
    Uninstall(uninstall::Arguments),
    /// Show whether they are installed and up to date, and how they run.
    Status(status::Arguments),
}

#[derive(Clone, Copy, ValueEnum)]
enum ManagerName {
    Launchd,
    Systemd,
}

#[derive(Clone, Copy, ValueEnum)]
enum JobName {
    Gateway,
    Disk,
    ModelServer,
}

/// `named` says that the configuration file was named on the command line.
pub fn run(context: &Context, named: bool, arguments: &Arguments) -> Exit {
    let needs_root = match &arguments.action {
        Action::Install(arguments) => !arguments.only_prints(),
        Action::Uninstall(_) => true,
        Action::Status(_) => false,
    };
    let target = match target::find(context, named, arguments, needs_root) {
        Ok(target) => target,
        Err(exit) => return exit,
    };
    match &arguments.action {
        Action::Install(arguments) => install::run(&target, arguments),
        Action::Uninstall(arguments) => uninstall::run(&target, arguments),
        Action::Status(arguments) => status::run(&target, arguments),
    }
}

fn manager(arguments: &Arguments) -> Manager {
    match (arguments.manager, platform::is_macos()) {
        (Some(ManagerName::Launchd), _) | (None, true) => Manager::Launchd,
        (Some(ManagerName::Systemd), _) | (None, false) => Manager::Systemd,
    }
}

/// One or all.
fn jobs(only: Option<JobName>) -> Vec<Job> {
    match only {
        Some(JobName::Gateway) => vec![Job::Gateway],
        Some(JobName::Disk) => vec![Job::Disk],
        Some(JobName::ModelServer) => vec![Job::ModelServer],
        None => Job::ALL.to_vec(),
    }
}
