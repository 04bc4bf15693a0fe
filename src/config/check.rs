//! From the tree to a configuration: every problem at once.
//!
//! What a single value may be stands in the key tables; here is what values mean to each other. A check
//! looks only at values that are sound, so that one mistake is reported once.

mod below;
mod budget;
mod callers;
mod host;
mod lanes;
mod listeners;
mod recovery;
mod routes;
mod targets;
mod timeouts;
mod upstreams;

pub use budget::read as read_budget;

use super::file::Node;
use super::model::Config;
use super::reader::{Reader, Section};

/// Reads the whole tree. The result counts only if the reader found no mistake.
pub fn check(root: &Node, reader: &Reader, port: Option<u16>) -> Config {
    let file = Section::root(reader, root);
    let listeners = listeners::read(&file, port);
    let threads = file.get("threads");
    let drain = file.get("drain");
    let host = host::read(&file, &listeners);
    let callers = callers::read(&file);
    let limits = lanes::limits(&file);
    let retry = recovery::retry(&file.section("retry"));
    let breaker = recovery::breaker(&file.section("breaker"), &host.state_dir);
    let upstreams = upstreams::read(&file, &listeners);
    let around = routes::Around {
        upstreams: &upstreams,
        retry: &retry,
        breaker: &breaker,
        request_body: &limits.request_body,
    };
    let routes = routes::read(&file, &around);
    let lanes = lanes::read(&file);
    upstreams::warn(&upstreams, &routes.routes);
    Config {
        listen: listeners.listen.value,
        tls: listeners.tls,
        admin: listeners.admin.value,
        state_dir: host.state_dir.value,
        threads: threads.value,
        drain: drain.value,
        callers,
        upstreams: upstreams
            .into_iter()
            .map(|checked| checked.upstream)
            .collect(),
        routes: routes.routes,
        aliases: routes.aliases,
        wildcard: routes.wildcard,
        lanes,
        limits: limits.limits,
        breaker_file: breaker.file.value,
        skills_dir: host.skills_dir,
        logs: host.logs,
        disk: host.disk,
        telemetry: host.telemetry,
        shared_redis: host.shared_redis,
    }
}
