//! `sidegate service uninstall`.

use super::target::Target;
use super::{jobs, JobName};
use crate::cli::output::{complain, show};
use crate::cli::Exit;
use crate::service::{Job, Removed};

#[derive(clap::Args)]
pub struct Arguments {
    /// Just one of them [default: all].
    #[arg(long, value_name = "JOB")]
    only: Option<JobName>,
}

/// Needs no configuration: it has to work when that is broken or gone.
pub fn run(target: &Target, arguments: &Arguments) -> Exit {
    let mut exit = Exit::Done;
    for job in jobs(arguments.only) {
        let name = job.as_str();
        match target.service.uninstall(job) {
            Ok(Removed::Gone) => show(&format!("{name}: gone; its logs and state are kept\n")),
            // Few have one.
            Ok(Removed::WasNotThere) if job == Job::ModelServer && arguments.only.is_none() => {}
            Ok(Removed::WasNotThere) => show(&format!("{name}: was not installed\n")),
            Err(trouble) => {
                complain(&format!("sidegate: {name}: {trouble}"));
                exit = Exit::Failure;
            }
        }
    }
    exit
}
