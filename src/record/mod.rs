//! Stage 8, record: what is left of a request and of the process once they are done.
//!
//! Three things are written: log lines ([`AccessLine`], [`ProcessLog`]) into files that can never slow a
//! request down ([`LogFiles`]), numbers ([`Metrics`]), and the present state for people ([`status`]).
//!
//! The rule a reader would otherwise break: nothing that a client or an upstream wrote goes into any of
//! them. Text comes from the configuration or from a closed set (`&'static str`, an enum of [`labels`]);
//! the one exception is the correlation id, whose alphabet was checked at the door.

mod access;
mod json;
pub mod labels;
mod metrics;
mod process_log;
mod raw_error;
pub mod status;
pub mod trace;
mod waits;
mod writer;

pub use access::{AccessLine, Sequence, Try};
pub use json::rfc3339;
pub use metrics::{
    BreakerSeries, BudgetSeries, Build, CodeIndex, Codes, DiskSeries, Handles, InFlight,
    LaneSeries, Metrics, RouteHandles, SkillHandles, SkillSeries, Skilled, UpstreamSeries,
};
pub use process_log::ProcessLog;
pub use raw_error::RawError;
pub use waits::{Wait, Waits};
pub use writer::{examine_logs, Allowance, DropCounts, LogFiles, LogOptions, ACCESS_LINES_END};
