//! Reads one value as its kind says, or says what is wrong with it.

use super::duration;
use super::error::{shown, Place, Refusal};
use super::file::{Node, Value};
use super::kind::Kind;
use super::model::UpstreamUrl;
use super::{size, url};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A value that is what its kind says.
#[derive(Debug, Clone)]
pub enum Parsed {
    Flag(bool),
    Whole(u64),
    /// In bytes.
    Size(u64),
    Duration(Duration),
    Text(String),
    Path(PathBuf),
    Address(SocketAddr),
    Url(UpstreamUrl),
    /// The word of [`Kind::Or`].
    Nothing(&'static str),
    List(Vec<(Parsed, Place)>),
}

/// What is wrong with a value, or with an item of it.
#[derive(Debug)]
pub struct Problem {
    pub place: Place,
    /// Follows the path of the value: `[2]`, or nothing.
    pub suffix: String,
    pub text: String,
}

/// Reads a node. `home` is what `~` stands for.
///
/// # Errors
/// Each problem in it. None of them when the node was withheld, because that is reported already.
pub fn parse(kind: &Kind, node: &Node, home: Option<&str>) -> Result<Parsed, Vec<Problem>> {
    if matches!(node.value, Value::Withheld) {
        return Err(Vec::new());
    }
    if let (Kind::List(kind), Value::List(items)) = (kind, &node.value) {
        return list(kind, items, home);
    }
    scalar(kind, node, home).map_err(|refusal| {
        vec![Problem {
            place: node.place.clone(),
            suffix: String::new(),
            text: message(kind, node, &refusal),
        }]
    })
}

fn list(kind: &Kind, items: &[Node], home: Option<&str>) -> Result<Parsed, Vec<Problem>> {
    let mut parsed = Vec::with_capacity(items.len());
    let mut problems = Vec::new();
    let mut sound = true;
    for (index, item) in items.iter().enumerate() {
        match parse(kind, item, home) {
            Ok(value) => parsed.push((value, item.place.clone())),
            Err(found) => {
                sound = false;
                problems.extend(found.into_iter().map(|problem| Problem {
                    suffix: format!("[{index}]{}", problem.suffix),
                    ..problem
                }));
            }
        }
    }
    if sound {
        Ok(Parsed::List(parsed))
    } else {
        Err(problems)
    }
}

fn message(kind: &Kind, node: &Node, refusal: &Refusal) -> String {
    if matches!(&node.value, Value::Text(text) if text.is_empty()) {
        return format!("is empty (accepted: {})", kind.accepts());
    }
    let mut text = format!("{} {}", node.described(), refusal.why);
    if let Some(instead) = &refusal.instead {
        text.push_str(&format!("; did you mean {}?", shown(instead)));
    }
    text.push_str(&format!(" (accepted: {})", kind.accepts()));
    text
}

fn scalar(kind: &Kind, node: &Node, home: Option<&str>) -> Result<Parsed, Refusal> {
    let written = node.written.as_str();
    match (kind, &node.value) {
        (Kind::Or(word, _), Value::Text(text)) if text == word => Ok(Parsed::Nothing(word)),
        // YAML 1.1 reads `off` as a truth value, and somebody may have written that out.
        (Kind::Or("off", _), Value::Flag(false)) => Ok(Parsed::Nothing("off")),
        (Kind::Or(_, kind), _) => scalar(kind, node, home),
        (Kind::Flag, Value::Flag(flag)) => Ok(Parsed::Flag(*flag)),
        (Kind::Flag, Value::Text(text)) => Err(no_flag(text)),
        (Kind::Count(least, most), Value::Whole(number)) => {
            within(*number, *least, *most, ["small", "large"]).map(Parsed::Whole)
        }
        (Kind::Count(..), Value::Text(text)) if is_digits(text) => Err(Refusal::new(
            "stands in quotes, which make a text of a number; take them away",
        )),
        (Kind::Duration(least, most), Value::Text(_) | Value::Whole(_)) => duration::parse(written)
            .and_then(|length| within(length, *least, *most, ["short", "long"]))
            .map(Parsed::Duration),
        (Kind::Size(least, most), Value::Text(_) | Value::Whole(_)) => size::parse(written)
            .and_then(|bytes| within(bytes, *least, *most, ["small", "large"]))
            .map(Parsed::Size),
        (Kind::Folder, Value::Null) if written == "~" => expand("~", home).map(Parsed::Path),
        (Kind::Folder, Value::Text(text)) => path(text, home).map(Parsed::Path),
        (Kind::Path, Value::Text(text)) if !text.ends_with('/') && text != "~" => {
            path(text, home).map(Parsed::Path)
        }
        (Kind::Path, Value::Text(_)) => Err(Refusal::new("is a folder, not a file")),
        (Kind::Address, Value::Text(text)) => address(text).map(Parsed::Address),
        (Kind::Address, Value::Whole(port)) => {
            Err(Refusal::new("is a port alone").or(format!("127.0.0.1:{port}")))
        }
        (Kind::Url, Value::Text(text)) => url::parse(text).map(Parsed::Url),
        (Kind::Text(rule), Value::Text(text)) => (rule.read)(text).map(Parsed::Text),
        (Kind::Text(_), Value::Flag(_)) => Err(unquoted("a truth value", written)),
        (Kind::Text(_), Value::Whole(_) | Value::Number) => Err(unquoted("a number", written)),
        (Kind::Choice(words), Value::Text(text)) => choice(&words(), text),
        // `logs.level: off`, written by a YAML 1.1 tool.
        (Kind::Choice(words), Value::Flag(false)) if words().contains(&"off") => {
            choice(&words(), "off")
        }
        (Kind::List(_), Value::Text(text)) => {
            Err(Refusal::new("is no list").or(format!("[{text}]")))
        }
        _ => Err(Refusal::new(format!("is no {}", kind.noun()))),
    }
}

fn within<T: PartialOrd>(value: T, least: T, most: T, words: [&str; 2]) -> Result<T, Refusal> {
    let [small, large] = words;
    if value < least {
        return Err(Refusal::new(format!("is too {small}")));
    }
    if value > most {
        return Err(Refusal::new(format!("is too {large}")));
    }
    Ok(value)
}

fn unquoted(read_as: &str, written: &str) -> Refusal {
    Refusal::new(format!("is {read_as} to YAML, not a text")).or(format!("\"{written}\""))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn no_flag(text: &str) -> Refusal {
    let refusal = Refusal::new("is no truth value");
    match text.to_lowercase().as_str() {
        "yes" | "on" | "true" => refusal.or("true"),
        "no" | "off" | "false" => refusal.or("false"),
        _ => refusal,
    }
}

fn choice(words: &[&'static str], text: &str) -> Result<Parsed, Refusal> {
    if words.contains(&text) {
        return Ok(Parsed::Text(text.to_string()));
    }
    let refusal = Refusal::new("is unknown");
    Err(match super::near::nearest(text, words.iter().copied()) {
        Some(word) => refusal.or(word),
        None => refusal,
    })
}

/// Relative paths would mean something else under launchd, after `cd`, and in the last good copy.
fn path(text: &str, home: Option<&str>) -> Result<PathBuf, Refusal> {
    if text.contains("${") || text.starts_with('$') {
        return Err(Refusal::new(
            "names a variable, and this file is not expanded",
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::new("has a control character in it"));
    }
    if text == "~" || text.starts_with("~/") {
        return expand(text, home);
    }
    if text.starts_with('~') {
        return Err(Refusal::new(
            "is in somebody else's home folder; write its whole path",
        ));
    }
    if !text.starts_with('/') {
        return Err(Refusal::new("is a relative path"));
    }
    Ok(PathBuf::from(text))
}

fn expand(text: &str, home: Option<&str>) -> Result<PathBuf, Refusal> {
    let home = home.filter(|home| home.starts_with('/'));
    let home = home.ok_or_else(|| Refusal::new("needs HOME, which is not set to a whole path"))?;
    let rest = text.trim_start_matches('~').trim_start_matches('/');
    if rest.is_empty() {
        return Ok(PathBuf::from(home));
    }
    Ok(PathBuf::from(home).join(rest))
}

fn address(text: &str) -> Result<SocketAddr, Refusal> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let meant = SocketAddr::new(address, 8787).to_string();
        return Err(Refusal::new("has no port").or(meant));
    }
    let refusal = Refusal::new("is no address with a port");
    let port = text
        .strip_prefix("localhost:")
        .or_else(|| text.strip_prefix("*:"))
        .or_else(|| text.strip_prefix(':'));
    Err(match port.filter(|port| is_digits(port)) {
        Some(port) => refusal.or(format!("127.0.0.1:{port}")),
        None => refusal,
    })
}

impl fmt::Display for Parsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Parsed::Flag(flag) => write!(out, "{flag}"),
            Parsed::Whole(number) => write!(out, "{number}"),
            Parsed::Size(bytes) => write!(out, "{}", size::print(*bytes)),
            Parsed::Duration(length) => write!(out, "{}", duration::print(*length)),
            Parsed::Text(text) => write!(out, "{text}"),
            Parsed::Path(path) => write!(out, "{}", path.display()),
            Parsed::Address(address) => write!(out, "{address}"),
            Parsed::Url(url) => write!(out, "{url}"),
            Parsed::Nothing(word) => write!(out, "{word}"),
            Parsed::List(items) => {
                let items: Vec<String> = items.iter().map(|(item, _)| item.to_string()).collect();
                write!(out, "[{}]", items.join(", "))
            }
        }
    }
}
