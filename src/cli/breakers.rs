//! `sidegate breakers`: which upstreams are left alone, and for how long.
//!
//! The file itself is read, so this works while no gateway runs; only one whose breakers are in no file is asked. It has no names in it: they come from the configuration,
//! and where that is broken from a gateway that still runs with an earlier one.

mod listing;
mod reset;

use std::path::Path;
use std::time::Duration;

use clap::Subcommand;

use super::live;
use super::output::{complain, show};
use super::{Context, Exit};
use crate::breaker::{Picture, Unread, View};
use crate::clock;
use crate::config::{self, Config, Mistakes};
use crate::platform;

use listing::{rows, rows_of_gateway, Listing, Origin};

/// A gateway that is well answers its control socket in milliseconds; the file is there for one that isn't.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    /// Print it as JSON, times in seconds.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Close them now: the next request goes.
    Reset(reset::Arguments),
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    match &arguments.action {
        Some(Action::Reset(arguments)) => reset::run(context, arguments),
        None => list(context, arguments.json),
    }
}

fn list(context: &Context, json: bool) -> Exit {
    let listing = match config::load(&context.source, &context.environment) {
        Ok(loaded) => match of_unshared(context, &loaded.config) {
            Some(listing) => Ok(listing),
            None => of_file(&loaded.config),
        },
        Err(mistakes) => of_gateway(context, &mistakes),
    };
    match listing {
        Ok(listing) => {
            show(&match json {
                true => listing.json(),
                false => listing.text(),
            });
            match listing.all_closed() {
                true => Exit::Done,
                false => Exit::Finding,
            }
        }
        Err(exit) => exit,
    }
}

/// What only the gateway that runs knows: its breakers are in no file, or in one that is gone since.
fn of_unshared(context: &Context, config: &Config) -> Option<Listing> {
    let state = live::state_within(context, PATIENCE).ok()?;
    let is_private = state.breaker_shared == Some(false);
    if !is_private && config.breaker_file.exists() {
        return None;
    }
    if is_private {
        complain(
            "warning: these are in the gateway's private memory: nothing else sees them, and a restart forgets them",
        );
    }
    Some(Listing {
        origin: Origin::Gateway {
            generation: state.config.generation,
        },
        breakers: rows_of_gateway(&state),
    })
}

fn of_file(config: &Config) -> Result<Listing, Exit> {
    let file = config.breaker_file.clone();
    let now = clock::since_boot().into();
    Ok(match read(&file)? {
        Some(picture) => Listing {
            origin: Origin::File(file),
            breakers: rows(config, |key| picture.look(key, now)),
        },
        None => Listing {
            origin: Origin::NoFile(file),
            breakers: rows(config, |_| View::CLOSED),
        },
    })
}

/// The breakers in the file; none where there is no file yet.
fn read(file: &Path) -> Result<Option<Picture>, Exit> {
    match Picture::read(file, platform::boot_id()) {
        Ok(picture) => Ok(Some(picture)),
        Err(Unread::Absent) => Ok(None),
        Err(unread) => {
            complain(&format!(
                "sidegate: breaker file {}: {unread}; `sidegate status` shows the breakers of a gateway that runs",
                file.display()
            ));
            Err(Exit::Failure)
        }
    }
}

/// A broken configuration names nothing, but an incident doesn't wait until it is mended.
fn of_gateway(context: &Context, mistakes: &Mistakes) -> Result<Listing, Exit> {
    complain(&mistakes.to_string());
    let state = live::state(context).map_err(|_| Exit::Configuration)?;
    let generation = state.config.generation;
    complain("warning: that is not taken; these are the breakers of the gateway that runs");
    Ok(Listing {
        origin: Origin::Gateway { generation },
        breakers: rows_of_gateway(&state),
    })
}
