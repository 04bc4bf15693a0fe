//! `sidegate disk`: what weights, caches and logs take, and how full the volumes are that they are on.
//!
//! The nightly job runs it with `--archive`, so that "since when" has an answer.

mod archive;
mod survey;
mod weigh;

use std::path::PathBuf;

use super::output::{complain, show};
use super::table::{or_dash, Table};
use super::{Context, Exit};
use crate::clock;
use crate::record::rfc3339;

use archive::append;
use survey::{survey, Survey};
pub use survey::{volumes, VolumeUse};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON, sizes in bytes.
    #[arg(long)]
    json: bool,
    /// Append it as one dated line of JSON to DIR/disk.jsonl.
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let config = match context.config() {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let survey = survey(&config, context.environment.home(), rfc3339(clock::wall()));
    match arguments.json {
        true => show(&survey.json()),
        false => show(&text(&survey)),
    }
    if let Some(folder) = &arguments.archive {
        if let Err(error) = append(folder, &survey.line()) {
            complain(&format!(
                "sidegate: --archive {}: {error}",
                folder.display()
            ));
            return Exit::Failure;
        }
    }
    match survey.volumes.iter().any(|volume| volume.alert) {
        true => Exit::Finding,
        false => Exit::Done,
    }
}

fn text(survey: &Survey) -> String {
    let mut volumes = Table::new(&["VOLUME", "TOTAL", "USED", "FREE", "FULL", ""]);
    for volume in &survey.volumes {
        let note = match (volume.alert, volume.shares_free_space) {
            (true, _) => format!("ALERT at {} %", survey.alert_percent),
            (false, true) => "shares its free space with others".to_owned(),
            (false, false) => String::new(),
        };
        volumes.add([
            volume.volume.clone(),
            rounded(volume.total_bytes),
            rounded(volume.used_bytes),
            rounded(volume.free_bytes),
            format!("{:.1} %", volume.used_percent),
            note,
        ]);
    }
    let mut folders = Table::new(&["FOLDER", "WHAT", "SIZE", "VOLUME"]);
    for folder in &survey.folders {
        folders.add([
            folder.path.clone(),
            folder.what.as_str().to_owned(),
            or_dash(folder.bytes.map(|bytes| match folder.at_least {
                true => format!(">= {}", rounded(bytes)),
                false => rounded(bytes),
            })),
            or_dash(folder.volume.clone()),
        ]);
    }
    format!("{}\n{}", volumes.text(), folders.text())
}

/// To one decimal of the largest unit that gives at least one.
fn rounded(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut size, mut unit) = (bytes as f64, "B");
    for larger in UNITS {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    match unit {
        "B" => format!("{bytes}B"),
        unit => format!("{size:.1}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_for_people() {
        let said = [0, 1023, 1024, 1536, 80 << 30, 3 << 40].map(rounded);
        assert_eq!(
            said,
            ["0B", "1023B", "1.0KiB", "1.5KiB", "80.0GiB", "3.0TiB"]
        );
    }
}
