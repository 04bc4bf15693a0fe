//! How full the volume below a folder is.

use std::io;
use std::path::Path;

/// The used share of the volume that holds `path`, 0 to 1, as `df` has it: what the system keeps back for its
/// administrator is neither used nor free.
///
/// On APFS, where volumes share their container's free space, it is the container's share: total and free are both told
/// of the container.
///
/// # Errors
/// The path isn't there, or its volume doesn't say.
pub fn used_ratio(path: &Path) -> io::Result<f64> {
    let volume = rustix::fs::statvfs(path)?;
    Ok(ratio(volume.f_blocks, volume.f_bfree, volume.f_bavail))
}

/// A volume without blocks, such as `/proc`, can't fill up.
fn ratio(all: u64, free: u64, available: u64) -> f64 {
    let used = all.saturating_sub(free);
    let whole = used.saturating_add(available);
    if whole == 0 {
        return 0.0;
    }
    used as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_back_is_neither_used_nor_free() {
        assert_eq!(ratio(100, 40, 20), 0.75);
        assert_eq!(ratio(100, 5, 0), 1.0);
        assert_eq!(ratio(100, 100, 100), 0.0);
        assert_eq!(ratio(0, 0, 0), 0.0);
    }

    #[test]
    fn a_folder_of_ours_has_a_volume_and_a_missing_one_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let used = used_ratio(folder.path()).unwrap();
        assert!((0.0..=1.0).contains(&used), "{used}");
        assert!(used_ratio(&folder.path().join("gone")).is_err());
    }
}
