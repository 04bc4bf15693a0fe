//! What is kept of other crates' log records: who complained, not what about.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use log::Level;

/// The root of our own targets.
const OURS: &str = "sidegate";

/// No crate's name is longer; a target that doesn't look like one is no crate's.
const MAX_CRATE_NAME_BYTES: usize = 32;

/// Whether `target` is a module of ours, whose text we answer for.
pub fn is_ours(target: &str) -> bool {
    root(target) == OURS
}

/// A record that is fit to be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Clamped {
    pub target: String,
    pub message: String,
}

/// Lets through one record a second of all the others' warnings and errors, in words of our own.
#[derive(Debug, Default)]
pub struct Clamp {
    /// The second, since 1970, of the last record let through.
    last_second: AtomicU64,
    /// Records held back since then.
    held_back: AtomicU64,
}

impl Clamp {
    /// What to write for a record of another crate; none for chatter, and for what comes too fast.
    pub fn admit(&self, level: Level, target: &str, now: SystemTime) -> Option<Clamped> {
        if level > Level::Warn {
            return None;
        }
        let second = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        if self.last_second.swap(second, Ordering::Relaxed) == second {
            self.held_back.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let held_back = self.held_back.swap(0, Ordering::Relaxed);
        let target = crate_name(target);
        Some(Clamped {
            message: message(&target, level, held_back),
            target,
        })
    }
}

fn message(name: &str, level: Level, held_back: u64) -> String {
    let what = if level == Level::Error {
        "an error"
    } else {
        "a warning"
    };
    let mut message = format!("{name} reported {what}; see the access line");
    if held_back > 0 {
        message.push_str(&format!(" (and {held_back} such records before)"));
    }
    message
}

/// The crate that a target names. A target is any string at all, so anything else is "a library".
fn crate_name(target: &str) -> String {
    let name = root(target);
    let is_name = !name.is_empty()
        && name.len() <= MAX_CRATE_NAME_BYTES
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_name { name } else { "a library" }.to_owned()
}

fn root(target: &str) -> &str {
    target.split("::").next().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_000 + millis)
    }

    #[test]
    fn only_our_own_modules_are_ours() {
        assert!(is_ours("sidegate") && is_ours("sidegate::gateway"));
        for other in [
            "pingora_proxy",
            "sidegatekeeper::x",
            "",
            "::sidegate",
            "my::sidegate",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn chatter_of_others_is_dropped() {
        let clamp = Clamp::default();
        for level in [Level::Info, Level::Debug, Level::Trace] {
            assert_eq!(clamp.admit(level, "pingora_core::connectors", at(0)), None);
        }
    }

    #[test]
    fn a_complaint_of_pingora_is_kept_by_name_alone() {
        let clamped = Clamp::default()
            .admit(Level::Error, "pingora_proxy::proxy_h1", at(0))
            .unwrap();
        assert_eq!(clamped.target, "pingora_proxy");
        assert_eq!(
            clamped.message,
            "pingora_proxy reported an error; see the access line"
        );
    }

    #[test]
    fn a_target_that_is_no_crate_is_not_repeated() {
        for target in ["Bearer sk-123", "", "x".repeat(200).as_str(), "héllo"] {
            let clamped = Clamp::default().admit(Level::Warn, target, at(0)).unwrap();
            assert_eq!(
                clamped.message,
                "a library reported a warning; see the access line"
            );
        }
    }

    #[test]
    fn a_storm_is_one_line_a_second_and_counted() {
        let clamp = Clamp::default();
        let kept = (0..1000)
            .filter_map(|n| clamp.admit(Level::Error, "pingora_proxy", at(n)))
            .count();
        assert_eq!(kept, 1);
        let next = clamp.admit(Level::Warn, "pingora_core", at(1000)).unwrap();
        assert_eq!(
            next.message,
            "pingora_core reported a warning; see the access line (and 999 such records before)"
        );
    }
}
