//! Finds the lines of one request in a log and its older files, compressed or not.
//!
//! A log may have gigabytes: files are read in one pass, a line at a time, and a line that is longer than any of ours is
//! skipped. The gateway may be moving and compressing files meanwhile, and that hides nothing: the file that is written now
//! is opened before the folder is listed, the folder is listed twice, and a file that is gone is looked for in its other
//! form. What is seen twice that way is told by its inode or its lines.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
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
    /// Why it was not read, or not to its end.
    pub unread: Option<String>,
}

/// The lines of the newest file that has any.
pub fn newest(folder: &Path, log: LogFile, id: &str) -> Search {
    search(folder, log, id, |found| !found.is_empty())
}

/// The lines of the file that is written now.
pub fn current(folder: &Path, log: LogFile, id: &str) -> Search {
    search(folder, log, id, |_| true)
}

/// The lines of all files.
pub fn all(folder: &Path, log: LogFile, id: &str) -> Search {
    search(folder, log, id, |found| found.len() >= MOST_LINES)
}

/// Goes back in time until `enough` was found.
fn search(folder: &Path, log: LogFile, id: &str, enough: impl Fn(&[Found]) -> bool) -> Search {
    let needle = format!("\"correlation_id\":\"{id}\"");
    let finder = Finder::new(needle.as_bytes());
    let current = folder.join(format!("{}.jsonl", log.as_str()));
    let opened = open(&current);
    let mut search = Search::default();
    let mut seen = Vec::new();
    search.add(current, opened, &mut seen, &finder);
    for plain in older(folder, log.as_str()) {
        if enough(&search.found) {
            break;
        }
        if let Some((path, opened)) = open_either(plain) {
            search.add(path, opened, &mut seen, &finder);
        }
    }
    search
}

impl Search {
    /// Reads the next older file.
    fn add(
        &mut self,
        path: PathBuf,
        opened: io::Result<Opened>,
        seen: &mut Vec<Inode>,
        finder: &Finder,
    ) {
        let unread = match opened {
            Ok(opened) if seen.contains(&opened.inode) => None,
            Ok(opened) => {
                seen.push(opened.inode);
                let (lines, result) = lines(opened.reader, finder);
                self.put_before(&path, lines);
                result.err().map(|error| match error.kind() {
                    ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                        format!("damaged, so it was searched only up to there: {error}")
                    }
                    _ => error.to_string(),
                })
            }
            Err(error) => Some(error.to_string()),
        };
        self.logs.push(Log { path, unread });
    }

    /// A file that was compressed while it was read shows its lines again.
    fn put_before(&mut self, file: &Path, lines: Vec<String>) {
        let is_new = |line: &String| self.found.iter().all(|found| found.line != *line);
        let new: Vec<Found> = lines
            .into_iter()
            .filter(is_new)
            .map(|line| Found {
                file: file.to_owned(),
                line,
            })
            .collect();
        self.found.splice(0..0, new);
    }
}

/// Device and number.
type Inode = (u64, u64);

struct Opened {
    reader: Box<dyn Read>,
    inode: Inode,
}

/// A pipe or a folder that somebody put there is no log, and one of them would never end.
fn open(path: &Path) -> io::Result<Opened> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("no regular file, so it was not searched"));
    }
    let file = File::open(path)?;
    let is_compressed = path.extension().is_some_and(|ending| ending == "gz");
    Ok(Opened {
        reader: match is_compressed {
            true => Box::new(MultiGzDecoder::new(BufReader::new(file))),
            false => Box::new(file),
        },
        inode: (metadata.dev(), metadata.ino()),
    })
}

/// The compressed form where there is one: it is always whole, while the plain one may just be being unpacked. None when the
/// file is gone in both forms. A compressed one that somebody damaged is no reason to pass over the plain one.
fn open_either(plain: PathBuf) -> Option<(PathBuf, io::Result<Opened>)> {
    let compressed = with_gz(&plain);
    // Between the first two looks the one may have become the other.
    for path in [&compressed, &plain, &compressed] {
        match open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(_) if path == &compressed && plain.is_file() && !is_sound(&compressed) => {
                return Some((plain.clone(), open(&plain)));
            }
            opened => return Some((path.clone(), opened)),
        }
    }
    None
}

/// Whether all of it can be unpacked.
fn is_sound(compressed: &Path) -> bool {
    let unpacked =
        open(compressed).and_then(|mut opened| io::copy(&mut opened.reader, &mut io::sink()));
    unpacked.is_ok()
}

fn with_gz(plain: &Path) -> PathBuf {
    let mut name = plain.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}

/// Files that were moved aside, by the names of their plain forms, the newest first: their names begin with the moment.
fn older(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let mut names = BTreeSet::new();
    // A file that is being compressed may slip through one listing under both names.
    for _ in 0..2 {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let entries = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.extend(entries.filter_map(|name| plain_name(&name, stem)));
    }
    names
        .into_iter()
        .rev()
        .map(|name| folder.join(name))
        .collect()
}

fn plain_name(name: &str, stem: &str) -> Option<String> {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let rest = plain.strip_prefix(stem)?.strip_prefix('-')?;
    let is_older =
        rest.starts_with(|letter: char| letter.is_ascii_digit()) && rest.ends_with(".jsonl");
    is_older.then(|| plain.to_owned())
}

/// The newest lines that the finder fits, up to the end or where the file can't be read further.
fn lines(file: impl Read, finder: &Finder) -> (Vec<String>, io::Result<()>) {
    let mut found = Vec::new();
    let result = collect(file, finder, &mut found);
    (found, result)
}

fn collect(file: impl Read, finder: &Finder, found: &mut Vec<String>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
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
mod tests;
