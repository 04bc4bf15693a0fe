//! Which secret is used: one that is named, or one that the token file happens to have in clear.

use std::path::Path;
use std::time::SystemTime;

use crate::caller::{plain_secret, read_token_file};
use crate::config::{read_key, Config, Secret};

/// The environment variable that may hold it.
pub const VARIABLE: &str = "SIDEGATE_TOKEN";

/// `set` is what [`VARIABLE`] holds.
///
/// # Errors
/// There is none to be had; the text says how to give one.
pub fn find(
    named: Option<&Path>,
    set: Option<String>,
    config: &Config,
    now: SystemTime,
) -> Result<Secret, String> {
    if let Some(path) = named {
        let file = read_key(path).map_err(|error| format!("--token-file: {error}"))?;
        return Ok(file.text);
    }
    if let Some(secret) = set.filter(|secret| !secret.is_empty()) {
        return Ok(Secret::new(secret));
    }
    let path = &config.callers.token_file;
    let text = read_token_file(path).map_err(|error| error.to_string())?;
    let found = text.and_then(|text| plain_secret(&text, now));
    found.map(Secret::new).ok_or_else(|| {
        format!(
            "which secret? {} has none in clear that may invoke a route. Set {VARIABLE}, or name a file with \
             --token-file; `sidegate token new smoke --scopes 'invoke:*'` makes a caller for it",
            path.display()
        )
    })
}
