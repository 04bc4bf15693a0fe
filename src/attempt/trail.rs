//! What one request has tried, and which target comes next.
//!
//! Failing over costs nothing, so it comes first: the same tier's other targets, then the next tier. The same target is
//! asked again only where no other is left and the verdict allows it, or where the verdict wants it first.

use crate::config::{Balance, Target};

use super::prefix::{self, Site};
use super::verdict::{Elsewhere, Repeat, Verdict};

/// The attempts so far.
#[derive(Debug, Default)]
pub struct Trail {
    tries: Vec<Try>,
}

#[derive(Debug, Clone, Copy)]
struct Try {
    target: usize,
    verdict: Verdict,
}

/// The target of the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Index into the route's targets.
    pub target: usize,
    /// It was asked before and wants a pause first.
    pub wait: bool,
}

/// How busy a target is, and where its turn stands.
pub trait Load {
    /// What the target's upstream has to do, in requests.
    fn requests(&self, target: &Target) -> u32;
    /// Its upstream goes behind the others of the route.
    fn is_behind(&self, target: &Target) -> bool;
    /// A number that grows with each choice on this route.
    fn turn(&self) -> usize;
    /// What the request begins with, where that decides.
    fn prefix(&self) -> Option<u64>;
    /// What the target is known by on every host; see [`identity`](super::identity).
    fn identity(&self, target: &Target) -> u64;
}

impl Trail {
    /// Remembers what an attempt at `target` came to.
    pub fn push(&mut self, target: usize, verdict: Verdict) {
        self.tries.push(Try { target, verdict });
    }

    /// The next target, or none when the verdicts leave nothing to try. Those in `closed` can't be asked now.
    pub fn next(
        &self,
        targets: &[Target],
        balance: Balance,
        load: &impl Load,
        closed: &[usize],
    ) -> Option<Choice> {
        if self.tries.iter().any(|t| t.stops()) {
            return None;
        }
        if let ([_], []) = (targets, self.tries.as_slice()) {
            return closed.is_empty().then_some(Choice {
                target: 0,
                wait: false,
            });
        }
        if let Some(again) = self.same_again(targets, closed) {
            return Some(again);
        }
        let fresh: Vec<usize> = (0..targets.len())
            .filter(|&i| !closed.contains(&i) && self.times(i) == 0 && self.admits(i, targets))
            .collect();
        if let Some(target) = best(&fresh, targets, balance, load) {
            return Some(Choice {
                target,
                wait: false,
            });
        }
        let repeatable: Vec<usize> = (0..targets.len())
            .filter(|&i| {
                !closed.contains(&i) && self.may_repeat(i) && self.admits_again(i, targets)
            })
            .collect();
        // The one that failed least, then the one that comes first.
        let target = repeatable
            .into_iter()
            .min_by_key(|&i| (self.is_last_resort(i), self.times(i)))?;
        Some(Choice {
            target,
            wait: self.waits(target),
        })
    }

    /// The target that failed last, where its verdict wants it asked once more before any other.
    fn same_again(&self, targets: &[Target], closed: &[usize]) -> Option<Choice> {
        let last = self.tries.last()?;
        let wait = match last.verdict.repeat {
            Repeat::OnceAtOnce | Repeat::AtOnce => false,
            Repeat::OnceFirst => true,
            Repeat::AfterShortWait
                if self.times(last.target) == 1
                    && !self.has_equals(last.target, targets, closed) =>
            {
                true
            }
            Repeat::Never
            | Repeat::OnceAfterWait
            | Repeat::AfterWait
            | Repeat::AfterShortWait
            | Repeat::LastAfterWait => return None,
        };
        let target = last.target;
        let open = !closed.contains(&target) && self.may_repeat(target);
        (open && self.admits_again(target, targets)).then_some(Choice { target, wait })
    }

    /// Another target of the same tier can be asked at once.
    fn has_equals(&self, target: usize, targets: &[Target], closed: &[usize]) -> bool {
        let tier = targets.get(target).map(|target| target.tier);
        let mut others = targets.iter().enumerate().filter(|(i, _)| *i != target);
        others.any(|(i, other)| {
            let fresh = self.times(i) == 0 && self.admits(i, targets);
            Some(other.tier) == tier && fresh && !closed.contains(&i)
        })
    }

    fn times(&self, target: usize) -> usize {
        self.tries.iter().filter(|t| t.target == target).count()
    }

    fn tries_of(&self, target: usize) -> impl Iterator<Item = &Try> {
        self.tries.iter().filter(move |t| t.target == target)
    }

    /// No earlier verdict speaks against a target that wasn't tried yet.
    fn admits(&self, candidate: usize, targets: &[Target]) -> bool {
        self.tries.iter().all(|t| allows(t, candidate, targets))
    }

    /// The same for a target that was tried: its own verdicts are judged by [`Trail::may_repeat`].
    fn admits_again(&self, candidate: usize, targets: &[Target]) -> bool {
        self.tries
            .iter()
            .filter(|t| t.target != candidate)
            .all(|t| allows(t, candidate, targets))
    }

    fn may_repeat(&self, target: usize) -> bool {
        let mut tries = self.tries_of(target).peekable();
        if tries.peek().is_none() {
            return false;
        }
        let once_used = self.tries_of(target).filter(|t| t.is_once()).count() > 1;
        !once_used && tries.all(|t| t.verdict.repeat != Repeat::Never)
    }

    fn is_last_resort(&self, target: usize) -> bool {
        self.tries_of(target)
            .any(|t| t.verdict.repeat == Repeat::LastAfterWait)
    }

    fn waits(&self, target: usize) -> bool {
        self.tries_of(target)
            .last()
            .is_some_and(|t| !matches!(t.verdict.repeat, Repeat::OnceAtOnce | Repeat::AtOnce))
    }
}

impl Try {
    fn stops(&self) -> bool {
        self.verdict.elsewhere == Elsewhere::No && self.verdict.repeat == Repeat::Never
    }

    fn is_once(&self) -> bool {
        matches!(
            self.verdict.repeat,
            Repeat::OnceAtOnce | Repeat::OnceFirst | Repeat::OnceAfterWait
        )
    }
}

/// Whether what `tried` came to leaves `candidate` open.
fn allows(tried: &Try, candidate: usize, targets: &[Target]) -> bool {
    let (Some(from), Some(to)) = (targets.get(tried.target), targets.get(candidate)) else {
        return false;
    };
    match tried.verdict.elsewhere {
        Elsewhere::Yes => true,
        Elsewhere::No => false,
        Elsewhere::OtherUpstream => to.upstream != from.upstream,
        Elsewhere::LaterTier => to.tier > from.tier,
    }
}

/// The best of `candidates`: the lowest tier, then what `balance` says.
fn best(
    candidates: &[usize],
    targets: &[Target],
    balance: Balance,
    load: &impl Load,
) -> Option<usize> {
    let tier_of = |i: usize| {
        let target = targets.get(i);
        target.map_or((true, u32::MAX), |t| (load.is_behind(t), t.tier))
    };
    let lowest = candidates.iter().map(|&i| tier_of(i)).min()?;
    let tier: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|&i| tier_of(i) == lowest)
        .collect();
    if let [only] = tier.as_slice() {
        return Some(*only);
    }
    let turn = by_turn(&tier, targets, load.turn())?;
    match (balance, load.prefix()) {
        (Balance::RoundRobin, _) => Some(turn),
        (Balance::Prefix, Some(key)) => by_prefix(key, &tier, targets, load),
        (Balance::LeastBusy, _) | (Balance::Prefix, None) => least_busy(&tier, targets, load, turn),
    }
}

/// Equally busy ones take turns, so that two idle servers share the work.
fn least_busy(tier: &[usize], targets: &[Target], load: &impl Load, turn: usize) -> Option<usize> {
    tier.iter().copied().min_by_key(|&i| {
        let target = targets.get(i);
        target.map_or((u64::MAX, false), |t| {
            let scaled = u64::from(load.requests(t)) * 1000 / u64::from(t.weight.max(1));
            (scaled, i != turn)
        })
    })
}

/// The one that has the beginning of this prompt in its cache, as long as it isn't too busy.
fn by_prefix(key: u64, tier: &[usize], targets: &[Target], load: &impl Load) -> Option<usize> {
    let site = |target: &Target| Site {
        identity: load.identity(target),
        weight: target.weight,
        requests: load.requests(target),
    };
    let sites: Vec<Site> = tier
        .iter()
        .filter_map(|&i| Some(site(targets.get(i)?)))
        .collect();
    tier.get(prefix::choose(key, &sites)?).copied()
}

/// The target whose weighted turn it is.
fn by_turn(tier: &[usize], targets: &[Target], turn: usize) -> Option<usize> {
    let weight = |i: usize| targets.get(i).map_or(1, |t| t.weight.max(1)) as usize;
    let total: usize = tier.iter().map(|&i| weight(i)).sum();
    let mut at = turn % total.max(1);
    for &i in tier {
        if at < weight(i) {
            return Some(i);
        }
        at -= weight(i);
    }
    tier.first().copied()
}

#[cfg(test)]
mod tests;
