//! How full the volume of a path is.
//!
//! Volumes of one APFS container share its free space: what is free is true of each of them and adds up to nothing, and
//! what is used is what all of them use.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A volume as the system counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// Two paths with the same number are on the same volume.
    pub device: u64,
    /// With what is reserved for the system.
    pub total_bytes: u64,
    pub used_bytes: u64,
    /// That we may still write.
    pub free_bytes: u64,
    /// Others have the same free space.
    pub shares_free_space: bool,
}

impl Volume {
    /// The used share of what we may use, 0 to 1, as `df` has it; 0 where there is nothing that could fill up, as in `/proc`.
    pub fn used_ratio(&self) -> f64 {
        let whole = self.used_bytes.saturating_add(self.free_bytes);
        match whole {
            0 => 0.0,
            whole => self.used_bytes as f64 / whole as f64,
        }
    }
}

/// The volume of a file or folder that exists.
///
/// # Errors
/// There is no such path, or it may not be looked at.
pub fn volume_of(path: &Path) -> io::Result<Volume> {
    let device = std::fs::metadata(path)?.dev();
    let counts = system::counts(path)?;
    Ok(Volume {
        device,
        total_bytes: counts.bytes(counts.blocks),
        used_bytes: counts.bytes(counts.blocks.saturating_sub(counts.free)),
        free_bytes: counts.bytes(counts.available),
        shares_free_space: counts.shares_free_space,
    })
}

/// The used share of the volume that holds `path`: see [`Volume::used_ratio`].
///
/// # Errors
/// See [`volume_of`].
pub fn used_ratio(path: &Path) -> io::Result<f64> {
    volume_of(path).map(|volume| volume.used_ratio())
}

/// The volume that a path is on, or would be on if it were there; none where not even that can be told.
pub fn volume_near(path: &Path) -> Option<Volume> {
    path.ancestors().find_map(|near| volume_of(near).ok())
}

/// The topmost folder above `path` that is on the same volume.
pub fn top_of_volume(path: &Path) -> Option<PathBuf> {
    let mut above = path.ancestors().skip_while(|above| !above.exists());
    let mut top = above.next()?;
    let device = std::fs::metadata(top).ok()?.dev();
    for above in above {
        if std::fs::metadata(above).ok()?.dev() != device {
            break;
        }
        top = above;
    }
    Some(top.to_path_buf())
}

/// In blocks.
struct Counts {
    block_bytes: u64,
    blocks: u64,
    free: u64,
    /// Of the free ones, those that are not only for the system.
    available: u64,
    shares_free_space: bool,
}

impl Counts {
    fn bytes(&self, blocks: u64) -> u64 {
        blocks.saturating_mul(self.block_bytes)
    }
}

#[cfg(not(target_os = "macos"))]
mod system {
    use super::*;

    pub fn counts(path: &Path) -> io::Result<Counts> {
        let said = rustix::fs::statvfs(path)?;
        Ok(Counts {
            block_bytes: said.f_frsize,
            blocks: said.f_blocks,
            free: said.f_bfree,
            available: said.f_bavail,
            shares_free_space: false,
        })
    }
}

#[cfg(target_os = "macos")]
mod system {
    use super::*;

    /// `statvfs` counts blocks in 32 bits here, which a large volume has more of.
    pub fn counts(path: &Path) -> io::Result<Counts> {
        let said = rustix::fs::statfs(path)?;
        let name = said.f_fstypename.iter().map(|letter| *letter as u8);
        Ok(Counts {
            block_bytes: u64::from(said.f_bsize),
            blocks: said.f_blocks,
            free: said.f_bfree,
            available: said.f_bavail,
            shares_free_space: name.take_while(|letter| *letter != 0).eq(*b"apfs"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_of_a_folder_has_some_space_and_some_of_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let volume = volume_of(folder.path()).unwrap();
        assert!(volume.total_bytes > 0);
        assert!(volume.used_bytes <= volume.total_bytes);
        assert!((0.0..=1.0).contains(&volume.used_ratio()));
        assert!(volume_of(&folder.path().join("nothing")).is_err());
    }

    #[test]
    fn a_path_that_is_not_there_yet_would_be_on_its_parents_volume() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b/c");
        let near = volume_near(&missing).unwrap();
        assert_eq!(near.device, volume_of(folder.path()).unwrap().device);
        let top = top_of_volume(&missing).unwrap();
        assert!(folder.path().starts_with(&top));
        assert_eq!(volume_of(&top).unwrap().device, near.device);
    }

    #[test]
    fn what_is_reserved_for_the_system_counts_neither_as_used_nor_as_free() {
        let volume = Volume {
            device: 1,
            total_bytes: 100,
            used_bytes: 45,
            free_bytes: 45,
            shares_free_space: false,
        };
        assert!((volume.used_ratio() - 0.5).abs() < f64::EPSILON);
        let nothing = Volume {
            used_bytes: 0,
            free_bytes: 0,
            ..volume
        };
        assert!(nothing.used_ratio().abs() < f64::EPSILON);
    }
}
