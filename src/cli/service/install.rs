//! `sidegate service install`.

use super::model_server::Wish;
use super::target::Target;
use super::{advice, jobs, JobName};
use crate::cli::output::{complain, show};
use crate::cli::Exit;
use crate::service::{FileState, Installed, Job, Place, State, Values};

#[derive(clap::Args)]
pub struct Arguments {
    /// Just one of them [default: all, the model server where one is asked for].
    #[arg(long, value_name = "JOB")]
    only: Option<JobName>,
    /// Print the files and change nothing.
    #[arg(long, visible_alias = "dry-run")]
    print: bool,
    #[command(flatten)]
    model_server: Wish,
}

impl Arguments {
    pub fn only_prints(&self) -> bool {
        self.print
    }

    /// The model server stays as it is unless it is asked for.
    fn jobs(&self) -> Vec<Job> {
        let is_wanted = |job: &Job| *job != Job::ModelServer || self.model_server.is_wanted();
        jobs(self.only).into_iter().filter(is_wanted).collect()
    }
}

pub fn run(target: &Target, arguments: &Arguments) -> Exit {
    let jobs = arguments.jobs();
    if jobs.is_empty() {
        complain("sidegate: --only model-server: --model-server MODEL says which");
        return Exit::Usage;
    }
    let values = match target.values(Some(&arguments.model_server)) {
        Ok(values) => values,
        Err(exit) => return exit,
    };
    let act = match arguments.print {
        true => print,
        false => install,
    };
    let mut exit = Exit::Done;
    for job in jobs {
        if let Err(failed) = act(target, job, &values) {
            exit = failed;
        }
    }
    exit
}

/// The text alone goes to stdout, so that it can be piped into a file.
fn print(target: &Target, job: Job, values: &Values) -> Result<(), Exit> {
    let service = &target.service;
    let state = service.file_state(job, Some(values));
    let units = service.place.units(job, values);
    let (state, units) = match (state, units) {
        (Ok(state), Ok(units)) => (state, units),
        (Err(trouble), _) | (_, Err(trouble)) => return Err(fail(job, &trouble)),
    };
    for unit in units {
        complain(&format!("{}: {}", unit.path.display(), intent(state)));
        show(&unit.text);
    }
    Ok(())
}

fn intent(state: FileState) -> &'static str {
    match state {
        FileState::Absent => "would be written",
        FileState::Current => "is there already",
        FileState::Outdated | FileState::Unknown => "would be replaced",
        FileState::NotOurs => "would be refused: somebody else's file is there",
    }
}

fn install(target: &Target, job: Job, values: &Values) -> Result<(), Exit> {
    let service = &target.service;
    match service.install(job, values) {
        Ok((installed, state)) => {
            if installed == Installed::New && job == Job::Gateway {
                advice::of_a_second_gateway(&service.place);
                advice::of_logins(&service.place);
            }
            report(&service.place, job, installed, &state)
        }
        Err(trouble) => Err(fail(job, &trouble)),
    }
}

fn report(place: &Place, job: Job, installed: Installed, state: &State) -> Result<(), Exit> {
    let done = match installed {
        Installed::New => "installed",
        Installed::Updated => "updated",
        Installed::Started => "started",
        Installed::Unchanged => "unchanged",
    };
    let name = job.as_str();
    match (job, state.pid) {
        (Job::Gateway | Job::ModelServer, Some(pid)) => {
            show(&format!("{name}: {done}, runs with pid {pid}\n"))
        }
        (Job::Disk, _) => show(&format!("{name}: {done}, runs every night\n")),
        (Job::Gateway | Job::ModelServer, None) => {
            let end = state.last_end.as_ref();
            let end = end.map_or_else(|| "no process yet".to_owned(), ToString::to_string);
            complain(&format!(
                "sidegate: {name}: {done}, but it doesn't run: {end}; {}",
                advice::output_of(place, job)
            ));
            return Err(Exit::Failure);
        }
    }
    Ok(())
}

fn fail(job: Job, trouble: &crate::service::Trouble) -> Exit {
    complain(&format!("sidegate: {}: {trouble}", job.as_str()));
    Exit::Failure
}
