//! The table: medians of the rounds with their least and most, and ratios to the bare pass-through of the same round.

use std::fmt::Write;
use std::path::Path;

use crate::contender::{BARE, DIRECT};
use crate::machine::Machine;
use crate::numbers::Spread;
use crate::sample::{Figures, Sample};
use crate::scenario::Kind;
use crate::Fallible;

/// Around the table in the README.
const BEGIN: &str = "<!-- latest run -->\n";
const END: &str = "<!-- end of latest run -->\n";
const README: &str = "load-tests/README.md";

/// One measurement, as it is made.
pub fn line(sample: &Sample) -> String {
    let Sample {
        round,
        scenario,
        contender,
        ..
    } = sample;
    let mut text = format!("round {round}  {:<20} {contender:<13}", scenario.title());
    let Some(figures) = &sample.figures else {
        let error = sample.error.as_deref().unwrap_or_default();
        let _ = write!(text, " no figure: {error}");
        return text;
    };
    for (value, decimals, unit) in [
        (figures.cpu_us, 1, "µs CPU"),
        (figures.p50_us, 0, "µs p50"),
        (figures.p99_us, 0, "µs p99"),
        (figures.rate, 0, "a second"),
        (figures.kib_a_stream, 1, "KiB a stream"),
    ] {
        if let Some(value) = value {
            let _ = write!(text, "  {value:.decimals$} {unit}");
        }
    }
    text
}

/// In Markdown.
pub fn table(machine: &Machine, samples: &[Sample]) -> String {
    let rounds = samples.iter().map(|sample| sample.round).max().unwrap_or(0);
    let commit = machine.versions.get("commit").map_or("", String::as_str);
    let mut text = format!(
        "{} · {} × {} · {} · commit {commit} · {rounds} rounds · load average at the start {}\n",
        machine.at.get(..10).unwrap_or_default(),
        machine.cpus,
        machine.cpu_model,
        machine.kernel,
        machine.load_average,
    );
    for kind in Kind::ALL {
        let of_kind: Vec<&Sample> = samples.iter().filter(|s| s.scenario == kind).collect();
        if !of_kind.is_empty() {
            scenario(&mut text, kind, &of_kind);
        }
    }
    text
}

fn scenario(text: &mut String, kind: Kind, samples: &[&Sample]) {
    let unit = kind.unit();
    let what = match kind {
        Kind::Small | Kind::Large => "time",
        Kind::Paced | Kind::Idle => "lateness of an event",
    };
    let head = match kind {
        Kind::Idle => "| KiB a waiting stream | × bare | resident, MiB |\n|---|---|---|---|".to_owned(),
        _ => format!("| CPU, µs a {unit} | × bare | added {what} p50, µs | added p99, µs | peak memory, MiB |\n|---|---|---|---|---|---|"),
    };
    let _ = writeln!(text, "\n| {} {head}", kind.title());
    let mut names: Vec<&str> = samples.iter().map(|sample| sample.contender).collect();
    names.sort_unstable_by_key(|name| (*name != DIRECT, *name != BARE, *name));
    names.dedup();
    for name in names {
        let failed = samples
            .iter()
            .filter(|s| s.contender == name && s.figures.is_none());
        let cells = match failed.count() {
            0 if kind == Kind::Idle => idle_cells(name, samples),
            0 => cells(name, samples),
            count => format!("no figure: {count} measurements failed | | |"),
        };
        let _ = writeln!(text, "| {name} | {cells}");
    }
}

fn cells(name: &str, samples: &[&Sample]) -> String {
    if name == DIRECT {
        let own = |of: fn(&Figures) -> Option<f64>| spread(name, samples, of, 0);
        let (p50, p99) = (own(|f| f.p50_us), own(|f| f.p99_us));
        return format!("– | – | (itself {p50}) | (itself {p99}) | – |");
    }
    format!(
        "{} | {} | {} | {} | {} |",
        spread(name, samples, |f| f.cpu_us, 1),
        against(name, BARE, samples, |f| f.cpu_us, |own, bare| own / bare, 2),
        against(
            name,
            DIRECT,
            samples,
            |f| f.p50_us,
            |own, direct| own - direct,
            0
        ),
        against(
            name,
            DIRECT,
            samples,
            |f| f.p99_us,
            |own, direct| own - direct,
            0
        ),
        spread(
            name,
            samples,
            |f| f.peak_kib.map(|kib| kib as f64 / 1024.0),
            1
        ),
    )
}

fn idle_cells(name: &str, samples: &[&Sample]) -> String {
    format!(
        "{} | {} | {} |",
        spread(name, samples, |f| f.kib_a_stream, 1),
        against(
            name,
            BARE,
            samples,
            |f| f.kib_a_stream,
            |own, bare| own / bare,
            2
        ),
        spread(
            name,
            samples,
            |f| f.resident_kib.map(|kib| kib as f64 / 1024.0),
            1
        ),
    )
}

/// Over the rounds.
fn spread(
    name: &str,
    samples: &[&Sample],
    of: impl Fn(&Figures) -> Option<f64>,
    decimals: usize,
) -> String {
    let own = samples.iter().filter(|sample| sample.contender == name);
    let values = own.filter_map(|sample| of(sample.figures.as_ref()?));
    Spread::of(values).map_or("–".to_owned(), |spread| spread.text(decimals))
}

/// Each round's figure held against another contender's of the same round.
fn against(
    name: &str,
    other: &str,
    samples: &[&Sample],
    of: impl Fn(&Figures) -> Option<f64>,
    compare: impl Fn(f64, f64) -> f64,
    decimals: usize,
) -> String {
    let values = samples
        .iter()
        .filter(|s| s.contender == name)
        .filter_map(|own| {
            let same_round = |s: &&&Sample| s.contender == other && s.round == own.round;
            let other = samples.iter().find(same_round)?;
            Some(compare(
                of(own.figures.as_ref()?)?,
                of(other.figures.as_ref()?)?,
            ))
        });
    Spread::of(values).map_or("–".to_owned(), |spread| spread.text(decimals))
}

pub fn put_into_readme(table: &str) -> Fallible<()> {
    let path = Path::new(README);
    let text = std::fs::read_to_string(path).map_err(|error| format!("{README}: {error}"))?;
    let marks = || format!("{README} lacks the marks around the table");
    let (front, rest) = text.split_once(BEGIN).ok_or_else(marks)?;
    let (_, back) = rest.split_once(END).ok_or_else(marks)?;
    std::fs::write(path, [front, BEGIN, table, END, back].concat())
        .map_err(|error| format!("{README}: {error}"))
}
