//! The gate: a stream of ours between an upstream connection and Pingora's HTTP/1 parser.
//!
//! Pingora writes a response head to the client as soon as it has one and knows a single read timeout. The gate stands
//! above TLS and below Pingora's parser, so that it can do what no hook can: hold an answer back until its commit point,
//! keep separate clocks for header, first token, idle, plain and total, and report a bad answer as a *read error*. To
//! Pingora that is an upstream which failed before it answered: the client is untouched, `error_while_proxy` decides
//! about another attempt, and Pingora's own loop keeps watching the client all the while.
//!
//! It also writes the request's body. The body was read whole and checked before, so head and body leave in one write,
//! any size can be sent again to another target, and an upstream that answers or hangs up early is seen at once.
//!
//! ```text
//!  Pingora's loop ── request head ──▶ outgoing ──▶ upstream
//!                 ◀─ whole chunks ── answer ◀─ framing ◀─ head ◀── upstream
//!                                      │
//!            hooks ◀── watch ◀─────────┘  what happened: fault, usage, times
//! ```
//!
//! What an upstream sends is decoded here and framed anew, so Pingora's parser only ever sees framing that we wrote.
//! The rule a reader would break: **nothing here decides about retries.** The gate says what happened; the verdict is made elsewhere.

mod answer;
mod clocks;
mod connector;
mod framing;
mod head;
mod inspect;
mod io;
mod outbox;
mod outgoing;
mod watch;

pub use clocks::Clocks;
pub use connector::{gate_alpn, GateConnector, WhileClientStays, INTERRUPTED};
pub use head::HEARTBEAT_MARK;
pub use inspect::Inspect;
pub use watch::{Commit, Evidence, Fault, OnContent, Order, Report, Watch, Watches};
