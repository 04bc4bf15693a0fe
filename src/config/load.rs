//! From a source to a checked configuration.

use super::check::check;
use super::environment::Environment;
use super::error::{Mistake, Mistakes, Place};
use super::file::{self, Node};
use super::model::Config;
use super::overlay;
use super::reader::{Findings, Origin, Reader};
use super::source::Source;
use super::withhold::withhold;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A configuration, and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Every value and where it came from, in the order of reading.
    pub origins: Vec<Origin>,
    /// Nothing wrong, but something that may surprise.
    pub warnings: Vec<Mistake>,
    /// The file as read, so that the last good one can be kept; none without a file.
    pub text: Option<String>,
}

/// Reads and checks everything.
///
/// # Errors
/// Every mistake in it at once. None of their texts holds a secret.
pub fn load(source: &Source, environment: &Environment) -> Result<Loaded, Mistakes> {
    let Source::File(path) = source else {
        return load_environment(environment);
    };
    let read = file::read(path).map_err(Mistakes::from)?;
    let mut loaded = load_text(&path.display().to_string(), &read.text, environment)?;
    loaded.warnings.splice(0..0, read.warning);
    Ok(loaded)
}

/// Checks a text that is already read; `name` stands before every line number.
///
/// # Errors
/// Like [`load`].
pub fn load_text(name: &str, text: &str, environment: &Environment) -> Result<Loaded, Mistakes> {
    let name: Arc<str> = Arc::from(name);
    let reader = Reader::new(environment.home());
    let mut root = match file::parse(&name, text) {
        Ok(root) => root,
        Err(found) => return Err(mistakes(found, Place::WholeFile(name))),
    };
    for mistake in withhold(&mut root) {
        reader.mistake(&mistake.place, &mistake.path, mistake.text);
    }
    overlay::lay_over(&mut root, environment, &reader);
    let mut loaded = finish(&root, environment, reader)?;
    loaded.text = Some(text.to_string());
    Ok(loaded)
}

/// The state folder, as well as it can be made out: whoever speaks to a running gateway must find it after its file was
/// broken. A file that can't be understood at all counts as one that doesn't say.
pub fn state_dir(source: &Source, environment: &Environment) -> PathBuf {
    let reader = Reader::new(environment.home());
    let said = as_far_as_said(source, &reader).map(|config| config.state_dir);
    // Empty where the value is a mistake itself.
    said.filter(|said| !said.as_os_str().is_empty())
        .unwrap_or_else(|| check(&overlay::alone(environment, &reader), &reader, None).state_dir)
}

/// The state folder that the file names itself; none where it names none, is gone or can't be understood.
pub fn said_state_dir(source: &Source, environment: &Environment) -> Option<PathBuf> {
    let reader = Reader::new(environment.home());
    let said = as_far_as_said(source, &reader)?.state_dir;
    let origins = reader.into_findings().origins;
    let mut of_it = origins.iter().filter(|origin| origin.path == "state_dir");
    let written = of_it.any(|origin| origin.from.is_written());
    (written && !said.as_os_str().is_empty()).then_some(said)
}

/// The admin port's address, as well as it can be made out.
pub fn admin(source: &Source, environment: &Environment) -> SocketAddr {
    let reader = Reader::new(environment.home());
    let said = as_far_as_said(source, &reader).map(|config| config.admin);
    said.filter(|said| said.ip().is_loopback())
        .unwrap_or_else(|| check(&overlay::alone(environment, &reader), &reader, None).admin)
}

/// What a file says that may be broken; none where it can't be understood at all.
fn as_far_as_said(source: &Source, reader: &Reader) -> Option<Config> {
    let Source::File(path) = source else {
        return None;
    };
    let name: Arc<str> = Arc::from(path.display().to_string());
    let read = file::read(path).ok()?;
    let root = file::parse(&name, &read.text).ok()?;
    Some(check(&root, reader, None))
}

fn load_environment(environment: &Environment) -> Result<Loaded, Mistakes> {
    let reader = Reader::new(environment.home());
    let mut root = overlay::alone(environment, &reader);
    for mistake in withhold(&mut root) {
        reader.mistake(&mistake.place, &mistake.path, mistake.text);
    }
    overlay::lay_over_any(&mut root, environment, &reader);
    finish(&root, environment, reader)
}

fn finish(root: &Node, environment: &Environment, reader: Reader) -> Result<Loaded, Mistakes> {
    let port = overlay::port(environment, &reader);
    let config = check(root, &reader, port);
    let Findings {
        mistakes,
        warnings,
        origins,
    } = reader.into_findings();
    if let Some(mistakes) = Mistakes::from_found(mistakes) {
        return Err(mistakes);
    }
    Ok(Loaded {
        config,
        origins,
        warnings,
        text: None,
    })
}

/// A file that can't be read has something wrong with it, even if nobody said what.
fn mistakes(found: Vec<Mistake>, place: Place) -> Mistakes {
    Mistakes::from_found(found)
        .unwrap_or_else(|| Mistake::new(place, "", "cannot be understood").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_still_says_where_the_gateway_keeps_its_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sidegate.yaml");
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            state_dir(&Source::File(path.clone()), &environment)
        };
        let usual = PathBuf::from("/home/us/.sidegate");
        assert_eq!(
            said("state_dir: /var/sg\nroutes: 7\nnonsense: x\n"),
            PathBuf::from("/var/sg")
        );
        assert_eq!(said("state_dir: [\n"), usual);
        assert_eq!(said("state_dir: [a]\n"), usual);
        assert_eq!(state_dir(&Source::Environment, &environment), usual);
    }

    #[test]
    fn only_a_folder_that_stands_in_the_file_counts_as_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sidegate.yaml");
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        let said = || said_state_dir(&Source::File(path.clone()), &environment);
        assert_eq!(said(), None, "there is no file");
        for (text, expected) in [
            ("state_dir: /var/sg\nroutes: 7\n", Some("/var/sg")),
            ("routes: 7\n", None),
            ("state_dir: [a]\n", None),
            ("state_dir: [\n", None),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(said(), expected.map(PathBuf::from), "{text}");
        }
    }
}
