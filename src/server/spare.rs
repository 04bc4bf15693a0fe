//! Keeps some file descriptors for the gateway's own needs: upstreams, logs, its owner's commands.
//!
//! A connection costs a descriptor from the moment it is accepted, long before any request is read, so only here can a
//! crowd of silent ones be kept from taking the last.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use pingora::listeners::ConnectionFilter;

use crate::{clock, platform};

/// A quarter of the limit, within these.
const SPARE: std::ops::RangeInclusive<u64> = 16..=256;

/// Between two warnings.
const WARN_EVERY_SECONDS: u64 = 60;

#[derive(Debug)]
pub struct SpareDescriptors {
    /// New connections are closed from this number on.
    most: u64,
    /// When it was last said, in seconds since the boot; 0 for never.
    warned: AtomicU64,
}

impl SpareDescriptors {
    /// For those who send requests.
    pub fn of_data(limit: u64) -> SpareDescriptors {
        let spare = (limit / 4).clamp(*SPARE.start(), *SPARE.end());
        SpareDescriptors::from(limit.saturating_sub(spare))
    }

    /// For those who look: half, so that no crowd of them keeps requests out.
    pub fn of_admin(limit: u64) -> SpareDescriptors {
        SpareDescriptors::from(limit / 2)
    }

    fn from(most: u64) -> SpareDescriptors {
        SpareDescriptors {
            most,
            warned: AtomicU64::new(0),
        }
    }

    fn has_room(&self, in_use: Option<u64>) -> bool {
        in_use.is_some_and(|in_use| in_use < self.most)
    }

    fn warn(&self) {
        let now = clock::since_boot().as_secs().max(1);
        let before = self.warned.load(Ordering::Relaxed);
        let is_due = before == 0 || now >= before + WARN_EVERY_SECONDS;
        if is_due && self.warned.swap(now, Ordering::Relaxed) == before {
            log::warn!(
                "connections are closed unanswered: {} file descriptors are in use, and the rest is for the gateway itself; look who holds them (lsof), or raise the limit",
                self.most
            );
        }
    }
}

#[async_trait]
impl ConnectionFilter for SpareDescriptors {
    async fn should_accept(&self, _from: Option<&SocketAddr>) -> bool {
        let has_room = self.has_room(platform::descriptors_in_use());
        if !has_room {
            self.warn();
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_stays_free_within_bounds() {
        for (limit, most) in [(256, 192), (40, 24), (10, 0), (20_000, 19_744)] {
            assert_eq!(SpareDescriptors::of_data(limit).most, most, "{limit}");
        }
        assert_eq!(SpareDescriptors::of_admin(256).most, 128);
    }

    #[test]
    fn the_last_ones_are_not_given_away() {
        let spare = SpareDescriptors::of_data(256);
        assert!(spare.has_room(Some(191)));
        assert!(!spare.has_room(Some(192)));
        assert!(!spare.has_room(None), "there was none left to ask with");
    }
}
