//! Finds the lines of one request in a log and its older files.
//!
//! A log may have gigabytes: files are read in one pass, a line at a time, and a line that is longer than any of ours is
//! skipped. The file that is written now is opened before the folder is listed, so that a rotation in between hides
//! nothing; what it shows twice is seen by its inode.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use crate::record::labels::LogFile;

/// A body of 64 KiB that is all control characters takes six times that as JSON.
const LONGEST_LINE: u64 = 1024 * 1024;

/// Of the lines of one id: more attempts than any retry ceiling allows.
const MOST_LINES: usize = 64;

/// What a search came to.
#[derive(Debug, Default)]
pub struct Search {
    /// In the order of the files' age, the newest last.
    pub found: Vec<Found>,
    /// Every file that was to be looked at, the newest first.
    pub logs: Vec<Log>,
}

/// One line that names the id.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub file: PathBuf,
    /// Without the newline.
    pub line: String,
}

/// One file of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    pub path: PathBuf,
    /// Why it was not read.
    pub unread: Option<String>,
}

/// The lines of the newest file that has any.
pub fn newest(folder: &Path, log: LogFile, id: &str) -> Search {
    search(folder, log, id, |found| !found.is_empty())
}

/// The lines of all files.
pub fn all(folder: &Path, log: LogFile, id: &str) -> Search {
    search(folder, log, id, |found| found.len() >= MOST_LINES)
}

/// Goes back in time until `enough` was found.
fn search(folder: &Path, log: LogFile, id: &str, enough: impl Fn(&[Found]) -> bool) -> Search {
    let needle = format!("\"correlation_id\":\"{id}\"");
    let finder = Finder::new(needle.as_bytes());
    let mut search = Search::default();
    let mut seen = Vec::new();
    let current = folder.join(format!("{}.jsonl", log.as_str()));
    let opened = open(&current);
    for (path, opened) in std::iter::once((current, Some(opened))).chain(
        older(folder, log.as_str())
            .into_iter()
            .map(|path| (path, None)),
    ) {
        if enough(&search.found) {
            break;
        }
        let opened = opened.unwrap_or_else(|| open(&path));
        let lines = opened.and_then(|(file, inode)| match seen.contains(&inode) {
            true => Ok(Vec::new()),
            false => {
                seen.push(inode);
                lines(file, &finder).map_err(|error| error.to_string())
            }
        });
        let unread = match lines {
            Ok(lines) => {
                let found = lines.into_iter().map(|line| Found {
                    file: path.clone(),
                    line,
                });
                search.found.splice(0..0, found);
                None
            }
            Err(why) => Some(why),
        };
        search.logs.push(Log { path, unread });
    }
    search
}

/// Device and number.
type Inode = (u64, u64);

/// A pipe or a folder that somebody put there is no log, and one of them would never end.
fn open(path: &Path) -> Result<(File, Inode), String> {
    if path.extension().is_some_and(|ending| ending == "gz") {
        return Err("compressed, so it was not searched; `gunzip` it and ask again".to_owned());
    }
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("no regular file, so it was not searched".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    Ok((file, (metadata.dev(), metadata.ino())))
}

/// Files that were moved aside, the newest first: their names begin with the moment.
fn older(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let is_older = |name: &String| {
        let rest = name
            .strip_prefix(stem)
            .and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| {
            rest.starts_with(|letter: char| letter.is_ascii_digit())
                && (rest.ends_with(".jsonl") || rest.ends_with(".jsonl.gz"))
        })
    };
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(is_older)
        .collect();
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// The newest lines that the finder fits.
fn lines(file: impl Read, finder: &Finder) -> io::Result<Vec<String>> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut found: Vec<String> = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(found);
        }
        if line.last() != Some(&b'\n') && read as u64 == LONGEST_LINE {
            reader.skip_until(b'\n')?;
            continue;
        }
        if finder.find(&line).is_some() {
            if found.len() >= MOST_LINES {
                found.remove(0);
            }
            found.push(String::from_utf8_lossy(line.trim_ascii_end()).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn line(id: &str, what: &str) -> String {
        format!("{{\"ts\":\"t\",\"correlation_id\":\"{id}\",\"what\":\"{what}\"}}\n")
    }

    fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn whats(search: &Search) -> Vec<String> {
        let what = |found: &Found| {
            let line: serde_json::Value = serde_json::from_str(&found.line).unwrap();
            line["what"].as_str().unwrap().to_owned()
        };
        search.found.iter().map(what).collect()
    }

    #[test]
    fn the_newest_file_that_has_the_id_is_the_last_one_read() {
        let folder = folder(&[
            ("access.jsonl", line("other", "now")),
            (
                "access-20260103T000000Z-000.jsonl",
                line("x", "2") + &line("y", "-") + &line("x", "3"),
            ),
            ("access-20260102T000000Z-000.jsonl", line("x", "1")),
        ]);
        let search = newest(folder.path(), LogFile::Access, "x");
        assert_eq!(whats(&search), ["2", "3"]);
        assert_eq!(search.logs.len(), 2);
    }

    #[test]
    fn all_files_are_searched_and_the_oldest_line_is_first() {
        let folder = folder(&[
            ("raw-errors.jsonl", line("x", "3")),
            ("raw-errors-20260103T000000Z-000.jsonl", line("x", "2")),
            ("raw-errors-20260102T000000Z-000.jsonl", line("x", "1")),
            ("raw-errors-notes.jsonl", line("x", "a stranger's")),
            ("access.jsonl", line("x", "another log's")),
        ]);
        let search = all(folder.path(), LogFile::RawErrors, "x");
        assert_eq!(whats(&search), ["1", "2", "3"]);
    }

    #[test]
    fn an_id_within_another_or_within_a_body_is_not_meant() {
        let body = r#"{"correlation_id":"z","what":"\"correlation_id\":\"x\""}"#;
        let folder = folder(&[("access.jsonl", line("xx", "-") + &line("a-x", "-") + body)]);
        assert_eq!(newest(folder.path(), LogFile::Access, "x").found, []);
    }

    #[test]
    fn a_line_of_a_megabyte_is_passed_over_and_the_next_is_read() {
        let long = line("x", &"a".repeat(2 * LONGEST_LINE as usize));
        let folder = folder(&[("access.jsonl", long + &line("x", "short"))]);
        assert_eq!(
            whats(&newest(folder.path(), LogFile::Access, "x")),
            ["short"]
        );
    }

    #[test]
    fn only_the_newest_of_very_many_lines_are_kept() {
        let text: String = (0..1000)
            .map(|number| line("x", &number.to_string()))
            .collect();
        let folder = folder(&[("access.jsonl", text)]);
        let whats = whats(&newest(folder.path(), LogFile::Access, "x"));
        assert_eq!(whats.len(), MOST_LINES);
        assert_eq!(whats.last().map(String::as_str), Some("999"));
    }

    #[test]
    fn what_was_not_read_is_said() {
        let folder = folder(&[
            ("access.jsonl", String::new()),
            ("access-20260102T000000Z-000.jsonl.gz", line("x", "1")),
        ]);
        fs::create_dir(folder.path().join("access-20260101T000000Z-000.jsonl")).unwrap();
        let search = newest(folder.path(), LogFile::Access, "x");
        let unread: Vec<String> = search
            .logs
            .into_iter()
            .filter_map(|log| log.unread)
            .collect();
        assert_eq!(unread.len(), 2);
        assert!(unread[0].contains("gunzip") && unread[1].contains("no regular file"));
    }

    #[test]
    fn a_file_that_is_moved_aside_meanwhile_is_read_once() {
        let folder = folder(&[("access.jsonl", line("x", "1"))]);
        let aside = folder.path().join("access-20260102T000000Z-000.jsonl");
        symlink(folder.path().join("access.jsonl"), aside).unwrap();
        assert_eq!(whats(&all(folder.path(), LogFile::Access, "x")), ["1"]);
    }
}
