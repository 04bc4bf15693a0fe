//! Who may still spend what: token budgets and request rates of callers, routes and skills.
//!
//! A request reserves in all its accounts before it is sent, or in none ([`Budgets::reserve`]); the [`Reservation`] is
//! settled with what was really used, and gives everything back when it is dropped. The rule a reader would break:
//! **a request is admitted while `used + reserved` is below the limit**, whatever it reserves itself. So a budget is
//! overshot by one request at most, and a budget that is smaller than one request's reserve still lets one through at a
//! time. Request rates follow the same rule with an amount of one, which makes them exact.
//!
//! * *Windows* are fixed: minutes, hours and days of UTC. A request belongs to the window in which it reserved. When that
//!   has ended its count is gone, so settling or releasing it later changes nothing, and the next window begins at zero.
//! * *The bound* holds as long as no request uses more than it reserved; an estimate that is too low can't be held back.
//! * *Limits* may change at any time. Counts stay with the name and the window; requests under way are left alone.
//! * *The ledger* (`ledger`) keeps the counts over a restart. What was reserved when the process died counts as used,
//!   because the upstream may have done the work. A crash forgets at most what came after the last save.
//! * *Several gateways* (`shared`) add their counts up in a Redis. While it can't be reached each one goes on with its own
//!   count and what it last saw of the others, so n gateways may then grant up to n times what was left.
//!
//! Counting requests is left to a count-min sketch (`sketch`). It counts and nothing else: who waits, and in which order,
//! is not for a sketch to say, so a rate refuses at once and never queues.

mod account;
mod books;
mod budgets;
mod exhausted;
mod headroom;
mod ledger;
mod meter;
mod period;
mod reservation;
mod shared;
mod sketch;

pub use account::{Account, AccountLimits, Kind, Scope};
pub use books::MeterStatus;
pub use budgets::Budgets;
pub use exhausted::Exhausted;
pub use headroom::{Headroom, Remaining, Reset};
pub use ledger::Problem;
pub use reservation::Reservation;
pub use shared::{share, Address, Sharing, Store, Why};

#[cfg(test)]
mod tests;
