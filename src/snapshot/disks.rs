//! Measures how full the watched volumes are, beside everything else: one that has gone away can keep whoever asks for it
//! waiting for ever, and neither a scrape nor the other volumes are to wait with it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rounds::Rounds;
use super::Shared;
use crate::clock;
use crate::platform;

const EVERY: Duration = Duration::from_secs(30);

/// How soon a path that a reload brings is measured.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The volume of one watched path, as last seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskUse {
    /// Of what may be used, 0 to 1.
    pub used_ratio: f64,
    pub free_bytes: u64,
}

/// What was last seen of each path.
#[derive(Debug, Default)]
pub struct Disks(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    seen: HashMap<PathBuf, DiskUse>,
    /// Being measured: not to be asked for once more meanwhile.
    under_way: HashSet<PathBuf>,
}

impl Disks {
    /// What was last seen of a path; none before it was measured.
    pub fn of(&self, path: &Path) -> Option<DiskUse> {
        self.known().seen.get(path).copied()
    }

    /// Whether it may be measured now.
    fn begin(&self, path: &Path) -> bool {
        self.known().under_way.insert(path.to_path_buf())
    }

    fn end(&self, path: &Path, seen: Option<DiskUse>) {
        let mut known = self.known();
        known.under_way.remove(path);
        if let Some(seen) = seen {
            known.seen.insert(path.to_path_buf(), seen);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures for as long as the process lives; each reload is taken in with the next round.
pub async fn measure_disks_for_ever(shared: Arc<Shared>) {
    let mut rounds = Rounds::default();
    loop {
        let snapshot = shared.snapshot();
        for path in &snapshot.config.disk.watch {
            let is_due = rounds.is_due(&path.display().to_string(), EVERY, clock::now());
            if is_due && shared.disks.begin(path) {
                let (shared, path) = (Arc::clone(&shared), path.clone());
                tokio::task::spawn_blocking(move || measure(&shared, &path));
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn measure(shared: &Shared, path: &Path) {
    let seen = platform::volume_near(path).map(|volume| DiskUse {
        used_ratio: volume.used_ratio(),
        free_bytes: volume.free_bytes,
    });
    shared.disks.end(path, seen);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_under_way_is_not_begun_again_and_the_last_look_stays() {
        let (disks, path) = (Disks::default(), Path::new("/a"));
        assert!(disks.begin(path));
        assert!(!disks.begin(path));
        assert_eq!(disks.of(path), None);
        let seen = DiskUse {
            used_ratio: 0.5,
            free_bytes: 1,
        };
        disks.end(path, Some(seen));
        assert!(disks.begin(path));
        disks.end(path, None);
        assert_eq!(disks.of(path), Some(seen));
    }
}
