//! Percentiles of times, medians of rounds.

use std::time::Duration;

/// In µs, by the nearest rank; none of nothing.
pub fn percentile(times: &[Duration], percent: f64) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    let time = sorted.get(rank.saturating_sub(1))?;
    Some(time.as_secs_f64() * 1e6)
}

/// The middle of what the rounds gave, and how far they lay apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Spread {
            median: (lower + upper) / 2.0,
            least,
            most,
        })
    }

    pub fn text(self, decimals: usize) -> String {
        let Spread {
            median,
            least,
            most,
        } = self;
        format!("{median:.decimals$} ({least:.decimals$}..{most:.decimals$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_middles() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_micros).collect();
        assert_eq!(percentile(&times, 50.0), Some(50.0));
        assert_eq!(percentile(&times, 99.0), Some(99.0));
        assert_eq!(percentile(&[], 99.0), None);
        assert_eq!(Spread::of([]), None);
        let spread = Spread::of([4.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread.text(1), "2.0 (1.0..4.0)");
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median, 2.5);
    }
}
