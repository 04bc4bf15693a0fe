//! `sidegate explain`: what happened to one request, put together from the files that only the operator can read.
//!
//! It needs no gateway, so it works when none runs. What upstreams wrote reaches the terminal here: only after every
//! character that a terminal would act upon was made visible.

mod line;
mod search;
mod story;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::live;
use super::output::{complain, show};
use super::{Context, Exit};
use crate::clock;
use crate::config::{self, Config};
use crate::correlation::CorrelationId;
use crate::failure::Code;
use crate::record::labels::LogFile;
use crate::snapshot::last_good;

use line::{Access, Raw};
use search::{Log, Search};
use story::Story;

/// Lines gather for 20 ms before they are written; a busy disk takes longer.
const A_MOMENT: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A gateway that is well answers its control socket in milliseconds; the logs tell enough without it.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub struct Arguments {
    /// The correlation id, as answers, error messages and logs have it.
    id: String,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    /// The folder with the log files [default: logs.dir].
    #[arg(long, value_name = "FOLDER")]
    logs: Option<PathBuf>,
}

/// Where to look, and the names to understand what is there.
struct Sources {
    folder: PathBuf,
    config: Option<Config>,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let Some(id) = CorrelationId::try_new(arguments.id.trim().as_bytes()) else {
        complain(&format!(
            "sidegate: `{}` is no correlation id: those are 1 to 64 letters, digits, `.`, `_` and `-`",
            arguments.id.escape_debug()
        ));
        return Exit::Usage;
    };
    let sources = match sources(context, arguments.logs.as_deref()) {
        Ok(sources) => sources,
        Err(exit) => return exit,
    };
    let access = find_line(&sources.folder, id.as_str());
    let raw = search::all(&sources.folder, LogFile::RawErrors, id.as_str());
    let mut notes = notes(&access, &raw);
    match tell(&access, &raw, &id, sources.config.as_ref()) {
        Some(story) => {
            notes.extend(out_of_use(context, &story));
            show(&match arguments.json {
                true => story.json(&notes),
                false => story.text(),
            });
            if !arguments.json {
                notes.iter().for_each(|note| complain(note));
            }
            Exit::Done
        }
        None => {
            complain(&nothing(&id, &sources.folder, &access));
            notes.iter().for_each(|note| complain(note));
            Exit::Failure
        }
    }
}

/// A line is written a moment after its answer: where there is none, that moment is waited for.
fn find_line(folder: &Path, id: &str) -> Search {
    let mut access = search::newest(folder, LogFile::Access, id);
    let until = clock::now() + A_MOMENT;
    while access.found.is_empty() && clock::now() < until {
        thread::sleep(LOOK_EVERY);
        access.found = search::current(folder, LogFile::Access, id).found;
    }
    access
}

/// A named folder is enough: an incident may be that the configuration is broken.
fn sources(context: &Context, named: Option<&Path>) -> Result<Sources, Exit> {
    let loaded = config::load(&context.source, &context.environment);
    match (loaded, named) {
        (Ok(loaded), named) => Ok(Sources {
            folder: named.unwrap_or(&loaded.config.logs.dir).to_owned(),
            config: Some(loaded.config),
        }),
        (Err(_), Some(folder)) => Ok(Sources {
            folder: folder.to_owned(),
            config: None,
        }),
        (Err(mistakes), None) => {
            complain(&mistakes.to_string());
            let Some(config) = last_good(context) else {
                complain("so the folder of the logs isn't known; --logs FOLDER names it");
                return Err(Exit::Configuration);
            };
            complain("warning: that is not taken; these are the logs of the configuration that served last");
            Ok(Sources {
                folder: config.logs.dir.clone(),
                config: Some(config),
            })
        }
    }
}

/// What a gateway with this state folder serves, or has served last.
fn last_good(context: &Context) -> Option<Config> {
    let state_dir = live::state_dir(context);
    let text = last_good::read(&state_dir)?;
    let name = last_good::path(&state_dir).display().to_string();
    let loaded = config::load_text(&name, &text, &context.environment).ok()?;
    Some(loaded.config)
}

/// Upstreams that an operator has taken out of use, where that may be why nothing could serve.
fn out_of_use(context: &Context, story: &Story) -> Vec<String> {
    let (Some(Code::NoUpstream), Some(route)) = (story.code(), story.route()) else {
        return Vec::new();
    };
    let Ok(state) = live::state_within(context, PATIENCE) else {
        return Vec::new();
    };
    let routes = state.routes.iter().filter(|known| known.name == route);
    let targets = routes.flat_map(|route| &route.targets);
    let mut drained: Vec<&str> = targets
        .map(|target| target.upstream.as_str())
        .filter(|name| {
            state
                .upstream(name)
                .is_some_and(|upstream| upstream.draining)
        })
        .collect();
    drained.dedup();
    let note = |name: &&str| {
        format!("note: {name} is out of use now, by an operator's order; `sidegate drain {name} --undo` uses it again")
    };
    drained.iter().map(note).collect()
}

/// None when neither log has anything of the id.
fn tell<'a>(
    access: &'a Search,
    raw: &'a Search,
    id: &'a CorrelationId,
    config: Option<&'a Config>,
) -> Option<Story<'a>> {
    let (newest, earlier) = match access.found.split_last() {
        Some((newest, earlier)) => (Access::read(newest, id.as_str()), earlier.len()),
        None => (None, 0),
    };
    let mut raw: Vec<Raw> = raw
        .found
        .iter()
        .filter_map(|found| Raw::read(found, id.as_str()))
        .filter(|raw| newest.as_ref().is_none_or(|access| raw.is_of(access)))
        .collect();
    raw.sort_by(|one, other| one.order().cmp(&other.order()));
    if newest.is_none() && raw.is_empty() {
        return None;
    }
    Some(Story {
        id: id.as_str(),
        access: newest,
        earlier,
        raw,
        config,
    })
}

/// What was not looked at, whatever was found.
fn notes(access: &Search, raw: &Search) -> Vec<String> {
    let note = |log: &Log| {
        let why = log.unread.as_ref()?;
        Some(format!("note: {}: {why}", log.path.display()))
    };
    access
        .logs
        .iter()
        .chain(&raw.logs)
        .filter_map(note)
        .collect()
}

fn nothing(id: &CorrelationId, folder: &Path, access: &Search) -> String {
    let read = access.logs.iter().filter(|log| log.unread.is_none());
    let names: Vec<String> = read
        .filter_map(|log| Some(log.path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    let folder = folder.display();
    if names.is_empty() {
        return format!("sidegate: {id}: there is no access log in {folder} that can be read");
    }
    format!(
        "sidegate: nothing of {id} in {folder} ({}); the request may still be under way, its line may have been rotated \
         away (`logs.keep`, `logs.max_bytes`) or dropped because of a full disk (`sidegate_log_dropped_total`), or another \
         gateway had it",
        names.join(", ")
    )
}
