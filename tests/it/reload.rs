//! A configuration that changes while the gateway runs: what triggers it, what can't go wrong with it.

mod mistakes;
mod pending;
mod removed;
mod triggers;
mod under_load;
