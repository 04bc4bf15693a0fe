//! A run: rounds of scenarios, in each of them every contender once, each in a process of its own.
//!
//! Contenders take turns at going first, so that a machine that grows busy meanwhile is unfair to none of them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::arguments::RunOptions;
use crate::contender::{self, Contender, Running, DIRECT};
use crate::ledger;
use crate::machine::{self, Machine};
use crate::process::Process;
use crate::report;
use crate::sample::{Figures, Sample};
use crate::scenario::{self, Kind};
use crate::Fallible;

/// One contender in one scenario; what takes longer hangs.
const SAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// The whole run.
const RUN_LIMIT: Duration = Duration::from_secs(90 * 60);

const ROUNDS: u32 = 5;
const QUICK_ROUNDS: u32 = 2;

pub async fn run(options: &RunOptions) -> Fallible<bool> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = program.parent().ok_or("no folder beside this program")?;
    let (contenders, missing) = contender::choose(options, beside);
    for name in missing {
        println!("skipped: {name} is not installed");
    }
    let machine = machine::look(&contenders);
    let scratch = tempfile::Builder::new()
        .prefix("load-tests-")
        .tempdir_in(beside)
        .map_err(|error| format!("a folder in {}: {error}", beside.display()))?;
    let (backend, address) = start_backend(&program).await?;
    let samples = tokio::time::timeout(
        RUN_LIMIT,
        all_rounds(options, &contenders, address, scratch.path()),
    )
    .await
    .map_err(|_| "the run took too long")?;
    backend.stop(Signal::KILL).await;
    let table = report::table(&machine, &samples);
    println!("\n{table}");
    let folder = write_down(&options.out, &machine, &samples, &table)?;
    println!("raw data: {}", folder.display());
    if options.readme {
        report::put_into_readme(&table)?;
    }
    Ok(samples.iter().all(|sample| sample.figures.is_some()))
}

async fn start_backend(program: &Path) -> Fallible<(Process, SocketAddr)> {
    let mut process = Process::start(Command::new(program).arg("backend").stdout(Stdio::piped()))?;
    let stdout = process.child().stdout.take().ok_or("the backend's port")?;
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .await
        .map_err(|error| format!("the backend's port: {error}"))?;
    let port = line.trim().parse().map_err(|_| "the backend's port")?;
    Ok((process, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

async fn all_rounds(
    options: &RunOptions,
    contenders: &[Contender],
    backend: SocketAddr,
    scratch: &Path,
) -> Vec<Sample> {
    let usual = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    let rounds = options.rounds.unwrap_or(usual);
    let mut samples = Vec::new();
    for round in 1..=rounds {
        for kind in Kind::ALL {
            if !options.scenario.is_empty() && !options.scenario.contains(&kind) {
                continue;
            }
            let first = round as usize % contenders.len();
            for contender in contenders.iter().cycle().skip(first).take(contenders.len()) {
                // Nothing stands in the way, so nothing waits there.
                if contender.name == DIRECT && kind == Kind::Idle {
                    continue;
                }
                let sample = take(round, kind, contender, options.quick, backend, scratch).await;
                println!("{}", report::line(&sample));
                samples.push(sample);
            }
        }
    }
    samples
}

/// One measurement. Whatever goes wrong in it is its result.
async fn take(
    round: u32,
    kind: Kind,
    contender: &Contender,
    quick: bool,
    backend: SocketAddr,
    scratch: &Path,
) -> Sample {
    let limited = tokio::time::timeout(
        SAMPLE_LIMIT,
        measure_and_check(kind, contender, quick, backend, scratch),
    );
    let result = match limited.await {
        Ok(result) => result,
        Err(_) => Err(format!("not done after {} s", SAMPLE_LIMIT.as_secs())),
    };
    let mut sample = Sample {
        round,
        scenario: kind,
        contender: contender.name,
        requests: 0,
        figures: None,
        error: None,
    };
    match result {
        Ok((figures, requests)) => {
            sample.requests = requests;
            sample.figures = Some(figures);
        }
        Err(error) => sample.error = Some(error),
    }
    sample
}

async fn measure_and_check(
    kind: Kind,
    contender: &Contender,
    quick: bool,
    backend: SocketAddr,
    scratch: &Path,
) -> Fallible<(Figures, u64)> {
    let before = ledger::backend_counts(backend).await?;
    let running = contender.start(backend, scratch).await?;
    let measured = scenario::measure(kind, quick, &running, backend).await;
    let checked = match &measured {
        Ok((_, sent)) => check(contender, &running, *sent, backend, before).await,
        Err(_) => Ok(()),
    };
    if measured.is_err() {
        // Held streams of a failed measurement must not count in the next one.
        ledger::release(backend).await?;
    }
    contender.stop(running).await;
    checked.and(measured)
}

/// The backend got each request once, and the gateway counted each once.
async fn check(
    contender: &Contender,
    running: &Running,
    sent: u64,
    backend: SocketAddr,
    before: ledger::Counts,
) -> Fallible<()> {
    let got = ledger::backend_counts(backend).await?.requests - before.requests;
    if got != sent {
        return Err(format!("{sent} requests were sent, the backend got {got}"));
    }
    if contender.is_gateway() {
        ledger::check_gateway(sent, running.folder(), running.admin).await?;
    }
    Ok(())
}

/// A folder of the day's date; a second run of the same day gets a number.
fn write_down(out: &Path, machine: &Machine, samples: &[Sample], table: &str) -> Fallible<PathBuf> {
    let date = machine.at.get(..10).unwrap_or("undated");
    let numbered = (2..1000).map(|number| out.join(format!("{date}-{number}")));
    let folder = std::iter::once(out.join(date))
        .chain(numbered)
        .find(|folder| !folder.exists())
        .ok_or("too many runs in one day")?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let machine = serde_json::to_string_pretty(machine).map_err(|error| error.to_string())?;
    let mut lines = String::new();
    for sample in samples {
        lines += &serde_json::to_string(sample).map_err(|error| error.to_string())?;
        lines.push('\n');
    }
    for (name, text) in [
        ("machine.json", machine + "\n"),
        ("samples.jsonl", lines),
        ("table.md", table.to_owned()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(folder)
}
