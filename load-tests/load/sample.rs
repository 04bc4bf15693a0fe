//! One measurement: a contender, a scenario, a round.

use std::time::Duration;

use serde::Serialize;

use crate::process::Usage;
use crate::scenario::Kind;

/// One line of `samples.jsonl`.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    pub round: u32,
    pub scenario: Kind,
    pub contender: &'static str,
    /// Sent in all, the warm-up included.
    pub requests: u64,
    /// None when something didn't add up; `error` says what.
    pub figures: Option<Figures>,
    pub error: Option<String>,
}

/// What isn't measured in a scenario is null. Times of clients are in µs.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Figures {
    /// CPU time of the proxy's process, µs a request or a stream.
    pub cpu_us: Option<f64>,
    /// Requests a second of the busy connections.
    pub rate: Option<f64>,
    pub busy_p50_us: Option<f64>,
    pub busy_p99_us: Option<f64>,
    /// Of a lone client's requests; of streams, how late their events were.
    pub p50_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub resident_kib: Option<u64>,
    pub peak_kib: Option<u64>,
    /// Memory of each waiting stream.
    pub kib_a_stream: Option<f64>,
}

impl Figures {
    pub fn of_cpu(before: Option<Usage>, after: Option<Usage>, count: usize) -> Figures {
        let (Some(before), Some(after)) = (before, after) else {
            return Figures::default();
        };
        let spent: Duration = after.cpu.saturating_sub(before.cpu);
        Figures {
            cpu_us: Some(spent.as_secs_f64() * 1e6 / count as f64),
            resident_kib: Some(after.resident_kib),
            peak_kib: Some(after.peak_kib),
            ..Figures::default()
        }
    }

    pub fn of_memory(before: Option<Usage>, after: Option<Usage>, streams: usize) -> Figures {
        let (Some(before), Some(after)) = (before, after) else {
            return Figures::default();
        };
        let grown = after.resident_kib.saturating_sub(before.resident_kib);
        Figures {
            kib_a_stream: Some(grown as f64 / streams as f64),
            resident_kib: Some(after.resident_kib),
            peak_kib: Some(after.peak_kib),
            ..Figures::default()
        }
    }
}
