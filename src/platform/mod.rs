//! The only place that asks the operating system for something std doesn't offer.

mod account;
mod boot;
mod descriptors;
mod end;
mod listeners;
mod mapping;
#[cfg(any(test, not(target_os = "linux")))]
mod outside;
mod pages;
mod priority;
mod processes;
mod socket;
#[cfg(target_os = "macos")]
mod sysctl;
mod system;
mod volume;

pub use account::{account, Account};
pub use boot::{boot_id, since_boot, BootId};
pub use descriptors::{descriptor_limit, descriptors_in_use, raise_descriptor_limit};
pub use end::end_this_process;
pub use listeners::{listeners, Listener, Owner};
pub use mapping::*;
pub use pages::use_small_pages;
pub use priority::give_way;
pub use processes::{processes, working_folder, Process};
pub use socket::SocketWatch;
pub use system::is_macos;
pub use volume::{top_of_volume, used_ratio, volume_near, volume_of, Volume};
