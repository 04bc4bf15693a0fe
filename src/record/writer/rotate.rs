//! When a log file is moved aside, and how.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::open_log_file;
use super::old_file::{Moment, Paths};

/// Names that may be taken by files we don't know of before we give up for now.
const MOST_TAKEN: u32 = 1000;

/// Where a log is written.
pub fn current(folder: &Path, stem: &str) -> PathBuf {
    folder.join(format!("{stem}.jsonl"))
}

/// Where the file that comes next waits for its name; empty, and only there during a rotation or after a crash in one.
pub fn next(folder: &Path, stem: &str) -> PathBuf {
    folder.join(next_name(stem))
}

pub fn next_name(stem: &str) -> String {
    format!("{stem}.jsonl.next")
}

/// Moves the current file of `stem` aside, under a name later than `last`, and puts an empty one in its place.
///
/// The new one is opened first: where that fails, because there is no room or no descriptor, nothing has changed.
///
/// # Errors
/// The new file can't be opened, or the folder refuses a name.
pub fn rotate(
    folder: &Path,
    stem: &str,
    last: Option<Moment>,
    wall: SystemTime,
) -> io::Result<(File, Moment)> {
    let next = next(folder, stem);
    let file = open_log_file(&next)?;
    let (aside, moment) = free_name(folder, stem, last, wall)?;
    let current = current(folder, stem);
    // Nobody else can take the name in between: the folder is ours alone, and locked.
    fs::rename(&current, aside)?;
    fs::rename(next, current)?;
    Ok((file, moment))
}

fn free_name(
    folder: &Path,
    stem: &str,
    mut last: Option<Moment>,
    wall: SystemTime,
) -> io::Result<(PathBuf, Moment)> {
    for _ in 0..MOST_TAKEN {
        let Some(moment) = Moment::after(last, wall) else {
            break;
        };
        let paths = Paths::new(folder, stem, moment);
        if is_free(&paths.plain) && is_free(&paths.compressed) {
            return Ok((paths.plain, moment));
        }
        last = Some(moment);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err()
}

/// Whether a file begun at `begun` is to be moved aside at `wall`: when another period of `max_age` has begun.
///
/// Periods are counted from 1970 in UTC, so that one of 24 hours ends at midnight and one of an hour at the full hour,
/// whenever the process was started. A clock that was set back ends a period, too: else one that was years ahead for a
/// minute would end none for years.
pub fn is_over(begun: SystemTime, wall: SystemTime, max_age: Duration) -> bool {
    period(begun, max_age) != period(wall, max_age)
}

fn period(at: SystemTime, max_age: Duration) -> u128 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() / max_age.as_millis().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + seconds)
    }

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
        let mut last = None;
        for text in ["first", "second"] {
            fs::write(folder.path().join("access.jsonl"), text).unwrap();
            last = Some(rotate(folder.path(), "access", last, at(0)).unwrap().1);
        }
        let expected = [
            "access-20260102T030405Z-000.jsonl",
            "access-20260102T030405Z-001.jsonl",
            "access.jsonl",
        ];
        assert_eq!(names(folder.path()), expected);
        let texts = expected.map(|name| fs::read_to_string(folder.path().join(name)).unwrap());
        assert_eq!(texts, ["first", "second", ""]);
    }

    #[test]
    fn no_file_is_moved_onto_another_in_either_form() {
        let folder = tempfile::tempdir().unwrap();
        for taken in ["000.jsonl", "001.jsonl.gz"] {
            let path = folder
                .path()
                .join(format!("access-20260102T030405Z-{taken}"));
            fs::write(path, "there before").unwrap();
        }
        fs::write(folder.path().join("access.jsonl"), "new").unwrap();
        rotate(folder.path(), "access", None, at(0)).unwrap();
        let moved = folder.path().join("access-20260102T030405Z-002.jsonl");
        assert_eq!(fs::read_to_string(moved).unwrap(), "new");
    }

    #[test]
    fn where_no_new_file_can_be_opened_the_old_one_stays_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("access.jsonl"), "old").unwrap();
        fs::create_dir(next(folder.path(), "access")).unwrap();
        rotate(folder.path(), "access", None, at(0)).unwrap_err();
        assert_eq!(names(folder.path()), ["access.jsonl", "access.jsonl.next"]);
    }

    #[test]
    fn a_day_is_over_at_midnight_in_utc() {
        let midnight = 75_355;
        assert!(!is_over(at(0), at(midnight - 1), DAY));
        assert!(is_over(at(0), at(midnight), DAY));
        assert!(is_over(at(midnight - 1), at(midnight), DAY));
        assert!(!is_over(at(midnight), at(midnight + 86_399), DAY));
    }

    #[test]
    fn a_clock_set_back_to_another_day_ends_the_day() {
        assert!(is_over(at(86_400 * 300), at(0), DAY));
        assert!(!is_over(at(60), at(0), DAY));
    }
}
