//! The usual `process_*` numbers, which Prometheus' own client libraries publish too.
//!
//! What the system doesn't tell has no series.

use std::sync::{Arc, OnceLock};

use prometheus::{Counter, Gauge};

use super::families::Families;
use super::family::Family;
use crate::platform::ProcessFacts;

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
