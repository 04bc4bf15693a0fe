//! Old log files: how they are named, and what there is of each.
//!
//! `access.jsonl` moves to `access-20260102T030405Z-000.jsonl`, so that names sort by age, and is compressed to the same
//! name with `.gz`. Only names of exactly this shape are ever touched.
//!
//! The rule: a moment is one file, whatever there is of it. While one is compressed, and after a crash, there may be two,
//! and they hold the same lines.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const SECOND: &str = "%Y%m%dT%H%M%SZ";

/// Three digits of them.
const NUMBERS_A_SECOND: u16 = 1000;

/// When a file was moved aside: its place among the old files of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    second: Timestamp,
    /// Tells those of one second apart.
    number: u16,
}

/// What a file in the folder is of an old file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// Always whole: it gets this name when it is.
    Compressed,
    /// Being compressed, or left by a crash.
    Unfinished,
}

/// What there is of one old file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    pub plain: bool,
    pub compressed: bool,
}

/// The old files of one log.
#[derive(Debug, Default)]
pub struct OldFiles {
    files: BTreeMap<Moment, Forms>,
    /// Those with an unfinished form; it is no file by itself.
    pub unfinished: Vec<Moment>,
}

impl Moment {
    /// The moment of `wall`, but always later than `last`: where the clock went back or the second is used up, the names
    /// still sort by age. None at the end of the calendar.
    pub fn after(last: Option<Moment>, wall: SystemTime) -> Option<Moment> {
        let wall = Timestamp::try_from(wall).unwrap_or(Timestamp::UNIX_EPOCH);
        let now = Moment {
            second: Timestamp::from_second(wall.as_second()).ok()?,
            number: 0,
        };
        match last {
            Some(last) if last >= now => last.next(),
            Some(_) | None => Some(now),
        }
    }

    fn next(self) -> Option<Moment> {
        if self.number + 1 < NUMBERS_A_SECOND {
            return Some(Moment {
                number: self.number + 1,
                ..self
            });
        }
        Some(Moment {
            second: self.second.checked_add(1.second()).ok()?,
            number: 0,
        })
    }

    /// Reads what is written by `Display`, and nothing else.
    fn parse(text: &str) -> Option<Moment> {
        let (second, number) = text.split_once('-')?;
        let time = DateTime::strptime(SECOND, second).ok()?;
        let moment = Moment {
            second: TimeZone::UTC.to_timestamp(time).ok()?,
            number: number.parse().ok()?,
        };
        // Signs, spaces and missing zeros, which parsers let through, are no names of ours.
        let is_ours = moment.number < NUMBERS_A_SECOND && moment.to_string() == text;
        is_ours.then_some(moment)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}-{:03}", self.second.strftime(SECOND), self.number)
    }
}

impl Form {
    const ALL: [Form; 3] = [Form::Plain, Form::Compressed, Form::Unfinished];

    const fn ending(self) -> &'static str {
        match self {
            Form::Plain => ".jsonl",
            Form::Compressed => ".jsonl.gz",
            Form::Unfinished => ".jsonl.gz.tmp",
        }
    }
}

/// The name of an old file of the log `stem`.
pub fn name(stem: &str, moment: Moment, form: Form) -> String {
    format!("{stem}-{moment}{}", form.ending())
}

/// What `name` is among the old files of `stem`; none for a stranger.
pub fn parse(name: &str, stem: &str) -> Option<(Moment, Form)> {
    let rest = name.strip_prefix(stem)?.strip_prefix('-')?;
    Form::ALL
        .into_iter()
        .find_map(|form| Some((Moment::parse(rest.strip_suffix(form.ending())?)?, form)))
}

impl OldFiles {
    /// # Errors
    /// The folder can't be listed.
    pub fn list(folder: &Path, stem: &str) -> io::Result<OldFiles> {
        let names = fs::read_dir(folder)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect::<Vec<_>>();
        Ok(OldFiles::of(names.iter().map(String::as_str), stem))
    }

    fn of<'a>(names: impl Iterator<Item = &'a str>, stem: &str) -> OldFiles {
        let mut old = OldFiles::default();
        for (moment, form) in names.filter_map(|name| parse(name, stem)) {
            match form {
                Form::Plain => old.files.entry(moment).or_default().plain = true,
                Form::Compressed => old.files.entry(moment).or_default().compressed = true,
                Form::Unfinished => old.unfinished.push(moment),
            }
        }
        old
    }

    pub fn newest(&self) -> Option<Moment> {
        self.files.keys().next_back().copied()
    }

    /// All but the `keep` newest, the oldest first.
    pub fn surplus(&self, keep: u32) -> impl Iterator<Item = Moment> + '_ {
        self.files.keys().copied().take(self.count_surplus(keep))
    }

    /// The `keep` newest, the oldest first.
    pub fn kept(&self, keep: u32) -> impl Iterator<Item = (Moment, Forms)> + '_ {
        let files = self.files.iter().skip(self.count_surplus(keep));
        files.map(|(moment, forms)| (*moment, *forms))
    }

    fn count_surplus(&self, keep: u32) -> usize {
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        self.files.len().saturating_sub(keep)
    }
}

/// Where the forms of one old file are.
pub struct Paths {
    pub plain: PathBuf,
    pub compressed: PathBuf,
    pub unfinished: PathBuf,
}

impl Paths {
    pub fn new(folder: &Path, stem: &str, moment: Moment) -> Paths {
        let path = |form| folder.join(name(stem, moment, form));
        Paths {
            plain: path(Form::Plain),
            compressed: path(Form::Compressed),
            unfinished: path(Form::Unfinished),
        }
    }
}

#[cfg(test)]
mod tests;
