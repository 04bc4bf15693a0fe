//! What the environment says, laid over the file or standing in for it.
//!
//! A variable becomes a node of the tree, with the variable as its place: defaults, bounds and messages
//! are then those of the key. A route's own keys win, because the variable replaces the top-level key.

use super::environment::{
    Environment, BASE_URL, COOL_DOWN, KEY, KEY_FILE, PORT, RETRY_BASE, RETRY_MAX, THRESHOLD,
    TOKEN_FILE,
};
use super::error::{shown, Place};
use super::file::{Entry, Node, Value};
use super::model::Family;
use super::reader::Reader;
use super::url;

/// Used where nothing names an upstream: where vLLM listens unless told otherwise.
const USUAL_UPSTREAM: &str = "http://127.0.0.1:8000/v1";

const USUAL_PORT: u16 = 8787;

/// A whole number in the environment, the key that it means and the unit it lacks.
struct Number {
    variable: &'static str,
    keys: [&'static str; 2],
    unit: &'static str,
    words: &'static str,
}

const NUMBERS: [Number; 4] = [
    Number {
        variable: RETRY_MAX,
        keys: ["retry", "max"],
        unit: "",
        words: "a whole number of retries",
    },
    Number {
        variable: RETRY_BASE,
        keys: ["retry", "base"],
        unit: "ms",
        words: "a whole number of milliseconds",
    },
    Number {
        variable: THRESHOLD,
        keys: ["breaker", "threshold"],
        unit: "",
        words: "a whole number of failures",
    },
    Number {
        variable: COOL_DOWN,
        keys: ["breaker", "cool_down"],
        unit: "s",
        words: "a whole number of seconds",
    },
];

/// Lays the environment over a file's tree.
pub fn lay_over(root: &mut Node, environment: &Environment, reader: &Reader) {
    for name in [BASE_URL, KEY_FILE] {
        if environment.get(name).is_some() {
            let text = "is ignored, because there is a configuration file; write it there";
            reader.warn(&Place::Variable(name), "", text);
        }
    }
    lay_over_any(root, environment, reader);
}

/// Lays over a tree what the environment may say with and without a file.
pub fn lay_over_any(root: &mut Node, environment: &Environment, reader: &Reader) {
    for name in environment.unreadable() {
        reader.mistake(&Place::Variable(name), "", "is not UTF-8");
    }
    if environment.get(KEY).is_some() {
        let text = "is never read: put the key into a file with mode 0400 and name that file";
        reader.warn(&Place::Variable(KEY), "", text);
    }
    for number in &NUMBERS {
        if let Some(node) = read_number(number, environment, reader) {
            set(root, &number.keys, node);
        }
    }
    if let Some(path) = environment.get(TOKEN_FILE) {
        let node = Node::text(Place::Variable(TOKEN_FILE), path);
        set(root, &["callers", "token_file"], node);
    }
}

/// The tree of a configuration without a file: one upstream, one route that takes every name through.
pub fn alone(environment: &Environment, reader: &Reader) -> Node {
    let mut root = built_in(Vec::new());
    let (url, place) = match environment.get(BASE_URL) {
        Some(url) => (url, Place::Variable(BASE_URL)),
        None => (USUAL_UPSTREAM, Place::Default(None)),
    };
    let upstream = ["upstreams", "default"];
    set_in(&mut root, &upstream, "url", Node::text(place, url));
    let family = Node::text(
        Place::Default(Some(format!("guessed from {BASE_URL}"))),
        guess(url),
    );
    set_in(&mut root, &upstream, "family", family);
    if let Some(path) = environment.get(KEY_FILE) {
        let node = Node::text(Place::Variable(KEY_FILE), path);
        set_in(&mut root, &upstream, "key_file", node);
    }
    set(&mut root, &["routes", "default"], everything());
    if let Some(port) = port(environment, reader) {
        set(&mut root, &["admin"], next_port(port, reader));
    }
    root
}

/// The data listener's port, where the environment says it. Only the port: the file keeps the address.
pub fn port(environment: &Environment, reader: &Reader) -> Option<u16> {
    let text = environment.get(PORT)?;
    let port = digits(text).and_then(|text| text.parse().ok());
    if port.is_none() {
        let text = format!(
            "{} is no port (accepted: a whole number from 1 to 65535)",
            shown(text)
        );
        reader.mistake(&Place::Variable(PORT), "listen", text);
    }
    port
}

fn next_port(port: u16, reader: &Reader) -> Node {
    let place = Place::Variable(PORT);
    let next = match port {
        0 => 0,
        u16::MAX => {
            let text = "65535 leaves no next port for the admin listener (accepted: at most 65534)";
            reader.mistake(&place, "admin", text);
            USUAL_PORT
        }
        port => port + 1,
    };
    Node::text(place, format!("127.0.0.1:{next}"))
}

fn everything() -> Node {
    let target = built_in(vec![entry("upstream", text("default"))]);
    built_in(vec![
        entry("alias", list(text("*"))),
        entry("targets", list(target)),
    ])
}

/// A hosted provider is spoken to over TLS and is not this machine.
fn guess(url: &str) -> &'static str {
    match url::parse(url) {
        Ok(url) if url.https && !url.is_loopback() => Family::Openai.as_str(),
        _ => Family::Other.as_str(),
    }
}

fn read_number(number: &Number, environment: &Environment, reader: &Reader) -> Option<Node> {
    let text = environment.get(number.variable)?;
    let place = Place::Variable(number.variable);
    let Some(digits) = digits(text) else {
        let text = format!("{} is not {}", shown(text), number.words);
        reader.mistake(&place, &number.keys.join("."), text);
        return None;
    };
    let written = format!("{digits}{}", number.unit);
    Some(match (number.unit, digits.parse()) {
        ("", Ok(whole)) => Node {
            place,
            written,
            value: Value::Whole(whole),
        },
        _ => Node::text(place, written),
    })
}

fn digits(text: &str) -> Option<&str> {
    let text = text.trim();
    let whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    whole.then_some(text)
}

fn set_in(root: &mut Node, path: &[&str], key: &str, node: Node) {
    let mut whole: Vec<&str> = path.to_vec();
    whole.push(key);
    set(root, &whole, node);
}

/// Puts a node at a path and makes the mappings on the way. What is there but no mapping stays, so that
/// the checker reports it.
fn set(root: &mut Node, path: &[&str], node: Node) {
    let Some((name, rest)) = path.split_first() else {
        *root = node;
        return;
    };
    if matches!(root.value, Value::Null) {
        root.value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = &mut root.value else {
        return;
    };
    let index = match entries.iter().position(|entry| entry.name == *name) {
        Some(index) => index,
        None => {
            let place = node.place.clone();
            let value = Node::map(place.clone(), Vec::new());
            entries.push(Entry {
                name: (*name).to_string(),
                place,
                value,
            });
            entries.len() - 1
        }
    };
    if let Some(entry) = entries.get_mut(index) {
        set(&mut entry.value, rest, node);
    }
}

fn built_in(entries: Vec<Entry>) -> Node {
    Node::map(Place::Default(None), entries)
}

fn entry(name: &str, value: Node) -> Entry {
    Entry {
        name: name.to_string(),
        place: Place::Default(None),
        value,
    }
}

fn text(text: &str) -> Node {
    Node::text(Place::Default(None), text)
}

fn list(item: Node) -> Node {
    Node {
        place: Place::Default(None),
        written: String::new(),
        value: Value::List(vec![item]),
    }
}
