//! What of the folders would keep a gateway from starting though its configuration is well, found out before the start.
//!
//! Nothing is made and nothing is changed: `check` looks at the folders of a gateway that runs, too.

use std::fs;
use std::io;
use std::path::Path;

use crate::config::Config;
use crate::platform;
use crate::record::examine_logs;

/// Every mistake, with the key that names the folder.
pub fn examine_folders(config: &Config) -> Vec<String> {
    let run = config.state_dir.join("run");
    let state = is_folder(&config.state_dir)
        .and_then(|()| folder(&run))
        .and_then(|()| lock(&run.join("lock")));
    let logs = examine_logs(&config.logs.dir);
    let logs = logs.iter().map(|error| format!("logs.dir: {error}"));
    let state = state.err().map(|why| format!("state_dir: {why}"));
    state.into_iter().chain(logs).collect()
}

/// What is made in it is in the folder below, which is looked at by itself.
fn is_folder(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(about) if !about.is_dir() => Err(format!("{}: it is no folder", path.display())),
        // One that isn't there, or that can't be entered, is found below it.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn folder(path: &Path) -> Result<(), String> {
    let may = match fs::metadata(path) {
        Ok(about) if about.is_dir() => platform::may_write(path),
        Ok(_) => Err(io::Error::other("it is no folder")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => platform::may_make(path),
        Err(error) => Err(error),
    };
    may.map_err(|error| format!("{}: {error}", path.display()))
}

fn lock(path: &Path) -> Result<(), String> {
    let may = match fs::metadata(path) {
        Ok(about) if about.is_file() => platform::may_write(path),
        Ok(_) => Err(io::Error::other("it is no plain file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    may.map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment};

    #[test]
    fn each_thing_in_the_way_is_named_with_its_key_and_nothing_is_made() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().display().to_string();
        let yaml = "upstreams: {a: {url: 'http://127.0.0.1:1/v1'}}\n\
                    routes: {chat: {alias: [m], targets: [{upstream: a, model: m}]}}\n";
        let environment = Environment::from_pairs([("HOME", home.as_str())]);
        let config = config::load_text("test", yaml, &environment)
            .unwrap()
            .config;
        assert_eq!(examine_folders(&config), Vec::<String>::new());
        assert!(!config.state_dir.exists());

        fs::create_dir_all(config.state_dir.join("run/lock")).unwrap();
        fs::write(&config.logs.dir, "").unwrap();
        let mistakes = examine_folders(&config);

        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        assert!(
            mistakes[0].starts_with("state_dir: ")
                && mistakes[0].ends_with("lock: it is no plain file")
        );
        assert!(
            mistakes[1].starts_with("logs.dir: log folder ")
                && mistakes[1].ends_with("it is not a folder")
        );
    }
}
