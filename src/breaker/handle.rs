//! What a request uses: asks its breaker, holds the permit while it is under way, reports how it went.
//!
//! A [`Permit`] that is dropped without a report says nothing about the upstream, and gives a probe's place back. So
//! whatever way a request ends, no probe's place stays taken.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::cell::{read, tell};
use super::key::Key;
use super::map;
use super::problem::Problem;
use super::state::{Epoch, Event, Outcome, Rule};
use super::table::{SlotId, Tables};
use super::time::BootMillis;
use super::view::View;
use crate::config;
use crate::platform::BootId;

/// All breakers of this process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Breakers {
    tables: Arc<Tables>,
}

/// One breaker: an upstream's address and a model there. Found when a configuration is loaded; cheap to clone.
#[derive(Debug, Clone)]
pub struct Slot {
    tables: Arc<Tables>,
    id: SlotId,
    address: u64,
}

/// Permission to send one request, to be given back with how it went.
#[derive(Debug)]
#[must_use = "a permit that is dropped says that nothing is known about the upstream"]
pub struct Permit {
    slot: Slot,
    epoch: Epoch,
    probe: bool,
    asked: BootMillis,
    reported: bool,
}

/// A probe's way to say that its answer has begun, for whoever sees that first.
#[derive(Debug)]
pub struct ProbeSign {
    slot: Slot,
    epoch: Epoch,
}

impl ProbeSign {
    /// Returns whether it closed the breaker.
    pub fn answered(self, now: BootMillis) -> bool {
        self.slot.succeeded(self.epoch, now)
    }
}

/// The breaker lets nobody through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When it may be worth asking again: when its time is over, or in a second while a probe is out.
    pub retry_in: Duration,
}

/// Which breakers a failure to connect has opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The one that was asked.
    pub own: bool,
    /// Those of other models at the same address.
    pub others: Vec<SlotId>,
}

impl From<&config::Breaker> for Rule {
    fn from(breaker: &config::Breaker) -> Rule {
        Rule::new(breaker.threshold, breaker.cool_down)
    }
}

impl Breakers {
    /// Opens or makes the file. With anything wrong that can't be put right, the breakers are in private memory.
    pub fn open(path: &Path, boot: Option<BootId>) -> (Breakers, Option<Problem>) {
        match map::open(path, boot) {
            Ok((words, problem)) => (Breakers::of(Tables::shared(words)), problem),
            Err(problem) => (Breakers::private(), Some(problem)),
        }
    }

    /// Breakers that only this process knows.
    pub fn private() -> Breakers {
        Breakers::of(Tables::private())
    }

    fn of(tables: Tables) -> Breakers {
        Breakers {
            tables: Arc::new(tables),
        }
    }

    /// Whether other processes see them, and the next one after a restart.
    pub fn is_shared(&self) -> bool {
        self.tables.is_shared()
    }

    /// How many breakers are private because the file is full.
    pub fn without_place(&self) -> usize {
        self.tables.beyond_the_first()
    }

    /// The breaker of this key, a closed one where there was none. Searches; not for every request.
    pub fn slot(&self, key: &Key) -> Slot {
        Slot {
            tables: Arc::clone(&self.tables),
            id: self.tables.claim(key.marks()),
            address: key.marks().address,
        }
    }
}

impl Slot {
    pub fn id(&self) -> SlotId {
        self.id
    }

    /// May a request go there? If it becomes the probe, its place falls free after [`super::lease`].
    ///
    /// # Errors
    /// The breaker is open, or its probe is out.
    pub fn ask(&self, now: BootMillis, lease: Duration) -> Result<Permit, Refused> {
        let permit = |epoch, probe| Permit {
            slot: self.clone(),
            epoch,
            probe,
            asked: now,
            reported: false,
        };
        match self.tell(Event::Ask { lease }, now) {
            Outcome::Go { epoch } => Ok(permit(epoch, false)),
            Outcome::Probe { epoch } => Ok(permit(epoch, true)),
            Outcome::Refused { retry_in } => Err(Refused { retry_in }),
            Outcome::Opened | Outcome::Closed | Outcome::Counted | Outcome::Ignored => {
                unreachable!("who asks is let go, made the probe or refused")
            }
        }
    }

    pub fn look(&self, now: BootMillis) -> View {
        View::of(read(self.tables.word(self.id)), now)
    }

    /// Closes it; what is under way won't be counted. Returns whether it wasn't closed.
    pub fn reset(&self, now: BootMillis) -> bool {
        self.tell(Event::Reset, now) == Outcome::Closed
    }

    fn tell(&self, event: Event, now: BootMillis) -> Outcome {
        tell(self.tables.word(self.id), event, now)
    }

    /// Returns whether it closed the breaker.
    fn succeeded(&self, epoch: Epoch, now: BootMillis) -> bool {
        let outcome = self.tell(Event::Success { epoch }, now);
        if outcome != Outcome::Ignored {
            self.tell_others(Event::Reachable, now);
        }
        outcome == Outcome::Closed
    }

    /// Tells the other models' breakers at this address, and returns those that it opened.
    fn tell_others(&self, event: Event, now: BootMillis) -> Vec<SlotId> {
        self.tables
            .at_address(self.address)
            .filter(|(id, _)| *id != self.id)
            .filter(|(_, word)| tell(*word, event, now) == Outcome::Opened)
            .map(|(id, _)| id)
            .collect()
    }
}

impl Permit {
    /// It went through a breaker that nobody else may pass until it has answered.
    pub fn is_probe(&self) -> bool {
        self.probe
    }

    /// None where nobody waits for a sign.
    pub fn sign(&self) -> Option<ProbeSign> {
        self.probe.then(|| ProbeSign {
            slot: self.slot.clone(),
            epoch: self.epoch,
        })
    }

    /// The answer has begun: a stream's first event with content, a plain answer's status below 500.
    ///
    /// That closes the breaker if this is its probe; from then on it counts like any other request. Returns whether it
    /// closed it.
    pub fn answered(&mut self, now: BootMillis) -> bool {
        std::mem::take(&mut self.probe) && self.slot.succeeded(self.epoch, now)
    }

    /// The answer came to a good end. Returns whether that closed the breaker.
    pub fn success(mut self, now: BootMillis) -> bool {
        self.reported = true;
        self.slot.succeeded(self.epoch, now)
    }

    /// The upstream failed in a way that counts, by the rule of the route that asked. Returns whether that opened the
    /// breaker.
    pub fn failure(mut self, now: BootMillis, rule: Rule) -> bool {
        self.report_failure(now, rule) == Outcome::Opened
    }

    /// There was no connection to be had, which counts for every model at the address.
    pub fn failed_to_connect(mut self, now: BootMillis, rule: Rule) -> Opened {
        match self.report_failure(now, rule) {
            // It started before the breaker opened: old news for the other models too.
            Outcome::Ignored => Opened::default(),
            outcome => Opened {
                own: outcome == Outcome::Opened,
                others: self.slot.tell_others(Event::Unreachable { rule }, now),
            },
        }
    }

    fn report_failure(&mut self, now: BootMillis, rule: Rule) -> Outcome {
        self.reported = true;
        let epoch = self.epoch;
        self.slot.tell(Event::Failure { epoch, rule }, now)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.reported {
            let epoch = self.epoch;
            self.slot.tell(Event::Left { epoch }, self.asked);
        }
    }
}
