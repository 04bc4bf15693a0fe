//! sidegate: a sidecar gateway for local inference.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod admin;
pub mod admit;
pub mod attempt;
pub mod breaker;
pub mod budget;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod correlation;
pub mod demo;
pub mod failure;
pub mod gate;
pub mod gateway;
pub mod http_client;
pub mod json;
pub mod limits;
pub mod platform;
pub mod record;
#[cfg(test)]
mod recorded;
pub mod route;
pub mod server;
pub mod service;
pub mod skill;
pub mod snapshot;
pub mod stream;

/// This build's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, where the build was told.
pub const REVISION: &str = match option_env!("SIDEGATE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};
