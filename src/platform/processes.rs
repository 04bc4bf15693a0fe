//! The processes of this host: whose they are and what they are called.
//!
//! Of what was typed to start one, only the file names of the first words are kept, so that a script has its own name
//! and not its interpreter's; the rest may hold secrets.

use std::path::Path;

/// The interpreter and its script: `node /usr/bin/agent`.
const WORDS: usize = 2;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub user: u32,
    /// The program's, and its script's where there is one.
    pub names: Vec<String>,
}

/// All that the system shows us.
pub fn processes() -> Vec<Process> {
    system::processes()
}

/// The folder in which a process works; none where the system doesn't say.
pub fn working_folder(pid: u32) -> Option<std::path::PathBuf> {
    system::working_folder(pid)
}

fn file_names<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    let name = |word: &'a str| Path::new(word).file_name()?.to_str();
    words
        .take(WORDS)
        .filter(|word| !word.starts_with('-'))
        .filter_map(name)
        .map(str::to_owned)
        .collect()
}

#[cfg(target_os = "linux")]
mod system {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    pub fn processes() -> Vec<Process> {
        let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
        let process = |folder: fs::DirEntry| {
            let pid = folder.file_name().to_str()?.parse().ok()?;
            // The folder belongs to the effective user of the process.
            let user = folder.metadata().ok()?.uid();
            let words = fs::read(folder.path().join("cmdline")).ok()?;
            let words = String::from_utf8_lossy(&words);
            let names = file_names(words.split('\0'));
            Some(Process { pid, user, names })
        };
        folders.filter_map(process).collect()
    }

    pub fn working_folder(pid: u32) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{pid}/cwd")).ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;
    use crate::platform::outside::said_by;
    use std::path::PathBuf;

    pub fn processes() -> Vec<Process> {
        let said = said_by("/bin/ps", &["-axww", "-o", "pid=,uid=,args="]);
        let said = said.unwrap_or_default();
        said.lines().filter_map(from_line).collect()
    }

    pub fn working_folder(pid: u32) -> Option<PathBuf> {
        let pid = pid.to_string();
        let said = said_by("/usr/sbin/lsof", &["-a", "-w", "-p", &pid, "-dcwd", "-Fn"])?;
        let folder = said.lines().find_map(|line| line.strip_prefix('n'))?;
        Some(PathBuf::from(folder))
    }
}

/// A line of `ps -o pid=,uid=,args=`. A path with a space in it is cut there: its name is lost, and nothing is made up.
#[cfg(any(test, not(target_os = "linux")))]
fn from_line(line: &str) -> Option<Process> {
    let mut words = line.split_whitespace();
    Some(Process {
        pid: words.next()?.parse().ok()?,
        user: words.next()?.parse().ok()?,
        names: file_names(words),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_its_own_name_and_arguments_are_not_kept() {
        let process =
            from_line("  12   501 /usr/bin/node /opt/agent/openclaw --key secret").unwrap();
        assert_eq!((process.pid, process.user), (12, 501));
        assert_eq!(process.names, ["node", "openclaw"]);
        let process = from_line("12 501 -zsh --key=secret").unwrap();
        assert_eq!(process.names, Vec::<String>::new());
        assert_eq!(from_line("PID UID ARGS"), None);
    }

    #[test]
    fn we_are_among_them_in_our_own_folder() {
        let us = std::process::id();
        let found = processes().into_iter().find(|process| process.pid == us);
        let found = found.unwrap();
        assert_eq!(found.user, rustix::process::geteuid().as_raw());
        assert!(!found.names.is_empty());
        assert_eq!(working_folder(us), std::env::current_dir().ok());
    }
}
