//! Writes the configuration and makes the folders, without touching what is there.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Only we may read it: addresses and callers' limits are nobody else's business.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// More old configurations than this beside each other are a mistake.
const MOST_KEPT: u32 = 100;

/// Says what to do about a configuration that exists, before anybody is asked anything.
///
/// # Errors
/// There is one and `force` isn't given, or it isn't a plain file.
pub fn may_write(file: &Path, force: bool) -> Result<(), String> {
    let shown = file.display();
    match file.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{shown}: {error}")),
        Ok(_) if !force => Err(format!(
            "there is a configuration already: {shown}; `sidegate check` says whether it is good, --force replaces it and \
             keeps the old one beside it, --config FILE writes another one"
        )),
        Ok(about) if !about.is_file() => {
            Err(format!("{shown} is a link or no file, which even --force leaves alone; move it away first"))
        }
        Ok(_) => Ok(()),
    }
}

/// Writes the configuration whole or not at all; returns where an old one is kept.
///
/// # Errors
/// It exists by now, or can't be written; then all is as it was, but for a copy of the old one perhaps.
pub fn write_configuration(
    file: &Path,
    text: &str,
    force: bool,
) -> Result<Option<PathBuf>, String> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        make_folder(folder)?;
    }
    let new = beside(file, ".new");
    let written = write_new(&new, text).map_err(failed("write", &new));
    let placed = written.and_then(|()| place(&new, file, force));
    if placed.is_err() {
        let _ = fs::remove_file(&new);
    }
    placed
}

/// A folder of mode 0700; whether it was made. One that exists stays as it is.
///
/// # Errors
/// It can't be made.
pub fn make_folder(folder: &Path) -> Result<bool, String> {
    if folder.is_dir() {
        return Ok(false);
    }
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(FOLDER_MODE).create(folder);
    made.map(|()| true).map_err(failed("make", folder))
}

/// Puts the new file in its place in one step, so that a gateway that watches it never sees none or half of one.
fn place(new: &Path, file: &Path, force: bool) -> Result<Option<PathBuf>, String> {
    let kept = match force && file.symlink_metadata().is_ok() {
        true => Some(keep(file)?),
        false => None,
    };
    match kept {
        Some(kept) => fs::rename(new, file)
            .map(|()| Some(kept))
            .map_err(failed("write", file)),
        // A link fails where somebody was quicker; a rename would replace their file.
        None => {
            fs::hard_link(new, file).map_err(failed("write", file))?;
            let _ = fs::remove_file(new);
            Ok(None)
        }
    }
}

/// Copies the old configuration to the first free name beside it.
fn keep(file: &Path) -> Result<PathBuf, String> {
    let text = fs::read_to_string(file).map_err(failed("read", file))?;
    for number in 1..=MOST_KEPT {
        let kept = beside(file, &format!(".old-{number}"));
        match write_new(&kept, &text) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("keep the old configuration as", &kept)(error)),
        }
    }
    Err(format!(
        "there are {MOST_KEPT} old configurations beside {}; remove some",
        file.display()
    ))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file.file_name().unwrap_or_default());
    name.push(end);
    file.with_file_name(name)
}

fn failed<'a>(what: &'a str, path: &'a Path) -> impl Fn(io::Error) -> String + 'a {
    move |error| format!("cannot {what} {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{symlink, PermissionsExt};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_first_configuration_and_its_folder_are_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/sidegate.yaml");
        assert_eq!(may_write(&file, false), Ok(()));
        assert_eq!(write_configuration(&file, "x", false), Ok(None));
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        assert_eq!(names(file.parent().unwrap()), ["sidegate.yaml"]);
    }

    #[test]
    fn what_is_there_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sidegate.yaml");
        fs::write(&file, "mine").unwrap();
        assert!(may_write(&file, false).unwrap_err().contains("--force"));
        // Somebody wrote it after it was looked for.
        assert!(write_configuration(&file, "x", false).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(names(folder.path()), ["sidegate.yaml"]);
    }

    #[test]
    fn force_keeps_every_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sidegate.yaml");
        for text in ["first", "second"] {
            fs::write(&file, text).unwrap();
            assert_eq!(may_write(&file, true), Ok(()));
            assert!(write_configuration(&file, "new", true).unwrap().is_some());
        }
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            names(folder.path()),
            [
                "sidegate.yaml",
                "sidegate.yaml.old-1",
                "sidegate.yaml.old-2"
            ]
        );
        assert_eq!(
            [
                read("sidegate.yaml"),
                read("sidegate.yaml.old-1"),
                read("sidegate.yaml.old-2")
            ],
            ["new", "first", "second"]
        );
    }

    #[test]
    fn a_link_is_left_alone_even_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sidegate.yaml");
        symlink("nowhere", &file).unwrap();
        assert!(may_write(&file, true).unwrap_err().contains("is a link"));
        assert!(may_write(&file, false).unwrap_err().contains("already"));
    }

    #[test]
    fn a_folder_that_exists_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(make_folder(folder.path()), Ok(false));
        assert_eq!(mode(folder.path()), 0o755);
    }
}
