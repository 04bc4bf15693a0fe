//! `sidegate service status`.

use serde::Serialize;

use super::advice;
use super::target::Target;
use crate::cli::output::{complain, show};
use crate::cli::table::{or_dash, Table};
use crate::cli::Exit;
use crate::service::{FileState, Health, Job, Place, Status};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    job: &'static str,
    file: &'static str,
    health: &'static str,
    pid: Option<u32>,
    starts: Option<u64>,
    last_end: Option<String>,
}

pub fn run(target: &Target, arguments: &Arguments) -> Exit {
    // Said where it is broken; what runs can be seen all the same.
    let values = target.values(None).ok();
    let mut found = Vec::new();
    for job in Job::ALL {
        // What a model server should be told, only its installation knew.
        let expected = match job {
            Job::Gateway | Job::Disk => values.as_ref(),
            Job::ModelServer => None,
        };
        match target.service.status(job, expected) {
            // Few have one.
            Ok(status) if job == Job::ModelServer && status.is_absent() => {}
            Ok(status) => found.push(status),
            Err(trouble) => {
                complain(&format!("sidegate: {}: {trouble}", job.as_str()));
                return Exit::Failure;
            }
        }
    }
    show(&match arguments.json {
        true => json(&found),
        false => table(&found),
    });
    advise(target, &found);
    match found.iter().all(Status::is_well) {
        true => Exit::Done,
        false => Exit::Finding,
    }
}

fn advise(target: &Target, found: &[Status]) {
    let place = &target.service.place;
    advice::of_a_second_gateway(place);
    if found.iter().all(Status::is_absent) {
        return complain("nothing is installed; `sidegate service install` does it");
    }
    for status in found {
        if let Some(text) = remedy(place, status) {
            complain(&format!("{}: {text}", status.job.as_str()));
        }
    }
}

/// What to do about it, the worst first.
fn remedy(place: &Place, status: &Status) -> Option<String> {
    let output = || advice::output_of(place, status.job);
    let install = |what: &str| Some(format!("{what}; `sidegate service install` mends that"));
    match (status.health, status.file) {
        (Health::Looping, _) => Some(format!("it is started again and again; {}", output())),
        (_, FileState::NotOurs) => {
            Some("somebody else's file is in its place; move it away".to_owned())
        }
        (_, FileState::Absent) => install("it has no file"),
        (_, FileState::Outdated) => {
            install("this version, with this configuration, would write another file")
        }
        (Health::NotLoaded, _) => install("nothing has taken it up"),
        (Health::Stopped, _) => install("it has ended and was not started again"),
        (Health::Failed, _) => Some(format!(
            "its last run found something or failed; {}",
            output()
        )),
        (Health::Running | Health::Waiting, FileState::Current | FileState::Unknown) => None,
    }
}

fn row(status: &Status) -> Row {
    Row {
        job: status.job.as_str(),
        file: status.file.as_str(),
        health: status.health.as_str(),
        pid: status.state.pid,
        starts: status.state.starts,
        last_end: status.state.last_end.as_ref().map(ToString::to_string),
    }
}

fn table(found: &[Status]) -> String {
    let mut table = Table::new(&["JOB", "FILE", "STATE", "PID", "STARTS", "LAST END"]);
    for row in found.iter().map(row) {
        table.add([
            row.job.to_owned(),
            row.file.to_owned(),
            row.health.to_owned(),
            or_dash(row.pid),
            or_dash(row.starts),
            or_dash(row.last_end),
        ]);
    }
    table.text()
}

fn json(found: &[Status]) -> String {
    let rows: Vec<Row> = found.iter().map(row).collect();
    // Strings and numbers can always be written.
    let text = serde_json::to_string_pretty(&rows).unwrap_or_default();
    format!("{text}\n")
}
