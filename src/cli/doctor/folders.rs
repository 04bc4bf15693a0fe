//! The folders that the gateway writes to: there, ours, closed to others, and really writable.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Check, Facts, Finding, Severity};
use crate::config::Config;
use crate::platform;
use crate::server;

pub fn check(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![folder(Check::StateFolder, &facts.state_dir)];
    if let Some(config) = facts.config() {
        findings.push(folder(Check::LogFolder, &config.logs.dir));
        findings.extend(open_logs(&config.logs.dir));
        let is_bad = |finding: &Finding| finding.severity == Severity::Failure;
        if !findings.iter().any(is_bad) {
            findings.extend(within_them(config));
        }
    }
    findings
}

/// What in folders that are well keeps a gateway from starting all the same: a link, a pipe, a file of somebody else's.
fn within_them(config: &Config) -> Vec<Finding> {
    let finding = |mistake: String| {
        let check = match mistake.starts_with("logs.dir") {
            true => Check::LogFolder,
            false => Check::StateFolder,
        };
        Finding::failure(check, mistake, "move it away: the gateway makes its own")
    };
    let mistakes = server::examine_folders(config);
    mistakes.into_iter().map(finding).collect()
}

fn folder(check: Check, path: &Path) -> Finding {
    let shown = path.display();
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return missing(check, path),
        Err(error) => {
            let remedy = format!("make {shown} a folder of our own");
            return Finding::failure(check, format!("{shown}: {error}"), remedy);
        }
    };
    let us = platform::effective_user();
    if !about.is_dir() {
        let evidence = format!("{shown} is no folder");
        return Finding::failure(check, evidence, "name another one, or move what is there");
    }
    if about.uid() != us {
        let evidence = format!(
            "{shown} belongs to user {}, and we are user {us}",
            about.uid()
        );
        let remedy = format!("sudo chown -R {us} {shown}; or run this as the gateway's own user");
        return Finding::failure(check, evidence, remedy);
    }
    if let Err(error) = try_to_write(path) {
        let evidence = format!("nothing can be written to {shown}: {error}");
        return Finding::failure(check, evidence, for_writing(path, &error));
    }
    if about.mode() & 0o077 != 0 {
        let evidence = format!(
            "{shown} has mode {:04o}: others of this host may look into it",
            about.mode() & 0o7777
        );
        return Finding::warning(check, evidence, format!("chmod 0700 {shown}"));
    }
    Finding::ok(check, format!("{shown} is ours and can be written"))
}

/// What lets us write to a folder of our own.
fn for_writing(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("chmod 0700 {}, or `sidegate doctor --fix`", path.display())
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room: `sidegate disk` shows what takes it".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => "remount its volume for writing".to_owned(),
        _ => format!("make {} writable, or name another one", path.display()),
    }
}

/// The gateway makes it at its start, where it can.
fn missing(check: Check, path: &Path) -> Finding {
    let shown = path.display();
    let parent = path.ancestors().find(|above| above.exists());
    let writable = parent.filter(|parent| parent.is_dir()).map(try_to_write);
    match writable {
        Some(Ok(())) => {
            let evidence = format!("{shown} isn't there yet");
            Finding::warning(check, evidence, "sidegate doctor --fix")
        }
        Some(Err(error)) => {
            let evidence = format!("{shown} isn't there and can't be made: {error}");
            Finding::failure(check, evidence, "make it, or name another one")
        }
        None => {
            let evidence = format!("{shown} isn't there and can't be made: a file is in the way");
            Finding::failure(check, evidence, "name another one, or move that file")
        }
    }
}

/// Asking for the right to write is not enough: a full disk and a read-only one have it too.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".sidegate-doctor-{}", std::process::id()));
    let mut options = OpenOptions::new();
    let opened = options.create_new(true).write(true).mode(0o600).open(&path);
    let written = opened?.write_all(&[0; 4096]);
    fs::remove_file(&path)?;
    written
}

/// Log files that others may read. They tell who asked what when.
fn open_logs(folder: &Path) -> Option<Finding> {
    let open: Vec<String> = readable_by_others(folder)
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    (!open.is_empty()).then(|| {
        let evidence = format!("others may read {}", open.join(", "));
        Finding::warning(
            Check::LogFolder,
            evidence,
            format!("chmod 0600 {}", open.join(" ")),
        )
    })
}

/// Our own log files, old ones too, that others have rights to.
pub fn readable_by_others(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut open: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().contains(".jsonl"))
        .filter(|entry| {
            let about = entry.metadata();
            about.is_ok_and(|about| about.is_file() && about.mode() & 0o077 != 0)
        })
        .map(|entry| entry.path())
        .collect();
    open.sort();
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_judged_by_what_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state");
        let severity = || folder(Check::StateFolder, &path).severity;
        assert_eq!(severity(), Severity::Warning, "missing");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let open = folder(Check::StateFolder, &path);
        assert_eq!(open.remedy, Some(format!("chmod 0700 {}", path.display())));
        fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        assert_eq!(severity(), Severity::Ok);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "nothing is left");
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "").unwrap();
        assert_eq!(severity(), Severity::Failure, "a file");
        let below = path.join("below");
        assert_eq!(folder(Check::LogFolder, &below).severity, Severity::Failure);
    }

    #[test]
    fn the_remedy_fits_why_nothing_can_be_written() {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
        for (kind, said) in [
            (
                PermissionDenied,
                "chmod 0700 /state, or `sidegate doctor --fix`",
            ),
            (StorageFull, "make room"),
            (ReadOnlyFilesystem, "remount"),
        ] {
            let remedy = for_writing(Path::new("/state"), &kind.into());
            assert!(remedy.contains(said), "{kind:?}: {remedy}");
        }
    }

    #[test]
    fn only_logs_that_others_may_read_are_named() {
        let home = tempfile::tempdir().unwrap();
        for (name, mode) in [
            ("access.jsonl", 0o600),
            ("gateway.jsonl", 0o644),
            ("gateway.jsonl.1.gz", 0o640),
            ("notes.txt", 0o644),
        ] {
            let path = home.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        let open = readable_by_others(home.path());
        let names: Vec<_> = open.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(names, ["gateway.jsonl", "gateway.jsonl.1.gz"]);
    }
}
