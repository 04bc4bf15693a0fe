//! The breakers as requests and processes use them.

mod permits;
mod processes;
mod short_of;

use std::time::Duration;

use super::{BootMillis, Key, Rule};
use crate::config::UpstreamUrl;

const NOW: BootMillis = BootMillis::new(1_000_000);
const LEASE: Duration = Duration::from_secs(65);

fn rule() -> Rule {
    Rule::new(5, Duration::from_secs(300))
}

fn key(port: u16, model: &str) -> Key {
    let url = UpstreamUrl {
        https: false,
        host: "127.0.0.1".into(),
        port,
        base_path: String::new(),
    };
    Key::new(&url, Some(model))
}

fn after(seconds: u64) -> BootMillis {
    NOW.plus(Duration::from_secs(seconds))
}
