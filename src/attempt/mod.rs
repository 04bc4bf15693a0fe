//! The attempts of one request: which target, what came back, and whether there will be another.
//!
//! Pingora runs the loop; the hooks ask here. [`classify()`] says what an upstream's error means, [`verdict()`] is the only
//! retry rule, [`Trail`] remembers what was tried and picks what comes next. The rule a reader would break: **nothing is
//! tried again once a byte of an answer is on its way to the client**; the gate knows, nobody guesses.

mod backoff;
mod classify;
mod health;
mod outcome;
mod pacing;
mod prefill;
mod prefix;
mod pressure;
mod resolve;
mod retry_after;
mod retry_budget;
mod trail;
mod verdict;

pub use backoff::Backoff;
pub use classify::{classify, classify_event};
pub use health::{Health, Probed};
pub use outcome::{ErrorClass, Outcome};
pub use pacing::{Pace, Pass};
pub use prefill::{fresh_bytes, Prefill};
pub use prefix::identity;
pub use pressure::{load, read as read_pressure, NoReading, Pressure, Reading, Seen};
pub use resolve::{AddressKind, ResolveError, Resolver};
pub use retry_after::{asked, wait, Wait, WaitLimits};
pub use retry_budget::RetryBudget;
pub use trail::{Choice, Load, Trail};
pub use verdict::{verdict, verdict_for, Elsewhere, Limits, Repeat, Verdict};
