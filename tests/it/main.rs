//! The tests that run the real binary, over real sockets, with no library of the gateway itself.
//!
//! One binary for all of them: modules stand in the order in which a request meets what they test.

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

mod admission;
mod arrive;
mod attempts;
mod balance;
mod bench;
mod breaker;
mod caller;
mod defaults;
mod failure;
mod gate;
mod health;
mod real;
mod request;

mod record;
mod reload;

mod commands;
