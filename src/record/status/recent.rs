//! The last few of something, for `/status`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A ring that keeps the newest; the oldest makes room. The lock is held for one move or one copy.
#[derive(Debug)]
pub struct Recent<T> {
    kept: Mutex<VecDeque<T>>,
    capacity: usize,
}

impl<T: Clone> Recent<T> {
    /// A ring of `capacity`; all the memory for it is taken here.
    pub fn new(capacity: usize) -> Recent<T> {
        Recent {
            kept: Mutex::new(VecDeque::with_capacity(capacity)),
            capacity,
        }
    }

    pub fn push(&self, item: T) {
        if self.capacity == 0 {
            return;
        }
        let mut kept = self.lock();
        if kept.len() == self.capacity {
            kept.pop_front();
        }
        kept.push_back(item);
    }

    /// What is kept, newest first.
    pub fn newest_first(&self) -> Vec<T> {
        self.lock().iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Default for Recent<T> {
    /// Fifty: an outage's worth, and no more than fits a page.
    fn default() -> Recent<T> {
        Recent::new(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_fifty_stay_newest_first() {
        let recent = Recent::default();
        for number in 0..120 {
            recent.push(number);
        }
        let kept = recent.newest_first();
        assert_eq!(
            (kept.len(), kept.first(), kept.last()),
            (50, Some(&119), Some(&70))
        );
    }

    #[test]
    fn a_ring_without_room_keeps_nothing() {
        let recent = Recent::new(0);
        recent.push(1);
        assert!(recent.newest_first().is_empty());
    }
}
