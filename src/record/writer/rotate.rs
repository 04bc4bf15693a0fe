//! Old log files: how they are named, and which of them go.
//!
//! `access.jsonl` moves to `access-20260102T030405Z-000.jsonl`, so that names sort by age. Only names of
//! exactly this shape are ever removed.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;

/// Rotations within one second that still find a free name.
const NAMES_A_SECOND: u32 = 1000;

/// Renames `<stem>.jsonl` in `folder`; never onto an existing file.
///
/// # Errors
/// The folder refuses it, or every name of this second is taken.
pub fn move_aside(folder: &Path, stem: &str, wall: SystemTime) -> io::Result<()> {
    let second = compact_second(wall);
    for number in 0..NAMES_A_SECOND {
        let aside = folder.join(format!("{stem}-{second}-{number:03}.jsonl"));
        if fs::symlink_metadata(&aside).is_ok() {
            continue;
        }
        // Nobody else can take the name in between: the folder is ours alone, and locked.
        return fs::rename(folder.join(format!("{stem}.jsonl")), aside);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes all but the `keep` newest old files of `stem`.
///
/// # Errors
/// The folder can't be listed, or a file not be removed.
pub fn keep_newest(folder: &Path, stem: &str, keep: u32) -> io::Result<()> {
    let mut old: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_old_file(name, stem))
        .collect();
    old.sort_unstable();
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let surplus = old.len().saturating_sub(keep);
    for name in old.iter().take(surplus) {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

/// Whether `name` is what [`move_aside`] makes of `stem`.
pub fn is_old_file(name: &str, stem: &str) -> bool {
    const SHAPE: &[u8] = b"-00000000T000000Z-000.jsonl";
    let Some(rest) = name.strip_prefix(stem) else {
        return false;
    };
    rest.len() == SHAPE.len()
        && rest.bytes().zip(SHAPE).all(|(byte, &shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
}

/// `20260102T030405Z`; what no calendar has becomes the calendar's first second.
fn compact_second(wall: SystemTime) -> String {
    let time = Timestamp::try_from(wall).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn two_rotations_in_one_second_keep_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_678);
        for text in ["first", "second"] {
            fs::write(folder.path().join("access.jsonl"), text).unwrap();
            move_aside(folder.path(), "access", wall).unwrap();
        }
        let expected = [
            "access-20260102T030405Z-000.jsonl",
            "access-20260102T030405Z-001.jsonl",
        ];
        assert_eq!(names(folder.path()), expected);
        assert_eq!(
            fs::read_to_string(folder.path().join(expected[0])).unwrap(),
            "first"
        );
    }

    #[test]
    fn the_oldest_go_and_strangers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let ours = [
            "access-20260102T030405Z-000.jsonl",
            "access-20260102T030405Z-001.jsonl",
            "access-20260103T000000Z-000.jsonl",
        ];
        let strangers = [
            "access-20260101T000000Z-000.jsonl.bak",
            "access-notes.jsonl",
            "access.jsonl",
            "gateway-20250101T000000Z-000.jsonl",
        ];
        for name in ours.iter().chain(&strangers) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        keep_newest(folder.path(), "access", 1).unwrap();
        let mut expected = strangers.to_vec();
        expected.push("access-20260103T000000Z-000.jsonl");
        expected.sort();
        assert_eq!(names(folder.path()), expected);
    }
}
