//! What may surprise about a service, said before it does.

use std::path::{Path, PathBuf};

use crate::cli::output::complain;
use crate::service::{Job, Kept, Manager, Owner, Place};

/// macOS asks the person at the screen before a program may read these, and a service just gets "not permitted".
const PROTECTED: [&str; 3] = ["Documents", "Desktop", "Downloads"];

pub fn of_protected_folders(home: &Path, used: &[&Path]) {
    for path in used.iter().filter(|path| is_protected(home, path)) {
        complain(&format!(
            "warning: macOS keeps services out of {}, so {} can't be read there; move it",
            PROTECTED.join(", "),
            path.display()
        ));
    }
}

fn is_protected(home: &Path, path: &Path) -> bool {
    PROTECTED
        .iter()
        .any(|folder| path.starts_with(home.join(folder)))
}

pub fn of_variables(overriding: &[&str]) {
    if !overriding.is_empty() {
        complain(&format!(
            "warning: set in this shell, but not for the service: {}; write into the file what it should keep to",
            overriding.join(", ")
        ));
    }
}

/// Two of them would fight over one port.
pub fn of_a_second_gateway(place: &Place) {
    if let Some(path) = installed_for_an_account(place, Path::new("/")) {
        complain(&format!(
            "warning: {} is installed too; `--user NAME` is about that one",
            path.display()
        ));
    }
}

fn installed_for_an_account(place: &Place, root: &Path) -> Option<PathBuf> {
    let Owner::Login(_) = place.owner else {
        return None;
    };
    let anyone = Owner::Account {
        name: String::new(),
        user: 0,
        group: 0,
    };
    let other = Place::new(place.manager, anyone, Path::new("/"), root);
    let mut paths = other.paths(Job::Gateway).into_iter();
    paths.find(|path| matches!(Kept::at(path), Ok(Kept::Ours(_))))
}

/// Where to look for what it said.
pub fn output_of(place: &Place, job: Job) -> String {
    match (place.manager, &place.owner) {
        (Manager::Launchd, _) => {
            let file = place.output.join(job.as_str()).with_extension("log");
            format!("{} has what it said", file.display())
        }
        (Manager::Systemd, Owner::Login(_)) => {
            format!(
                "`journalctl --user -u {}` has what it said",
                job.service_unit()
            )
        }
        (Manager::Systemd, Owner::Account { .. }) => {
            format!("`journalctl -u {}` has what it said", job.service_unit())
        }
    }
}

/// For whoever expects it to be there after the next start of the machine.
pub fn of_logins(place: &Place) {
    let Owner::Login(_) = place.owner else {
        return;
    };
    complain(match place.manager {
        Manager::Launchd => "note: it runs while you are logged in on the Mac's screen; --user NAME is for one that always runs",
        Manager::Systemd => "note: it runs while you are logged in; `loginctl enable-linger` keeps it there",
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_folders_of_the_owner_are_protected() {
        let home = Path::new("/Users/us");
        assert!(is_protected(
            home,
            Path::new("/Users/us/Documents/x/sidegate")
        ));
        assert!(!is_protected(home, Path::new("/Users/us/Documents.old/x")));
        assert!(!is_protected(home, Path::new("/Users/other/Documents/x")));
        assert!(!is_protected(home, Path::new("/usr/local/bin/sidegate")));
    }

    #[test]
    fn a_gateway_of_an_account_is_found_by_whoever_has_their_own() {
        let root = tempfile::tempdir().unwrap();
        let login = Place::new(
            Manager::Systemd,
            Owner::Login(1000),
            Path::new("/home/us"),
            root.path(),
        );
        assert_eq!(installed_for_an_account(&login, root.path()), None);
        let folder = root.path().join("etc/systemd/system");
        std::fs::create_dir_all(&folder).unwrap();
        let mark = "Written by `sidegate service install`, which also overwrites it: don't change it by hand.";
        std::fs::write(folder.join("sidegate.service"), format!("# {mark}\n")).unwrap();
        assert!(installed_for_an_account(&login, root.path()).is_some());
    }
}
