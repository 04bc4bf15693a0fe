//! Changes the text of a token file: new, list, revoke, rotate.
//!
//! Lines of other callers, comments and line endings stay byte for byte. What `new` and `rotate` make has
//! been read again by the gateway's own reader, so that neither can produce a file that it refuses.

use super::digest::SecretDigest;
use super::edit_error::EditError;
use super::entry::{check_name, Entry};
use super::line::columns;
use super::scopes::Scopes;
use super::spelling::{is_name, nearest};
use super::token_file::{entries, readable_entries};
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use jiff::Timestamp;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A caller to be added. Only the hash of `secret` is stored.
#[derive(Clone, Copy)]
pub struct NewToken<'a> {
    pub name: &'a str,
    pub scopes: &'a Scopes,
    pub expires: Option<SystemTime>,
    pub skill: Option<&'a str>,
    pub secret: &'a str,
}

/// One token as `token list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    pub scopes: Scopes,
    pub expires: Option<SystemTime>,
    pub skill: Option<String>,
    /// False where the secret itself stands in the file.
    pub hashed: bool,
    /// Counted from 1.
    pub line: usize,
}

/// A secret of 256 bits: `sg_` and base64url without padding, 46 characters.
pub fn secret_from(random: [u8; 32]) -> String {
    format!("sg_{}", URL_SAFE_NO_PAD.encode(random))
}

/// Every token of the file that can be read, in its order.
pub fn list(text: &str) -> Vec<Row> {
    let (entries, _) = readable_entries(text);
    entries.iter().map(row).collect()
}

/// A secret that the file has in clear and that may invoke a route at `now`; the first one.
pub fn plain_secret(text: &str, now: SystemTime) -> Option<String> {
    let (entries, _) = readable_entries(text);
    let entry = entries.iter().find(|entry| {
        let caller = &entry.caller;
        // A caller of a skill needs requests that are like the skill's.
        !entry.hashed
            && caller.may_invoke_any()
            && caller.skill.is_none()
            && !caller.has_expired(now)
    })?;
    let line = text.split_inclusive('\n').nth(entry.line.checked_sub(1)?)?;
    match columns(line).as_slice() {
        [secret] | [_, secret, ..] => Some(secret.text.to_string()),
        [] => None,
    }
}

/// Adds a caller at the end.
///
/// # Errors
/// The name is taken or malformed, or the file has mistakes.
pub fn new_entry(text: &str, token: NewToken<'_>) -> Result<String, EditError> {
    check_name(token.name).map_err(|_| EditError::BadName)?;
    if !token.skill.is_none_or(is_name) {
        return Err(EditError::BadSkill);
    }
    let entries = entries(text).map_err(EditError::Mistakes)?;
    if let Some(taken) = entries
        .iter()
        .find(|entry| *entry.caller.name == *token.name)
    {
        return Err(EditError::NameTaken {
            name: token.name.to_string(),
            line: taken.line,
        });
    }
    let mut changed = text.to_string();
    push_line(&mut changed, &written(token)?);
    checked(changed)
}

/// Gives a caller a new secret; its old ones stay valid for `overlap` after `now`, at most.
///
/// The new line has the scopes, the skill and the end of the one it succeeds.
///
/// # Errors
/// There is no such caller, its token has expired, or the file has mistakes.
pub fn rotate(
    text: &str,
    name: &str,
    new_secret: &str,
    now: SystemTime,
    overlap: Duration,
) -> Result<String, EditError> {
    let entries = entries(text).map_err(EditError::Mistakes)?;
    let current = current(&entries, name).ok_or_else(|| unknown(&entries, name))?;
    if current.caller.has_expired(now) {
        return Err(EditError::Expired {
            name: name.to_string(),
        });
    }
    let until = now.checked_add(overlap).ok_or(EditError::BadTime)?;
    let successor = successor(current, new_secret)?;
    let end = time(until)?;
    let mut changed = String::with_capacity(text.len() + 256);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let own = entries
            .iter()
            .find(|entry| entry.line == number && *entry.caller.name == *name);
        if own.is_some_and(|entry| entry.caller.expires.is_none_or(|expires| expires > until)) {
            changed.push_str(&ending_at(line, &end));
        } else {
            changed.push_str(line);
        }
        if number == current.line {
            push_line(&mut changed, &successor);
        }
    }
    checked(changed)
}

/// Removes every line of a caller, also from a file with mistakes elsewhere. The gateway takes the change
/// only when those are mended, so whoever calls this has to name them.
///
/// # Errors
/// There is no such caller.
pub fn revoke(text: &str, name: &str) -> Result<String, EditError> {
    let (entries, _) = readable_entries(text);
    let is_theirs =
        |number: usize, line: &str| match entries.iter().find(|entry| entry.line == number) {
            Some(entry) => *entry.caller.name == *name,
            // A line that can't be read belongs to the name that it begins with.
            None => matches!(columns(line).as_slice(), [first, _, ..] if first.text == name),
        };
    let lines = (1..).zip(text.split_inclusive('\n'));
    let kept = lines.filter(|(number, line)| !is_theirs(*number, line));
    let changed: String = kept.map(|(_, line)| line).collect();
    if changed.len() == text.len() {
        return Err(unknown(&entries, name));
    }
    Ok(changed)
}

fn row(entry: &Entry) -> Row {
    Row {
        name: entry.caller.name.to_string(),
        scopes: entry.caller.scopes.clone(),
        expires: entry.caller.expires,
        skill: entry.caller.skill.as_deref().map(String::from),
        hashed: entry.hashed,
        line: entry.line,
    }
}

/// The token that a rotation succeeds: the one that doesn't expire, else the last one to do so.
fn current<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    let own = entries.iter().filter(|entry| *entry.caller.name == *name);
    own.max_by_key(|entry| (entry.caller.expires.is_none(), entry.caller.expires))
}

/// The line after `current`: all as it was, but for the secret.
fn successor(current: &Entry, secret: &str) -> Result<String, EditError> {
    written(NewToken {
        name: &current.caller.name,
        scopes: &current.caller.scopes,
        expires: current.caller.expires,
        skill: current.caller.skill.as_deref(),
        secret,
    })
}

fn unknown(entries: &[Entry], name: &str) -> EditError {
    let names = entries.iter().map(|entry| &*entry.caller.name);
    EditError::UnknownName {
        name: name.to_string(),
        near: nearest(name, names).map(String::from),
    }
}

fn written(token: NewToken<'_>) -> Result<String, EditError> {
    let digest = SecretDigest::of(token.secret.as_bytes());
    let mut line = format!("{}  {digest}  {}", token.name, token.scopes);
    if let Some(expires) = token.expires {
        line.push_str(&format!("  expires={}", time(expires)?));
    }
    if let Some(skill) = token.skill {
        line.push_str(&format!("  skill={skill}"));
    }
    Ok(line)
}

/// RFC 3339 in UTC, cut to the second: rather too early than too late.
fn time(time: SystemTime) -> Result<String, EditError> {
    let whole = Timestamp::try_from(time).and_then(|time| Timestamp::from_second(time.as_second()));
    whole
        .map(|time| time.to_string())
        .map_err(|_| EditError::BadTime)
}

/// Appends a line, ended as the last one is; a last line without an end gets one.
fn push_line(text: &mut String, line: &str) {
    let end = if text.ends_with("\r\n") { "\r\n" } else { "\n" };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    text.push_str(line);
    text.push_str(end);
}

/// The line with its end set, comment and spacing as they were.
fn ending_at(line: &str, time: &str) -> String {
    let columns = columns(line);
    let mut line = line.to_string();
    match columns.as_slice() {
        [secret] => {
            let named = format!("default  {}  invoke:*  expires={time}", secret.text);
            line.replace_range(secret.start..secret.end(), &named);
        }
        [.., last] => match columns
            .iter()
            .skip(3)
            .find(|column| column.text.starts_with("expires="))
        {
            Some(old) => line.replace_range(old.start..old.end(), &format!("expires={time}")),
            None => line.insert_str(last.end(), &format!("  expires={time}")),
        },
        [] => {}
    }
    line
}

fn checked(text: String) -> Result<String, EditError> {
    entries(&text).map_err(EditError::Mistakes)?;
    Ok(text)
}

impl fmt::Debug for NewToken<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("NewToken")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
