//! The files of one job: what they say, and what stands there now.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::job::Job;
use super::supervisor::{Manager, Place};
use super::trouble::Trouble;
use super::values::Values;
use super::{property_list, unit_file};

/// Begins every file of ours; without it a file is somebody else's.
const MARK: &str =
    "Written by `sidegate service install`, which also overwrites it: don't change it by hand.";

/// Everyone may read what root's supervisor runs; no secret is in it.
const MODE: u32 = 0o644;

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path))
    };
}

/// One file, as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub path: PathBuf,
    pub text: String,
}

/// What stands where one should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    Nothing,
    Ours(String),
    /// Without the mark, or no file at all.
    NotOurs,
}

impl Place {
    /// Where the files of a job are, in the order in which they are written.
    pub fn paths(&self, job: Job) -> Vec<PathBuf> {
        let named = templates(self.manager, job).iter();
        named.map(|(name, _)| self.units.join(name)).collect()
    }

    /// What they should say.
    ///
    /// # Errors
    /// A template is broken.
    pub fn units(&self, job: Job, values: &Values) -> Result<Vec<Unit>, Trouble> {
        let mut units = Vec::new();
        for (name, template) in templates(self.manager, job) {
            let text = match self.manager {
                Manager::Launchd => property_list::fill(template, values, MARK)?,
                Manager::Systemd => unit_file::fill(template, values, MARK)?,
            };
            let path = self.units.join(name);
            units.push(Unit { path, text });
        }
        Ok(units)
    }
}

fn templates(manager: Manager, job: Job) -> &'static [(&'static str, &'static str)] {
    match (manager, job) {
        (Manager::Launchd, Job::Gateway) => &[(
            "dev.sidegate.gateway.plist",
            template!("launchd/dev.sidegate.gateway.plist"),
        )],
        (Manager::Launchd, Job::Disk) => &[(
            "dev.sidegate.disk.plist",
            template!("launchd/dev.sidegate.disk.plist"),
        )],
        (Manager::Launchd, Job::ModelServer) => &[(
            "dev.sidegate.model-server.plist",
            template!("launchd/dev.sidegate.model-server.plist"),
        )],
        (Manager::Systemd, Job::ModelServer) => &[(
            "sidegate-model-server.service",
            template!("systemd/sidegate-model-server.service"),
        )],
        (Manager::Systemd, Job::Gateway) => {
            &[("sidegate.service", template!("systemd/sidegate.service"))]
        }
        (Manager::Systemd, Job::Disk) => &[
            (
                "sidegate-disk.service",
                template!("systemd/sidegate-disk.service"),
            ),
            (
                "sidegate-disk.timer",
                template!("systemd/sidegate-disk.timer"),
            ),
        ],
    }
}

impl Kept {
    /// # Errors
    /// It can't be read.
    pub fn at(path: &Path) -> Result<Kept, Trouble> {
        // A link is somebody's own arrangement, wherever it leads.
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Kept::Nothing),
            Err(error) => return Err(Trouble::file(path, error)),
            Ok(there) if !there.is_file() => return Ok(Kept::NotOurs),
            Ok(_) => {}
        }
        let bytes = fs::read(path).map_err(|error| Trouble::file(path, error))?;
        Ok(match String::from_utf8(bytes) {
            Ok(text) if text.contains(MARK) => Kept::Ours(text),
            _ => Kept::NotOurs,
        })
    }
}

/// Replaces the file in one step.
///
/// # Errors
/// It can't be written there.
pub fn write(unit: &Unit) -> Result<(), Trouble> {
    let trouble = |error| Trouble::file(&unit.path, error);
    let name = unit.path.file_name().unwrap_or_default();
    let folder = unit.path.parent().unwrap_or(Path::new("/"));
    let beside = folder.join(format!(".{}.new", name.to_string_lossy()));
    fs::create_dir_all(folder).map_err(trouble)?;
    let written = write_new(&beside, &unit.text).and_then(|()| fs::rename(&beside, &unit.path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        trouble(error)
    })
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    // One that an earlier run left behind; `create_new` then follows no link.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    // launchd takes no file that others than its owner may write, whatever the umask is here.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.sync_all()
}

/// # Errors
/// It can't be removed.
pub fn remove(path: &Path) -> Result<(), Trouble> {
    fs::remove_file(path).map_err(|error| Trouble::file(path, error))
}

/// Makes the folder and the file that launchd writes stdout and stderr to: it makes no folder, and the file would be for
/// everyone to read.
///
/// # Errors
/// They can't be made.
pub fn prepare_output(folder: &Path, job: Job, owner: Option<(u32, u32)>) -> Result<(), Trouble> {
    let path = folder.join(job.as_str()).with_extension("log");
    let trouble = |error| Trouble::file(&path, error);
    let mode = if owner.is_some() { 0o755 } else { 0o700 };
    let mut builder = DirBuilder::new();
    builder
        .recursive(true)
        .mode(mode)
        .create(folder)
        .map_err(trouble)?;
    match File::options().write(true).create_new(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(trouble(error)),
        Ok(file) => {
            let private = Permissions::from_mode(0o600);
            file.set_permissions(private).map_err(trouble)?;
        }
    }
    match owner {
        Some((user, group)) => {
            std::os::unix::fs::lchown(&path, Some(user), Some(group)).map_err(trouble)
        }
        None => Ok(()),
    }
}
