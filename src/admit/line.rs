//! One line of waiting requests: first in, first out, among those that could use the same upstreams.

use std::collections::BTreeMap;
use std::time::Instant;

use super::ticket::{Arrival, Candidate, UpstreamId};

/// A caller's waiting requests in one lane, or a lane's waiting retries.
#[derive(Debug)]
pub struct Line<W> {
    /// By upstreams, in the order of their first requests; none is empty.
    groups: Vec<Group<W>>,
    len: usize,
}

/// The requests that could use the same upstreams: where the first of them can't go, none can.
#[derive(Debug)]
struct Group<W> {
    /// Sorted, each once.
    upstreams: Vec<UpstreamId>,
    waiters: BTreeMap<Arrival, Waiter<W>>,
}

/// A waiting request; `answer` is how it is told.
#[derive(Debug)]
pub struct Waiter<W> {
    pub candidates: Vec<Candidate>,
    pub prompt_bytes: u64,
    pub since: Instant,
    pub answer: W,
}

impl<W> Default for Line<W> {
    fn default() -> Line<W> {
        let groups = Vec::new();
        Line { groups, len: 0 }
    }
}

impl<W> Line<W> {
    pub fn insert(&mut self, arrival: Arrival, waiter: Waiter<W>) {
        let upstreams = upstreams_of(&waiter.candidates);
        let group = self.groups.iter_mut().find(|g| g.upstreams == upstreams);
        match group {
            Some(group) => {
                group.waiters.insert(arrival, waiter);
            }
            None => {
                let waiters = BTreeMap::from([(arrival, waiter)]);
                self.groups.push(Group { upstreams, waiters });
            }
        }
        self.len += 1;
        self.sort();
    }

    pub fn remove(&mut self, arrival: Arrival) -> Option<Waiter<W>> {
        let mut groups = self.groups.iter_mut();
        let waiter = groups.find_map(|group| group.waiters.remove(&arrival))?;
        self.groups.retain(|group| !group.waiters.is_empty());
        self.len -= 1;
        self.sort();
        Some(waiter)
    }

    /// The first of each group, in the order of their arrival.
    pub fn heads(&self) -> impl Iterator<Item = (Arrival, &Waiter<W>)> {
        let firsts = self.groups.iter().map(|group| group.waiters.iter().next());
        firsts.flatten().map(|(arrival, waiter)| (*arrival, waiter))
    }

    pub fn newest(&self) -> Option<Arrival> {
        let lasts = self.groups.iter().map(|group| group.waiters.keys().last());
        lasts.flatten().max().copied()
    }

    /// Since when the first one waits.
    pub fn since(&self) -> Option<Instant> {
        self.heads().next().map(|(_, waiter)| waiter.since)
    }

    pub fn contains(&self, arrival: Arrival) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| group.waiters.contains_key(&arrival))
    }

    /// How many came before `arrival`; none when it doesn't wait here.
    pub fn ahead_of(&self, arrival: Arrival) -> Option<usize> {
        if !self.contains(arrival) {
            return None;
        }
        let before = |group: &Group<W>| group.waiters.range(..arrival).count();
        Some(self.groups.iter().map(before).sum())
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn sort(&mut self) {
        let first = |group: &Group<W>| group.waiters.keys().next().copied();
        self.groups.sort_by_key(first);
    }
}

/// Sorted, each once.
pub fn upstreams_of(candidates: &[Candidate]) -> Vec<UpstreamId> {
    let mut upstreams: Vec<UpstreamId> = candidates.iter().map(|one| one.upstream).collect();
    upstreams.sort_unstable();
    upstreams.dedup();
    upstreams
}
