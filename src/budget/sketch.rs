//! Counts requests in a count-min sketch, and makes sure that the sketch is exact.
//!
//! A sketch keeps a few rows of counters and adds to one counter a row, chosen by a hash; an entry's count is the smallest
//! of its counters. So it never counts too little, and it counts too much only for an entry that shares *every* one of its
//! counters. Here the entries are known beforehand: those that the configuration limits. When they change a sketch is drawn
//! for them in which each has at least one counter of its own, and such a sketch counts exactly, taking back included.
//!
//! # How often one has to be drawn again
//!
//! With `n` entries, rows of `w` ≥ 32·n counters and 4 rows, an entry shares all four with a chance below
//! (1 − (1 − 1/w)ⁿ⁻¹)⁴ < (1/32)⁴ ≈ 9.5·10⁻⁷; for n = 10 and w = 1,024 it is 6·10⁻⁹. So a draw fails for any of 1,000 entries
//! once in a thousand times, and eight draws in a row don't in this universe. If they did, an entry could be refused too
//! early, never too late. The price is 32 KiB, and 1 KiB an entry beyond 32 of them.
//!
//! The caller holds a lock: looking, deciding and counting are one step. Without it a refused request would have to be
//! counted first and taken back after, and another one could be refused in between for a count that nobody used.

use pingora_limits::estimator::Estimator;

const ROWS: usize = 4;

const COUNTERS_AT_LEAST: usize = 1_024;

/// Counters of a row for each entry.
const COUNTERS_PER_ENTRY: usize = 32;

const DRAWS: usize = 8;

/// Requests by the number of their meter.
pub struct RequestCounts {
    sketch: Estimator,
}

impl RequestCounts {
    /// Counts for exactly these entries, from what each has already.
    pub fn starting_with(entries: &[(usize, u64)]) -> RequestCounts {
        let counts = RequestCounts {
            sketch: draw(entries),
        };
        for (entry, count) in entries {
            counts.add(*entry, *count);
        }
        counts
    }

    pub fn get(&self, entry: usize) -> u64 {
        u64::try_from(self.sketch.get(entry)).unwrap_or(0)
    }

    pub fn add(&self, entry: usize, more: u64) {
        self.sketch.incr(entry, signed(more));
    }

    /// Takes back what was added before.
    pub fn take_back(&self, entry: usize, less: u64) {
        self.sketch.decr(entry, signed(less.min(self.get(entry))));
    }
}

impl std::fmt::Debug for RequestCounts {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("RequestCounts(…)")
    }
}

/// A zeroed sketch in which each entry has a counter of its own.
fn draw(entries: &[(usize, u64)]) -> Estimator {
    let counters = entries.len().saturating_mul(COUNTERS_PER_ENTRY);
    let mut sketch = Estimator::new(ROWS, counters.max(COUNTERS_AT_LEAST));
    for _ in 1..DRAWS {
        if is_exact(&sketch, entries) {
            break;
        }
        sketch = Estimator::new(ROWS, counters.max(COUNTERS_AT_LEAST));
    }
    sketch.reset();
    sketch
}

/// Tries it: after one count for each, whoever has a counter of its own reads one.
fn is_exact(sketch: &Estimator, entries: &[(usize, u64)]) -> bool {
    for (entry, _) in entries {
        sketch.incr(entry, 1);
    }
    entries.iter().all(|(entry, _)| sketch.get(entry) == 1)
}

fn signed(count: u64) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_entries_are_counted_exactly() {
        let entries: Vec<(usize, u64)> = (0..1_000).map(|entry| (entry, entry as u64)).collect();
        let counts = RequestCounts::starting_with(&entries);
        for (entry, _) in &entries {
            counts.add(*entry, 3);
            counts.take_back(*entry, 1);
        }
        for (entry, before) in entries {
            assert_eq!(counts.get(entry), before + 2);
        }
    }

    #[test]
    fn a_sketch_in_which_entries_meet_is_found_out() {
        let entries = [(0, 0), (1, 0)];
        assert!(!is_exact(&Estimator::new(ROWS, 1), &entries));
    }

    #[test]
    fn no_more_is_taken_back_than_there_is() {
        let counts = RequestCounts::starting_with(&[(7, 2)]);
        counts.take_back(7, 5);
        assert_eq!(counts.get(7), 0);
    }
}
