//! The usual `process_*` numbers, which Prometheus' own client libraries publish too.
//!
//! What a platform doesn't tell has no series. [`read_own_process`] reads `/proc`; where there is none it
//! knows the descriptor limit only, and the caller may pass facts from elsewhere.

use std::fs;
use std::sync::{Arc, OnceLock};

use prometheus::{Counter, Gauge};
use rustix::process::Resource;

use super::families::Families;
use super::family::Family;

/// What is known of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessFacts {
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub open_descriptors: Option<u64>,
    pub max_descriptors: Option<u64>,
    pub threads: Option<u64>,
    /// Seconds since 1970.
    pub started: Option<f64>,
}

/// Reads them from `/proc` and the resource limits.
pub fn read_own_process() -> ProcessFacts {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let system_stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let facts = facts_of_stat(
        &stat,
        boot_time(&system_stat),
        rustix::param::clock_ticks_per_second() as f64,
        rustix::param::page_size() as u64,
    );
    ProcessFacts {
        open_descriptors: count_descriptors(),
        max_descriptors: rustix::process::getrlimit(Resource::Nofile).current,
        ..facts
    }
}

/// The directory itself is open while it is read, and doesn't count.
fn count_descriptors() -> Option<u64> {
    let listed = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(listed.saturating_sub(1))
}

/// `/proc/PID/stat` as proc(5) has it. The second field, the program's name in brackets, may hold blanks
/// and brackets itself, so counting begins behind the last bracket, with field 3.
fn facts_of_stat(stat: &str, boot_time: Option<f64>, ticks: f64, page_bytes: u64) -> ProcessFacts {
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let seconds = |number: usize| Some(field(number)? as f64 / ticks);
    ProcessFacts {
        cpu_seconds: seconds(14)
            .zip(seconds(15))
            .map(|(user, system)| user + system),
        threads: field(20),
        started: seconds(22)
            .zip(boot_time)
            .map(|(since_boot, boot)| boot + since_boot),
        virtual_bytes: field(23),
        resident_bytes: field(24).map(|pages| pages.saturating_mul(page_bytes)),
        ..ProcessFacts::default()
    }
}

fn boot_time(system_stat: &str) -> Option<f64> {
    let line = system_stat
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

/// The series, each made with its first value.
#[derive(Default)]
pub struct ProcessSeries {
    cpu: OnceLock<Arc<Counter>>,
    resident_memory: OnceLock<Arc<Gauge>>,
    virtual_memory: OnceLock<Arc<Gauge>>,
    open_fds: OnceLock<Arc<Gauge>>,
    max_fds: OnceLock<Arc<Gauge>>,
    threads: OnceLock<Arc<Gauge>>,
    start_time: OnceLock<Arc<Gauge>>,
}

impl ProcessSeries {
    pub fn set(&self, families: &Families, facts: &ProcessFacts) {
        if let Some(seconds) = facts.cpu_seconds {
            let cpu = self.cpu.get_or_init(|| families.process_cpu.series([]));
            // A counter only grows; user and system time are read at two instants.
            cpu.inc_by((seconds - cpu.get()).max(0.0));
        }
        let number = |fact: Option<u64>| fact.map(|value| value as f64);
        set(
            &self.resident_memory,
            &families.process_resident_memory,
            number(facts.resident_bytes),
        );
        set(
            &self.virtual_memory,
            &families.process_virtual_memory,
            number(facts.virtual_bytes),
        );
        set(
            &self.open_fds,
            &families.process_open_fds,
            number(facts.open_descriptors),
        );
        set(
            &self.max_fds,
            &families.process_max_fds,
            number(facts.max_descriptors),
        );
        set(
            &self.threads,
            &families.process_threads,
            number(facts.threads),
        );
        set(
            &self.start_time,
            &families.process_start_time,
            facts.started,
        );
    }
}

fn set(place: &OnceLock<Arc<Gauge>>, family: &Family<Gauge, 0>, value: Option<f64>) {
    if let Some(value) = value {
        place.get_or_init(|| family.series([])).set(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "4242 (side) gate (x) S 1 4242 4242 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 7 0 1000 \
                        104857600 2560 18446744073709551615 1 1 0 0 0 0";

    #[test]
    fn fields_are_counted_behind_the_name() {
        let facts = facts_of_stat(STAT, Some(1_700_000_000.0), 100.0, 4096);
        let expected = ProcessFacts {
            cpu_seconds: Some(3.0),
            resident_bytes: Some(2560 * 4096),
            virtual_bytes: Some(104_857_600),
            threads: Some(7),
            started: Some(1_700_000_010.0),
            ..ProcessFacts::default()
        };
        assert_eq!(facts, expected);
    }

    #[test]
    fn without_proc_nothing_is_made_up() {
        assert_eq!(
            facts_of_stat("", None, 100.0, 4096),
            ProcessFacts::default()
        );
        assert_eq!(
            facts_of_stat("1 (x) S", None, 100.0, 4096),
            ProcessFacts::default()
        );
    }

    #[test]
    fn boot_time_is_found_among_the_cpus() {
        assert_eq!(
            boot_time("cpu 1 2 3\nbtime 1700000000\nprocesses 9\n"),
            Some(1_700_000_000.0)
        );
        assert_eq!(boot_time(""), None);
    }
}
