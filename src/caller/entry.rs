//! Reads one line of the token file: everything that is wrong with it, at once.
//!
//! No text here repeats a name, a secret or an unknown word: swap two columns and it is the secret.

use super::digest::{SecretDigest, PREFIX};
use super::identity::{Caller, DEFAULT_CALLER};
use super::line::Column;
use super::scopes::Scopes;
use super::spelling::{is_name, nearest, resembles_secret, NAME_ACCEPTS};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::SystemTime;

const SHAPE: &str =
    "a line is `name secret scopes`, with `expires=` and `skill=` behind it, or a secret alone";
const KEYS: [&str; 2] = ["expires", "skill"];

/// Fewer characters can be guessed: 24 of base64 are 144 bits, of English far fewer.
const LEAST_CHARACTERS: usize = 24;

/// One token and whose it is.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Counted from 1.
    pub line: usize,
    pub caller: Arc<Caller>,
    pub digest: SecretDigest,
    /// Whether the file holds only the secret's hash.
    pub hashed: bool,
    /// What works but may surprise.
    pub warnings: Vec<String>,
}

/// What the columns behind the scopes say.
#[derive(Default)]
struct Extras {
    expires: Option<SystemTime>,
    skill: Option<Arc<str>>,
}

impl Entry {
    /// Reads the columns of line number `line`; there is at least one.
    pub fn parse(line: usize, columns: &[Column<'_>]) -> Result<Entry, Vec<String>> {
        match columns {
            [secret] => Entry::unnamed(line, secret.text),
            [name, secret, scopes, extras @ ..] => {
                Entry::named(line, [name.text, secret.text, scopes.text], extras)
            }
            _ => Err(vec![format!("the line has two columns; {SHAPE}")]),
        }
    }

    fn unnamed(line: usize, secret: &str) -> Result<Entry, Vec<String>> {
        if belongs_behind_a_secret(secret) {
            return Err(vec![format!(
                "the line has neither name nor secret; {SHAPE}"
            )]);
        }
        let digest = digest(secret).map_err(|why| vec![why])?;
        let caller = Caller {
            name: DEFAULT_CALLER.into(),
            scopes: Scopes::every_route(),
            skill: None,
            expires: None,
        };
        Ok(Entry::new(line, caller, digest, secret))
    }

    fn named(line: usize, words: [&str; 3], extras: &[Column<'_>]) -> Result<Entry, Vec<String>> {
        let [name, secret, scopes] = words;
        let mut wrong = Vec::new();
        wrong.extend(check_name(name).err());
        let digest = digest(secret).map_err(|why| wrong.push(why));
        let scopes = Scopes::parse(scopes).map_err(|why| wrong.extend(why));
        let extras = read_extras(extras).map_err(|why| wrong.extend(why));
        let (true, Ok(digest), Ok(scopes), Ok(extras)) = (wrong.is_empty(), digest, scopes, extras)
        else {
            return Err(wrong);
        };
        let caller = Caller {
            name: name.into(),
            scopes,
            skill: extras.skill,
            expires: extras.expires,
        };
        Ok(Entry::new(line, caller, digest, secret))
    }

    fn new(line: usize, caller: Caller, digest: SecretDigest, secret: &str) -> Entry {
        let hashed = secret.starts_with(PREFIX);
        let mut warnings = Vec::new();
        if !hashed {
            warnings.extend(doubts(secret));
        }
        if !caller.scopes.allow_something() {
            warnings.push("the scopes name lanes but no route, so they allow nothing".to_string());
        }
        Entry {
            line,
            caller: Arc::new(caller),
            digest,
            hashed,
            warnings,
        }
    }
}

/// Checks a caller's name.
pub fn check_name(name: &str) -> Result<(), String> {
    if resembles_secret(name) {
        return Err(
            "the first column looks like a secret; the name comes first, then the secret"
                .to_string(),
        );
    }
    if !is_name(name) {
        return Err(format!(
            "the first column is no caller's name: {NAME_ACCEPTS}, and not `none`"
        ));
    }
    Ok(())
}

fn belongs_behind_a_secret(word: &str) -> bool {
    let has_key = word
        .split_once('=')
        .is_some_and(|(key, _)| KEYS.contains(&key));
    Scopes::parse(word).is_ok()
        || word.starts_with("invoke:")
        || word.starts_with("lane:")
        || has_key
}

fn digest(secret: &str) -> Result<SecretDigest, String> {
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "the secret has a character that no header carries; visible ASCII only".to_string(),
        );
    }
    let (prefix, digits) = secret.split_at(secret.len().min(PREFIX.len()));
    if !prefix.eq_ignore_ascii_case(PREFIX) {
        return Ok(SecretDigest::of(secret.as_bytes()));
    }
    match SecretDigest::from_hex(digits) {
        Some(digest) if prefix == PREFIX => not_of_nothing(digest),
        _ => Err(
            "the secret's hash is not `sha256:` (in lower case) and 64 hexadecimal digits"
                .to_string(),
        ),
    }
}

/// What a script writes when its variable was unset: hashes that stand for no secret at all.
fn not_of_nothing(digest: SecretDigest) -> Result<SecretDigest, String> {
    if [&b""[..], b"\n", b"\r\n"]
        .iter()
        .any(|nothing| SecretDigest::of(nothing) == digest)
    {
        return Err("the secret's hash is that of an empty text".to_string());
    }
    Ok(digest)
}

fn doubts(secret: &str) -> Option<String> {
    if secret.len() < LEAST_CHARACTERS {
        return Some(format!(
            "the secret has {} characters and can be guessed; write {LEAST_CHARACTERS} or more, \
             or have one made by `sidegate token rotate`",
            secret.len()
        ));
    }
    let quoted = |mark: char| secret.starts_with(mark) && secret.ends_with(mark);
    (quoted('"') || quoted('\''))
        .then(|| "the secret has quotes around it, which are a part of it".to_string())
}

fn read_extras(columns: &[Column<'_>]) -> Result<Extras, Vec<String>> {
    let mut extras = Extras::default();
    let mut wrong = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        // Three columns stand before these, and people count from 1.
        let place = index + 4;
        wrong.extend(
            extras
                .add(column.text)
                .err()
                .map(|why| format!("column {place}: {why}")),
        );
    }
    if wrong.is_empty() {
        Ok(extras)
    } else {
        Err(wrong)
    }
}

impl Extras {
    fn add(&mut self, word: &str) -> Result<(), String> {
        let twice = |key: &str| Err(format!("`{key}=` stands twice"));
        match word.split_once('=') {
            Some(("expires", _)) if self.expires.is_some() => return twice("expires"),
            Some(("expires", time)) => self.expires = Some(read_time(time)?),
            Some(("skill", _)) if self.skill.is_some() => return twice("skill"),
            Some(("skill", name)) if is_name(name) => self.skill = Some(name.into()),
            Some(("skill", _)) => {
                return Err(format!("`skill=` takes a skill's name: {NAME_ACCEPTS}"))
            }
            Some((key, _)) => return Err(unknown_key(key)),
            None => return Err(stray(word)),
        }
        Ok(())
    }
}

fn unknown_key(key: &str) -> String {
    match nearest(key, KEYS) {
        Some(near) => format!("unknown key; did you mean `{near}=`?"),
        None => "unknown key; keys are `expires=` and `skill=`".to_string(),
    }
}

fn stray(word: &str) -> String {
    if Scopes::parse(word).is_ok() {
        return "a scope on its own; scopes are one column, with commas and without spaces"
            .to_string();
    }
    match nearest(word, KEYS) {
        Some(key) => format!("no `=`; write `{key}=…`"),
        None => format!("unknown; {SHAPE}, and a comment begins with `#`"),
    }
}

/// Reads a time of RFC 3339, with its offset from UTC.
fn read_time(text: &str) -> Result<SystemTime, String> {
    // The parser also takes time zones in brackets and other separators, which RFC 3339 doesn't.
    let strict = text
        .as_bytes()
        .get(10)
        .is_some_and(|byte| matches!(byte, b'T' | b't'))
        && !text.contains('[');
    match text.parse::<Timestamp>() {
        Ok(time) if strict => Ok(SystemTime::from(time)),
        _ => Err(
            "`expires=` takes a whole time with its offset, such as `2027-01-01T00:00:00Z`"
                .to_string(),
        ),
    }
}
