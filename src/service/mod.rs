//! Runs the gateway under the system's own supervisor: launchd or systemd.
//!
//! The templates in `launchd/` and `systemd/` are the whole of what is written; nothing is put together here that can't
//! be read there. A file of ours begins with a mark: without it a file is somebody else's, whatever its name, and is
//! neither replaced nor removed. Whoever installs twice changes nothing the second time.

mod fill;
mod install;
mod job;
mod launchd;
mod process;
mod property_list;
mod state;
mod status;
mod supervisor;
mod systemd;
mod tool;
mod trouble;
mod unit_file;
mod units;
mod values;

pub use install::{Installed, Removed};
pub use job::Job;
pub use state::{End, State};
pub use status::{FileState, Health, Status};
pub use supervisor::{Manager, Owner, Place, Service};
pub use tool::Tool;
pub use trouble::Trouble;
pub use units::{Kept, Unit};
pub use values::{Facts, ModelServer, Unfit, Values};

#[cfg(test)]
mod tests;
