//! Mends what is safe to mend: modes of files that are ours, and folders that are missing.
//!
//! Nothing is followed, nobody else gets a right, nobody else's is touched; a folder's own rights come back to us. A file is judged by its opened descriptor, so that
//! what was judged is what changes.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::folders::readable_by_others;
use crate::cli::{live, Context};
use crate::config::{self, Config};
use crate::platform;

const FOLDER: u32 = 0o700;
const SECRET: u32 = 0o400;
const LOG: u32 = 0o600;

/// What was done, or could not be done, a line each.
pub fn everything(context: &Context) -> Vec<String> {
    let state_dir = live::state_dir(context);
    let mut done = Vec::new();
    folder(&state_dir, &mut done);
    let Ok(loaded) = config::load(&context.source, &context.environment) else {
        return done;
    };
    let config = &loaded.config;
    folder(&config.logs.dir, &mut done);
    for path in secrets(config) {
        restrict(&path, SECRET, &mut done);
    }
    for path in readable_by_others(&config.logs.dir) {
        restrict(&path, LOG, &mut done);
    }
    done
}

/// Every file that the configuration names and that only we may read.
fn secrets(config: &Config) -> Vec<PathBuf> {
    let mut paths = vec![config.callers.token_file.clone()];
    for upstream in &config.upstreams {
        paths.extend(upstream.key_file.clone());
        paths.extend(upstream.tls.key_file.clone());
    }
    paths.extend(config.tls.as_ref().map(|tls| tls.key_file.clone()));
    paths
}

fn folder(path: &Path, done: &mut Vec<String>) {
    if path.symlink_metadata().is_ok() {
        return restrict(path, FOLDER, done);
    }
    let made = DirBuilder::new().recursive(true).mode(FOLDER).create(path);
    done.push(match made {
        Ok(()) => format!("mkdir -m 0700 {}", path.display()),
        Err(error) => format!("nothing: mkdir {}: {error}", path.display()),
    });
}

fn restrict(path: &Path, mode: u32, done: &mut Vec<String>) {
    // What can't be looked at is found by the checks.
    if let Ok(Some(before)) = try_restrict(path, mode) {
        let path = path.display();
        done.push(format!("chmod {mode:04o} {path} (it had {before:04o})"));
    }
}

/// The mode that it had; none where there was nothing to do.
fn try_restrict(path: &Path, mode: u32) -> io::Result<Option<u32>> {
    let file = platform::no_links().read(true).open(path)?;
    let about = file.metadata()?;
    let before = about.mode() & 0o7777;
    let is_ours = about.uid() == platform::effective_user();
    let is_one = about.is_dir() || (about.is_file() && about.nlink() == 1);
    // One for everybody's temporary files is no folder of ours.
    let is_common = about.is_dir() && before & 0o1000 != 0;
    // We write to all folders that are ours.
    let own = if about.is_dir() { FOLDER } else { 0 };
    let wanted = before & mode | own;
    if !is_ours || !is_one || is_common || before == wanted {
        return Ok(None);
    }
    file.set_permissions(Permissions::from_mode(wanted))?;
    Ok(Some(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn modes_of_files_become_narrower_and_never_wider() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        std::fs::write(&path, "x").unwrap();
        for (before, after) in [(0o644, 0o400), (0o600, 0o400), (0o400, 0o400)] {
            std::fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            let mut done = Vec::new();
            restrict(&path, SECRET, &mut done);
            assert_eq!(mode(&path), after);
            assert_eq!(done.len(), usize::from(before != after), "{done:?}");
        }
    }

    #[test]
    fn a_folder_of_ours_can_be_written_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state");
        std::fs::create_dir(&path).unwrap();
        for before in [0o500, 0o555, 0o700] {
            std::fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            let mut done = Vec::new();
            folder(&path, &mut done);
            assert_eq!(mode(&path), 0o700);
            assert_eq!(done.len(), usize::from(before != 0o700), "{done:?}");
        }
    }

    #[test]
    fn links_and_files_with_several_names_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let (path, link, name) = (
            home.path().join("key"),
            home.path().join("link"),
            home.path().join("name"),
        );
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut done = Vec::new();
        restrict(&link, SECRET, &mut done);
        std::fs::hard_link(&path, &name).unwrap();
        restrict(&path, SECRET, &mut done);
        assert_eq!((mode(&path), done), (0o644, Vec::new()));
    }

    #[test]
    fn a_missing_folder_is_made_for_us_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b");
        let mut done = Vec::new();
        folder(&path, &mut done);
        assert_eq!(mode(&path), 0o700);
        assert_eq!(done, [format!("mkdir -m 0700 {}", path.display())]);
    }
}
