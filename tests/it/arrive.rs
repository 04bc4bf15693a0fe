//! The first look at a request: framing, size, Host, origin, loops, connections. What is refused here no upstream hears of.

mod bounds;
mod framing;
mod hop;
mod host;
mod origin;
mod size;
