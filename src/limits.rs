//! What all requests share: memory for bodies, and places for connections.
//!
//! Both are given back by `Drop`. A reload changes the capacity without touching what is held.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

/// A capacity that is shared by everybody and taken in pieces.
#[derive(Debug)]
pub struct Pool {
    used: AtomicU64,
    capacity: AtomicU64,
    freed: Notify,
}

impl Pool {
    pub fn new(capacity: u64) -> Arc<Pool> {
        Arc::new(Pool {
            used: AtomicU64::new(0),
            capacity: AtomicU64::new(capacity),
            freed: Notify::new(),
        })
    }

    /// Takes effect for what is asked for from now on.
    pub fn set_capacity(&self, capacity: u64) {
        self.capacity.store(capacity, Ordering::Relaxed);
        self.freed.notify_waiters();
    }

    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// None when that much isn't free.
    pub fn try_take(self: &Arc<Pool>, amount: u64) -> Option<Share> {
        let capacity = self.capacity.load(Ordering::Relaxed);
        let take = |used: u64| used.checked_add(amount).filter(|sum| *sum <= capacity);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .ok()?;
        Some(Share {
            pool: Arc::clone(self),
            amount,
        })
    }

    /// Waits for it, `patience` at most.
    pub async fn take(self: &Arc<Pool>, amount: u64, patience: Duration) -> Option<Share> {
        let wait = async {
            loop {
                let freed = self.freed.notified();
                if let Some(share) = self.try_take(amount) {
                    return share;
                }
                freed.await;
            }
        };
        if let Some(share) = self.try_take(amount) {
            return Some(share);
        }
        tokio::time::timeout(patience, wait).await.ok()
    }
}

/// A part of a [`Pool`].
#[derive(Debug)]
pub struct Share {
    pool: Arc<Pool>,
    amount: u64,
}

impl Share {
    /// Makes it larger, and waits for that much more at most so long. Whether it came.
    pub async fn grow(&mut self, by: u64, patience: Duration) -> bool {
        match self.pool.take(by, patience).await {
            Some(mut more) => {
                self.amount += std::mem::take(&mut more.amount);
                true
            }
            None => false,
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.used.fetch_sub(self.amount, Ordering::Relaxed);
        self.pool.freed.notify_waiters();
    }
}

/// A body's share of the memory for bodies: of its caller's part, and of the whole.
#[derive(Debug)]
pub struct BodyPermit {
    callers: Share,
    all: Share,
}

/// Where a body's memory comes from.
#[derive(Debug, Clone)]
pub struct BodyMemory {
    /// One caller's part, so that its bodies can't keep out everybody's.
    pub callers: Arc<Pool>,
    pub all: Arc<Pool>,
}

impl BodyMemory {
    /// Waits for it, in both, `patience` at most for each.
    pub async fn take(&self, amount: u64, patience: Duration) -> Option<BodyPermit> {
        let callers = self.callers.take(amount, patience).await?;
        let all = self.all.take(amount, patience).await?;
        Some(BodyPermit { callers, all })
    }
}

impl BodyPermit {
    /// Makes it larger. Whether that came in time.
    pub async fn grow(&mut self, by: u64, patience: Duration) -> bool {
        self.callers.grow(by, patience).await && self.all.grow(by, patience).await
    }
}

/// A connection's place.
pub type ConnectionPermit = Share;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_taken_comes_back() {
        let pool = Pool::new(10);
        let mut some = pool.try_take(6).unwrap();
        assert!(pool.try_take(5).is_none());
        assert!(some.grow(4, Duration::ZERO).await);
        assert!(!some.grow(1, Duration::ZERO).await);
        assert_eq!(pool.used(), 10);
        drop(some);
        assert_eq!(pool.used(), 0);
    }

    #[tokio::test]
    async fn one_callers_bodies_leave_room_for_others() {
        let all = Pool::new(10);
        let memory = |callers: &Arc<Pool>| BodyMemory {
            callers: Arc::clone(callers),
            all: Arc::clone(&all),
        };
        let (greedy, modest) = (memory(&Pool::new(5)), memory(&Pool::new(5)));
        let mut held = greedy.take(5, Duration::ZERO).await.unwrap();
        assert!(greedy.take(1, Duration::ZERO).await.is_none());
        assert!(!held.grow(1, Duration::ZERO).await);
        assert!(modest.take(5, Duration::ZERO).await.is_some());
        assert_eq!(all.used(), 5, "what one of both gave is back");
    }

    #[test]
    fn a_smaller_capacity_leaves_what_is_held_alone() {
        let pool = Pool::new(10);
        let held = pool.try_take(8).unwrap();
        pool.set_capacity(5);
        assert!(pool.try_take(1).is_none());
        drop(held);
        assert!(pool.try_take(5).is_some());
    }

    #[tokio::test]
    async fn a_waiting_one_gets_what_is_freed() {
        let pool = Pool::new(1);
        let held = pool.try_take(1).unwrap();
        let waiting = pool.take(1, Duration::from_secs(10));
        let (share, ()) = tokio::join!(waiting, async move {
            tokio::task::yield_now().await;
            drop(held);
        });
        assert!(share.is_some());
    }
}
