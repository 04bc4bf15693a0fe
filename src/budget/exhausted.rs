//! Why a request may not be sent now.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::account::{Kind, Scope};
use super::meter::Key;

/// A budget or a rate is used up. Nothing was counted for the request.
///
/// Of several it is the one that lasts longest: before its end, trying again is no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    pub scope: Scope,
    pub name: Arc<str>,
    pub kind: Kind,
    pub limit: u64,
    /// When its window ends and the count begins anew.
    pub ends: SystemTime,
    /// Only what requests under way have reserved stands in the way: it may come back at any moment.
    pub is_held: bool,
}

impl Exhausted {
    pub(super) fn new(key: &Key, limit: u64, ends: SystemTime) -> Exhausted {
        Exhausted {
            scope: key.scope,
            name: Arc::clone(&key.name),
            kind: key.kind,
            limit,
            ends,
            is_held: false,
        }
    }

    pub(super) fn held(mut self, is_held: bool) -> Exhausted {
        self.is_held = is_held;
        self
    }

    /// Of several the one that lasts longest; what is only held may be over at once.
    pub(super) fn longest(all: impl Iterator<Item = Exhausted>) -> Option<Exhausted> {
        all.max_by_key(|one| (!one.is_held, one.ends))
    }

    /// How long until the window ends; zero when it has.
    pub fn retry_in(&self, now: SystemTime) -> Duration {
        self.ends.duration_since(now).unwrap_or_default()
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scope, kind) = (self.scope.as_str(), self.kind.as_str());
        write!(out, "the {scope}'s {} {kind} are used up", self.limit)
    }
}

impl std::error::Error for Exhausted {}
