//! The tests that run the real binary, over real sockets, with no library of the gateway itself (but for
//! `budget/library.rs`, which says why).
//!
//! One binary for all of them.

// As in test functions: helpers say what they expect by these.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod stage;
mod support;

mod house;
mod keepalive;
mod runbook;

mod admission;
mod arrive;
mod attempts;
mod balance;
mod bench;
mod breaker;
mod budget;
mod caller;
mod defaults;
mod failure;
mod gate;
mod health;
mod real;
mod request;
mod skill;

mod record;
mod reload;

mod commands;
