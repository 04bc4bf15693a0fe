//! The only place that asks the operating system for something std doesn't offer.

mod account;
mod boot;
mod closed_port;
mod descriptors;
mod end;
mod listeners;
mod lock;
mod mapping;
mod open;
#[cfg(any(test, not(target_os = "linux")))]
mod outside;
mod own_process;
mod pages;
mod priority;
mod processes;
mod replace;
mod reserved_port;
mod socket;
#[cfg(target_os = "macos")]
mod sysctl;
mod system;
mod user;
mod volume;

pub use account::{account, Account};
pub use boot::{boot_id, since_boot, BootId};
pub use closed_port::ClosedPort;
pub use descriptors::{descriptor_limit, descriptors_in_use, raise_descriptor_limit};
pub use end::end_this_process;
pub use listeners::{listeners, Listener, Owner};
pub use lock::{lock, try_lock};
pub use mapping::*;
pub use open::{is_link, is_socket, no_links, no_waiting};
pub use own_process::{own_process, ProcessFacts};
pub use pages::use_small_pages;
pub use priority::give_way;
pub use processes::{processes, working_folder, Process};
pub use replace::replace_file;
pub use reserved_port::ReservedPort;
pub use socket::SocketWatch;
pub use system::is_macos;
pub use user::{effective_user, is_root, login_user, may_make, may_write};
pub use volume::{top_of_volume, used_ratio, volume_near, volume_of, Volume};
