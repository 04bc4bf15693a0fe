//! Stage 3, skill gate: what the tool that calls may send, and what it may accept.
//!
//! A skill's manifest is read and checked when the configuration is; what is here then holds. The gate in looks at a
//! request before anybody upstream hears of it, the gate out at a whole answer before anybody downstream does. Both are
//! pure and neither changes a byte. What they say names only keys of the API and of the manifest.

mod answer;
mod incoming;
mod manifest;
mod naming;
mod schema;
mod strict;
#[cfg(test)]
mod testing;
mod violation;

pub use answer::{judge, would_repeat, Answer, Claim, Form, Listener, Verdict, Where};
pub use incoming::{check_request, check_route, claim, is_quick, limit, pick_lane, LaneWish};
pub use manifest::{files, load_for, Found, Manifest, Response, Skills};
pub use naming::{pick_skill, NoSkill};
pub use schema::Schema;
pub use violation::{rule, Step, Violation};
