//! Takes secrets out of the tree before anything else looks at it.
//!
//! A secret in a configuration ends up in backups, tickets and screens. It is refused, and because its
//! value is gone from the tree from then on, no later message can repeat it.

use super::error::{plain, Mistake, Place};
use super::file::{Node, Value};
use super::keys;

/// How well-known keys begin, and how many characters must follow to be one.
const BEGINNINGS: [(&str, usize); 18] = [
    ("sk-", 8),
    ("sk_", 8),
    ("pk-lf-", 8),
    ("gsk_", 8),
    ("hf_", 8),
    ("xai-", 8),
    ("pplx-", 8),
    ("nvapi-", 8),
    ("r8_", 16),
    ("ghp_", 16),
    ("gho_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("xoxb-", 8),
    ("AIza", 20),
    ("AKIA", 12),
    ("eyJ", 30),
    ("-----BEGIN ", 0),
];

/// What keys for secrets are called elsewhere.
const NAMES: [&str; 19] = [
    "access_key",
    "access_token",
    "api_key",
    "api_token",
    "apikey",
    "auth",
    "auth_token",
    "authorization",
    "bearer",
    "bearer_token",
    "client_secret",
    "credentials",
    "key",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "secret",
    "token",
];

const ENDINGS: [&str; 6] = [
    "_api_key",
    "_apikey",
    "_password",
    "_secret",
    "_access_token",
    "_auth_token",
];

/// Empties every node that holds a secret and reports it.
pub fn withhold(root: &mut Node) -> Vec<Mistake> {
    let mut found = Vec::new();
    walk(root, "", &mut found);
    found
}

/// A key or token by its looks alone.
pub fn looks_like_key(text: &str) -> bool {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let scheme = ["bearer ", "basic "].iter().any(|scheme| {
        let rest = lower.strip_prefix(scheme);
        rest.is_some_and(|rest| rest.trim().len() >= 8)
    });
    scheme
        || BEGINNINGS.iter().any(|(beginning, more)| {
            text.strip_prefix(beginning)
                .is_some_and(|rest| rest.len() >= *more && !rest.contains('/'))
        })
}

fn walk(node: &mut Node, path: &str, found: &mut Vec<Mistake>) {
    match &mut node.value {
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                if looks_like_key(&entry.name) {
                    found.push(report(&entry.place, path, KEY_TEXT));
                    entry.name = "…".to_string();
                    entry.value.value = Value::Withheld;
                    continue;
                }
                let name = plain(&entry.name);
                let below = if path.is_empty() {
                    name
                } else {
                    format!("{path}.{name}")
                };
                if is_secret_name(&entry.name) && is_scalar(&entry.value) {
                    take(&mut entry.value, &below, NAME_TEXT, found);
                } else if is_pasted(&entry.name, &entry.value.written) {
                    take(&mut entry.value, &below, PASTED_TEXT, found);
                } else {
                    walk(&mut entry.value, &below, found);
                }
            }
        }
        Value::Text(text) => {
            if let Some(why) = judge(text) {
                take(node, path, why, found);
            }
        }
        _ => {}
    }
}

const KEY_TEXT: &str = "looks like a key or token, and a secret does not belong in this file (it is \
    not repeated here); put it into a file of its own, run `chmod 0400` on that, name it in `key_file`, \
    and replace the secret, because it may have been seen";

const NAME_TEXT: &str = "is a key for a secret, which does not belong in this file (it is not repeated \
    here, and variables are not expanded); put it into a file of its own, run `chmod 0400` on that, and \
    name it: upstreams take `key_file`, callers take `token_file`";

const PASTED_TEXT: &str =
    "takes the path of a file, and this looks like what belongs into that file (it \
    is not repeated here); put it there, run `chmod 0400` on it, and write its path";

const USER_TEXT: &str =
    "is a URL with a user or password, which does not belong in this file (it is \
    not repeated here); for an upstream, put the key into a file and name it in `key_file`";

const QUERY_TEXT: &str =
    "is a URL with a query or fragment (not repeated here, because keys travel \
    there); write scheme, host, port and path only";

const URL_TEXT: &str =
    "is a URL with what looks like a key in it (it is not repeated here); put the \
    key into a file and name it in `key_file`";

fn judge(text: &str) -> Option<&'static str> {
    if looks_like_key(text) {
        return Some(KEY_TEXT);
    }
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Some(USER_TEXT);
    }
    if rest.contains(['?', '#']) {
        return Some(QUERY_TEXT);
    }
    let suspicious = |part: &str| looks_like_key(part) || is_random(part);
    rest.split(['/', '.', ':'])
        .any(suspicious)
        .then_some(URL_TEXT)
}

fn take(node: &mut Node, path: &str, why: &str, found: &mut Vec<Mistake>) {
    found.push(report(&node.place, path, why));
    node.value = Value::Withheld;
    node.written.clear();
}

fn report(place: &Place, path: &str, why: &str) -> Mistake {
    Mistake::new(place.clone(), path, why)
}

fn is_scalar(node: &Node) -> bool {
    matches!(node.value, Value::Text(_) | Value::Whole(_) | Value::Number)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    let matches = NAMES.contains(&name.as_str()) || ENDINGS.iter().any(|end| name.ends_with(end));
    matches && !keys::is_known(&name)
}

/// The secret itself where the path of its file should be.
fn is_pasted(name: &str, written: &str) -> bool {
    (name == "key_file" || name == "token_file") && written.len() >= 16 && !written.contains('/')
}

/// A long run of letters and digits with no order in it. Account ids in the paths of hosted providers
/// are hexadecimal and shorter than 40; keys are longer or mix capitals in.
fn is_random(part: &str) -> bool {
    part.split(['-', '_', '~', '%']).any(|run| {
        let has = |test: fn(&u8) -> bool| run.bytes().any(|byte| test(&byte));
        let mixed = has(u8::is_ascii_digit)
            && has(u8::is_ascii_lowercase)
            && has(u8::is_ascii_uppercase)
            && run.len() >= 20;
        let hexadecimal = run.len() >= 40 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        mixed || hexadecimal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_looks() {
        for text in [
            "sk-proj-abcdef0123",
            "Bearer abcdefgh12",
            "bearer  abcdefgh12",
            "hf_abcdefghij",
            "-----BEGIN PRIVATE KEY-----",
            " sk-abcdefghij ",
        ] {
            assert!(looks_like_key(text), "{text}");
        }
    }

    #[test]
    fn model_names_and_paths_are_not_keys() {
        for text in [
            "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8",
            "sk-models/tiny-sk-model",
            "sk-tiny",
            "~/.sidegate/keys/vllm-a",
            "bearer",
            "default",
        ] {
            assert!(!looks_like_key(text), "{text}");
        }
    }

    #[test]
    fn a_url_holds_no_secret() {
        for text in [
            "http://user:pw@host/v1",
            "https://host/v1?api_key=abc",
            "https://host/v1#abc",
            "https://host/a9Xk20vLmQ83ZtBn67Pw/v1",
            "https://host/0123456789abcdef0123456789abcdef01234567/v1",
            "https://host/sk-abcdefgh/v1",
            "redis://:pw@127.0.0.1:6379",
        ] {
            assert!(judge(text).is_some(), "{text}");
        }
    }

    #[test]
    fn an_ordinary_url_is_none() {
        for text in [
            "http://127.0.0.1:8000/v1",
            "https://gw.example.com/v1/0123456789abcdef0123456789abcdef/gateway/openai",
            "https://host/3fa85f64-5717-4562-b3fc-2c963f66afa6/v1",
            "https://host/accounts/a/deployments/qwen3-coder-480b-a35b-instruct/v1",
        ] {
            assert_eq!(judge(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_in_place_of_its_file_is_known() {
        assert!(is_pasted("key_file", "0123456789abcdef"));
        assert!(!is_pasted("key_file", "keys/0123456789abcdef"));
        assert!(!is_pasted("model", "0123456789abcdef"));
    }

    #[test]
    fn our_own_keys_are_not_taken_for_secrets() {
        for name in [
            "first_token",
            "max_tokens",
            "key_file",
            "token_file",
            "tokens",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
        for name in [
            "api_key",
            "API-Key",
            "OPENAI_API_KEY",
            "password",
            "redis_password",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }
}
