//! `sidegate explain`: what happened to one request, put together from the files that only the operator can read.
//!
//! It asks no gateway, so it works when none runs. What upstreams wrote reaches the terminal here: only after every
//! character that a terminal would act upon was made visible.

mod line;
mod search;
mod story;

use std::path::{Path, PathBuf};

use super::output::{complain, show};
use super::{Context, Exit};
use crate::config::{self, Config};
use crate::correlation::CorrelationId;
use crate::record::labels::LogFile;

use line::{Access, Raw};
use search::{Log, Search};
use story::Story;

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
    let access = search::newest(&sources.folder, LogFile::Access, id.as_str());
    let raw = search::all(&sources.folder, LogFile::RawErrors, id.as_str());
    let notes = notes(&access, &raw);
    match tell(&access, &raw, &id, sources.config.as_ref()) {
        Some(story) => {
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
            complain("so the folder of the logs isn't known; --logs FOLDER names it");
            Err(Exit::Configuration)
        }
    }
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
