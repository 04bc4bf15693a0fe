//! Canaries: words made for one run that may stand in few places, and the search for them in every other.
//!
//! A canary is letters and digits only, so that URL- and JSON-encoding leave it as it is; the forms in which it
//! could still hide (every byte escaped, hex, base64) are searched for as well.

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use memchr::memmem;

/// Stands in every answer that the scripted upstreams make, in a field that no client reads.
pub const UPSTREAM_BODY: &str = "canaryUpstreamBody7f3a9c51";

/// Stands in a header of every answer that the scripted upstreams make: one that may not pass.
pub const UPSTREAM_HEADER: &str = "canaryUpstreamHeader2b8e4d";

/// What is secret in one gateway's run.
#[derive(Debug, Clone)]
pub struct Canaries {
    /// The secret of the caller that most tests are.
    pub token: String,
    /// Stands in the prompt of each request.
    pub prompt: String,
    /// Stands in the query string of each request.
    pub query: String,
    /// Stands in a header of each request that is not on the list of those sent on.
    pub header: String,
}

impl Canaries {
    pub fn mint() -> Self {
        Canaries {
            token: word("canaryToken"),
            prompt: word("canaryPrompt"),
            query: word("canaryQuery"),
            header: word("canaryHeader"),
        }
    }
}

/// A word that nobody else in the world has: `name` and 128 random bits.
pub fn word(name: &str) -> String {
    format!("{name}{:032x}", rand::random::<u128>())
}

/// A form of `canary` that stands in `text`, or `None`.
pub fn found(canary: &str, text: &[u8]) -> Option<&'static str> {
    // Only hex digits and \u, % escapes depend on case, and the canary's own letters may be folded freely.
    let folded = text.to_ascii_lowercase();
    let forms = forms(canary);
    let hit = forms.iter().find(|(_, form, folds)| {
        let (text, form) = match folds {
            true => (folded.as_slice(), form.to_ascii_lowercase()),
            false => (text, form.clone()),
        };
        memmem::find(text, form.as_bytes()).is_some()
    });
    hit.map(|(name, _, _)| *name)
}

/// Name, form, and whether the case of its letters says nothing.
fn forms(canary: &str) -> Vec<(&'static str, String, bool)> {
    let each = |format: fn(u8) -> String| canary.bytes().map(format).collect::<String>();
    let mut forms = vec![
        ("plain", canary.to_string(), true),
        ("hex", each(|byte| format!("{byte:02x}")), true),
        ("URL-encoded", each(|byte| format!("%{byte:02x}")), true),
        ("JSON-encoded", each(|byte| format!("\\u{byte:04x}")), true),
    ];
    forms.extend((0..3).map(|shift| ("base64-encoded", base64_core(canary, shift), false)));
    forms
}

/// The base64 characters that depend on the canary alone, when it starts `shift` bytes into a group of three.
fn base64_core(canary: &str, shift: usize) -> String {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(canary.as_bytes());
    let whole = bytes.len() / 3 * 3;
    let encoded = STANDARD.encode(&bytes[..whole]);
    // The first group holds bytes that are not ours. Letters and digits never give `+` or `/`, so that the
    // URL-safe alphabet is covered too.
    encoded[if shift == 0 { 0 } else { 4 }..].to_string()
}
