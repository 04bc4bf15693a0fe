//! What is still written as the volume of the log folder fills up: bodies go first, then access lines.
//!
//! Other programs need the volume, too, and a full one stops some of them. What the process itself has to say is written
//! for as long as the disk takes it.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How often the volume is measured.
pub const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// From this share on no access lines are written.
pub const ACCESS_LINES_END: f64 = 0.95;

/// What was given up comes back this far below where it was given up, so that it doesn't come and go.
const SLACK: f64 = 0.01;

/// What is written; each leaves out what the one before it does.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowance {
    #[default]
    Everything,
    /// No bodies of upstreams: the volume is above the alert.
    NoBodies,
    /// No access lines either.
    NoAccessLines,
}

impl Allowance {
    const ALL: [Allowance; 3] = [
        Allowance::Everything,
        Allowance::NoBodies,
        Allowance::NoAccessLines,
    ];

    /// Whether bodies are written.
    pub fn has_bodies(self) -> bool {
        match self {
            Allowance::Everything => true,
            Allowance::NoBodies | Allowance::NoAccessLines => false,
        }
    }

    /// Whether access lines are written.
    pub fn has_access_lines(self) -> bool {
        match self {
            Allowance::Everything | Allowance::NoBodies => true,
            Allowance::NoAccessLines => false,
        }
    }

    /// From which used share on this is the case.
    fn begins(self, alert_percent: u8) -> f64 {
        match self {
            Allowance::Everything => 0.0,
            Allowance::NoBodies => f64::from(alert_percent) / 100.0,
            Allowance::NoAccessLines => ACCESS_LINES_END,
        }
    }
}

/// What to write now that the used share is `used`; `before` is what was written until now.
pub fn allowance(before: Allowance, used: f64, alert_percent: u8) -> Allowance {
    let holds = |allowance: &Allowance| {
        let slack = if *allowance <= before { SLACK } else { 0.0 };
        used >= allowance.begins(alert_percent) - slack
    };
    let least = Allowance::ALL.into_iter().rev().find(holds);
    least.unwrap_or_default()
}

/// The latest measurement of the volume.
#[derive(Debug, Default)]
pub struct Room {
    measured: Option<Instant>,
    used: f64,
    allowance: Allowance,
}

impl Room {
    pub fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Measures when it is time to; a volume that doesn't say leaves everything as it was.
    pub fn look(
        &mut self,
        now: Instant,
        alert_percent: u8,
        measure: impl FnOnce() -> io::Result<f64>,
    ) {
        let is_due = self
            .measured
            .is_none_or(|last| now.saturating_duration_since(last) >= MEASURE_EVERY);
        if !is_due {
            return;
        }
        self.measured = Some(now);
        if let Ok(used) = measure() {
            self.used = used;
            self.allowance = allowance(self.allowance, used, alert_percent);
        }
    }

    /// The next look measures, and what was given up comes back without slack: the alert is another.
    pub fn forget(&mut self) {
        *self = Room::default();
    }

    /// Why an access line isn't written.
    pub fn refusal(&self) -> io::Error {
        io::Error::new(
            io::ErrorKind::StorageFull,
            format!(
                "the volume is {} % full, and from {:.0} % on no access lines are written",
                self.used_percent(),
                ACCESS_LINES_END * 100.0
            ),
        )
    }

    /// The used share when it was last measured, as whole per cent.
    pub fn used_percent(&self) -> u8 {
        (self.used * 100.0) as u8
    }
}

/// The writer's allowance, for those who make the lines.
#[derive(Debug, Default)]
pub struct SharedAllowance(AtomicU8);

impl SharedAllowance {
    pub fn get(&self) -> Allowance {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        Allowance::ALL.get(index).copied().unwrap_or_default()
    }

    /// What it was before.
    pub fn set(&self, allowance: Allowance) -> Allowance {
        let before = self.get();
        self.0.store(allowance as u8, Ordering::Relaxed);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use Allowance::{Everything, NoAccessLines, NoBodies};

    #[test]
    fn bodies_end_at_the_alert_and_access_lines_at_95_per_cent() {
        for (used, expected) in [
            (0.0, Everything),
            (0.799, Everything),
            (0.8, NoBodies),
            (0.949, NoBodies),
            (0.95, NoAccessLines),
            (1.0, NoAccessLines),
        ] {
            assert_eq!(allowance(Everything, used, 80), expected, "{used}");
        }
    }

    #[test]
    fn what_was_given_up_comes_back_a_little_later() {
        for (before, used, expected) in [
            (NoBodies, 0.795, NoBodies),
            (NoBodies, 0.785, Everything),
            (NoAccessLines, 0.945, NoAccessLines),
            (NoAccessLines, 0.935, NoBodies),
            (NoAccessLines, 0.795, NoBodies),
            (NoAccessLines, 0.785, Everything),
        ] {
            assert_eq!(allowance(before, used, 80), expected, "{before:?} {used}");
        }
    }

    #[test]
    fn bodies_never_outlive_access_lines() {
        assert_eq!(allowance(Everything, 0.96, 100), NoAccessLines);
        assert_eq!(allowance(Everything, 0.94, 100), Everything);
        assert!(!NoAccessLines.has_bodies());
    }

    #[test]
    fn a_volume_is_measured_now_and_then() {
        let (mut room, begun) = (Room::default(), Instant::now());
        room.look(begun, 80, || Ok(0.9));
        assert_eq!(room.allowance(), NoBodies);
        room.look(begun + MEASURE_EVERY / 2, 80, || unreachable!("too early"));
        room.look(begun + MEASURE_EVERY, 80, || Ok(0.967));
        assert_eq!(room.allowance(), NoAccessLines);
        assert_eq!(
            room.refusal().to_string(),
            "the volume is 96 % full, and from 95 % on no access lines are written"
        );
    }

    #[test]
    fn a_volume_that_does_not_say_leaves_everything_as_it_was() {
        let (mut room, begun) = (Room::default(), Instant::now());
        let no_answer = || Err(io::ErrorKind::NotFound.into());
        room.look(begun, 80, no_answer);
        assert_eq!(room.allowance(), Everything);
        room.look(begun + MEASURE_EVERY, 80, || Ok(0.99));
        room.look(begun + MEASURE_EVERY * 2, 80, no_answer);
        assert_eq!(room.allowance(), NoAccessLines);
    }

    #[test]
    fn each_allowance_reaches_those_who_ask() {
        let shared = SharedAllowance::default();
        for allowance in Allowance::ALL {
            shared.set(allowance);
            assert_eq!(shared.get(), allowance);
        }
    }

    proptest! {
        #[test]
        fn a_fuller_volume_never_allows_more(
            one in 0.0..=1.0_f64, other in 0.0..=1.0_f64, alert in 0_u8..=100, before in 0_usize..3,
        ) {
            let before = Allowance::ALL[before];
            let (less, more) = (one.min(other), one.max(other));
            prop_assert!(allowance(before, less, alert) <= allowance(before, more, alert));
        }

        #[test]
        fn a_second_look_at_the_same_share_changes_nothing(
            used in 0.0..=1.0_f64, alert in 0_u8..=100, before in 0_usize..3,
        ) {
            let first = allowance(Allowance::ALL[before], used, alert);
            prop_assert_eq!(allowance(first, used, alert), first);
        }
    }
}
