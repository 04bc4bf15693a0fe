//! What every test through the real binary stands on: a scripted upstream, a raw client, the gateway's
//! process, and the laws that hold after each of them.
//!
//! Black box: nothing of the gateway's library is used here. Both ends are raw sockets, so that any byte can
//! come at any time; a test waits for what it expects and is told, after a deadline, what never came.

// Helpers and their short names are for all tests; each uses some of them.
#![allow(dead_code, unused_imports)]

pub mod canary;
pub mod capacity;
pub mod client;
pub mod gateway;
pub mod laws;
pub mod ledger;
pub mod package;
pub mod plain;
pub mod script;
pub mod sse;
pub mod tls;
pub mod transport;
pub mod unpacked;
pub mod unreachable;
pub mod upstream;
pub mod volume;
pub mod wait;
pub mod wire;

mod selftest;

pub use client::{many, open_loop, Client, Connection, End, Event, Exchange, Reply, Request};
pub use gateway::{Gateway, Metrics, Output};
pub use laws::Law;
pub use script::{Answer, Ask, Script, Step};
pub use tls::Authority;
pub use unreachable::{blackhole, refuse};
pub use upstream::Upstream;
pub use wait::{eventually, within, Latch, DEADLINE};
