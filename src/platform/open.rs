//! Opens files where somebody else may have put something in their place.
//!
//! A link could lead anywhere, a pipe would keep us waiting for its other end for ever, a terminal could become ours. For a
//! plain file none of this makes a difference; what was opened, is judged by whoever opened it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// Waits for nobody. What is made is its owner's alone.
pub fn no_waiting() -> OpenOptions {
    options(OFlags::empty())
}

/// The same, and a link in the last place is not followed: see [`is_link`].
pub fn no_links() -> OpenOptions {
    options(OFlags::NOFOLLOW)
}

fn options(more: OFlags) -> OpenOptions {
    let flags = more | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(flags.bits() as i32);
    options
}

/// Whether a file wasn't opened because it is a link.
pub fn is_link(error: &io::Error) -> bool {
    says(error, &[Errno::LOOP])
}

/// Whether a file wasn't opened because it is a socket, in the words of Linux and of macOS.
pub fn is_socket(error: &io::Error) -> bool {
    says(error, &[Errno::NXIO, Errno::OPNOTSUPP])
}

fn says(error: &io::Error, any: &[Errno]) -> bool {
    let number = error.raw_os_error();
    any.iter().any(|one| number == Some(one.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{symlink, PermissionsExt};
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_link_is_followed_only_where_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(no_waiting().read(true).open(&link).is_ok());
        assert!(no_links().read(true).open(&file).is_ok());
        let error = no_links().read(true).open(&link).unwrap_err();
        assert!(is_link(&error) && !is_socket(&error), "{error}");
    }

    #[test]
    fn a_pipe_without_a_writer_keeps_nobody_waiting_and_a_socket_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        assert!(no_waiting().read(true).open(&pipe).is_ok());
        assert!(no_links().read(true).open(&pipe).is_ok());
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let error = no_links().read(true).open(&socket).unwrap_err();
        assert!(is_socket(&error) && !is_link(&error), "{error}");
    }

    #[test]
    fn what_is_made_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let mut options = no_links();
        let file = options.write(true).create_new(true).open(&path).unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o7777,
            0o600
        );
        assert!(options.open(&path).is_err(), "it is there already");
    }
}
