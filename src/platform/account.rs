//! Who an account is, as the system's directory has it.
//!
//! The directory is asked by its own command: it may be files, LDAP or Open Directory.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub user: u32,
    pub group: u32,
    pub home: PathBuf,
}

/// Looks the account up.
///
/// # Errors
/// There is none of this name, or the directory can't be asked; the text says so.
pub fn account(name: &str) -> Result<Account, String> {
    let none = || format!("there is no account `{}` here", name.escape_debug());
    let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        return Err(none());
    }
    let [program, arguments @ ..] = DIRECTORY;
    let asked = Command::new(program)
        .args(arguments)
        .arg(name)
        .stdin(Stdio::null())
        .output();
    let answer = asked.map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let text = String::from_utf8_lossy(&answer.stdout);
    // A number is taken for a user id by these commands, so the name is compared.
    let found = text.lines().filter_map(read);
    let mut found = found.filter(|account| account.name == name);
    found.next().ok_or_else(none)
}

#[cfg(not(target_os = "macos"))]
const DIRECTORY: [&str; 2] = ["getent", "passwd"];

#[cfg(target_os = "macos")]
const DIRECTORY: [&str; 2] = ["id", "-P"];

/// A line of passwd(5), or of master.passwd(5), which has three fields more before the full name. In both the home
/// folder is the last but one.
fn read(line: &str) -> Option<Account> {
    let fields: Vec<&str> = line.split(':').collect();
    let home = PathBuf::from(*fields.get(fields.len().checked_sub(2)?)?);
    let known = matches!(fields.len(), 7 | 10) && home.is_absolute();
    known.then_some(Account {
        name: (*fields.first()?).to_owned(),
        user: fields.get(2)?.parse().ok()?,
        group: fields.get(3)?.parse().ok()?,
        home,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_line_are_understood() {
        let expected = Account {
            name: "_gate".to_owned(),
            user: 501,
            group: 20,
            home: PathBuf::from("/Users/gate"),
        };
        for line in [
            "_gate:x:501:20:A Gate:/Users/gate:/bin/zsh",
            "_gate:********:501:20::0:0:A Gate:/Users/gate:/bin/zsh",
        ] {
            assert_eq!(read(line).as_ref(), Some(&expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_account_is_none() {
        for line in [
            "",
            ":",
            "a:x:1:1:A:relative:/bin/sh",
            "a:x:many:1:A:/a:/bin/sh",
            "a:x:1:1:/a:/bin/sh",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn root_is_on_every_machine_and_nobody_else_by_that_number() {
        assert_eq!(account("root").map(|root| root.user), Ok(0));
        for name in ["0", "", "-root", "ro:ot", "no-such-account-here"] {
            assert!(account(name).is_err(), "{name}");
        }
    }
}
