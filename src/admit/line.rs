//! One line of waiting requests, in groups of those that could use the same upstreams.

use std::collections::BTreeMap;
use std::time::Instant;

use super::ticket::{Arrival, Candidate, UpstreamId};

/// A caller's waiting requests in one lane, or a lane's waiting retries.
#[derive(Debug)]
pub struct Line<W> {
    /// In the order of their first requests; none is empty.
    groups: Vec<Group<W>>,
    next_group: u64,
    len: usize,
}

/// The requests that could use the same upstreams: where the first of them can't go, none can.
#[derive(Debug)]
struct Group<W> {
    id: GroupId,
    /// Sorted, each once.
    upstreams: Vec<UpstreamId>,
    waiters: BTreeMap<Arrival, Waiter<W>>,
}

/// A group of one line, until it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupId(u64);

/// A waiting request; `answer` is how it is told.
#[derive(Debug)]
pub struct Waiter<W> {
    pub candidates: Vec<Candidate>,
    pub prompt_bytes: u64,
    pub since: Instant,
    pub answer: W,
}

/// A request that has left its line.
#[derive(Debug)]
pub struct Left<W> {
    pub waiter: Waiter<W>,
    pub group: GroupId,
    /// The group went with it.
    pub was_last: bool,
}

impl<W> Default for Line<W> {
    fn default() -> Line<W> {
        Line {
            groups: Vec::new(),
            next_group: 0,
            len: 0,
        }
    }
}

impl<W> Line<W> {
    /// The group, if the request is its first.
    pub fn insert(&mut self, arrival: Arrival, waiter: Waiter<W>) -> Option<GroupId> {
        self.len += 1;
        let upstreams = upstreams_of(&waiter.candidates);
        let mut groups = self.groups.iter_mut();
        if let Some(group) = groups.find(|group| group.upstreams == upstreams) {
            group.waiters.insert(arrival, waiter);
            self.sort();
            return None;
        }
        let id = GroupId(self.next_group);
        self.next_group += 1;
        self.groups.push(Group {
            id,
            upstreams,
            waiters: BTreeMap::from([(arrival, waiter)]),
        });
        self.sort();
        Some(id)
    }

    pub fn remove(&mut self, arrival: Arrival) -> Option<Left<W>> {
        let mut groups = self.groups.iter_mut();
        let left = groups.find_map(|group| {
            let waiter = group.waiters.remove(&arrival)?;
            Some(Left {
                waiter,
                group: group.id,
                was_last: group.waiters.is_empty(),
            })
        })?;
        self.groups.retain(|group| !group.waiters.is_empty());
        self.len -= 1;
        self.sort();
        Some(left)
    }

    /// The first of each group, in the order of their arrival.
    pub fn heads(&self) -> impl Iterator<Item = (Arrival, &Waiter<W>)> {
        self.groups.iter().filter_map(Group::head)
    }

    pub fn head_of(&self, group: GroupId) -> Option<(Arrival, &Waiter<W>)> {
        self.group(group)?.head()
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
        self.group_with(arrival).is_some()
    }

    /// How many of the whole line came before it; none when it doesn't wait here.
    pub fn ahead_of(&self, arrival: Arrival) -> Option<usize> {
        self.group_with(arrival)?;
        Some(
            self.groups
                .iter()
                .map(|group| group.ahead_of(arrival))
                .sum(),
        )
    }

    /// Its group, and how many of that came before it.
    pub fn place_of(&self, arrival: Arrival) -> Option<(GroupId, usize)> {
        let group = self.group_with(arrival)?;
        Some((group.id, group.ahead_of(arrival)))
    }

    pub fn len_of(&self, group: GroupId) -> usize {
        self.group(group).map_or(0, |group| group.waiters.len())
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn group(&self, id: GroupId) -> Option<&Group<W>> {
        self.groups.iter().find(|group| group.id == id)
    }

    fn group_with(&self, arrival: Arrival) -> Option<&Group<W>> {
        let mut groups = self.groups.iter();
        groups.find(|group| group.waiters.contains_key(&arrival))
    }

    fn sort(&mut self) {
        let first = |group: &Group<W>| group.waiters.keys().next().copied();
        self.groups.sort_by_key(first);
    }
}

impl<W> Group<W> {
    fn head(&self) -> Option<(Arrival, &Waiter<W>)> {
        let (arrival, waiter) = self.waiters.iter().next()?;
        Some((*arrival, waiter))
    }

    fn ahead_of(&self, arrival: Arrival) -> usize {
        self.waiters.range(..arrival).count()
    }
}

/// Sorted, each once.
pub fn upstreams_of(candidates: &[Candidate]) -> Vec<UpstreamId> {
    let mut upstreams: Vec<UpstreamId> = candidates.iter().map(|one| one.upstream).collect();
    upstreams.sort_unstable();
    upstreams.dedup();
    upstreams
}
