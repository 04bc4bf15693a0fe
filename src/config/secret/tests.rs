use super::judge::{judge, Facts};
use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const US: u32 = 501;

fn good() -> Facts {
    Facts {
        is_regular: true,
        mode: 0o400,
        owner: US,
        links: 1,
        bytes: 10,
    }
}

fn file(folder: &Path, content: &[u8], mode: u32) -> PathBuf {
    let path = folder.join("key");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn refusal(path: &Path) -> String {
    let text = read_key(path).unwrap_err().to_string();
    text.replace(&path.display().to_string(), "KEY")
}

#[test]
fn every_mode_but_two_is_refused() {
    for mode in 0..0o10000 {
        let verdict = judge(&Facts { mode, ..good() }, US);
        match mode {
            0o400 => assert_eq!(verdict, Ok(false)),
            0o600 => assert_eq!(verdict, Ok(true)),
            _ => assert_eq!(verdict, Err(Unfit::Mode(mode))),
        }
    }
}

#[test]
fn each_rule_has_its_own_refusal() {
    let other = Unfit::ForeignOwner { owner: 0, us: US };
    for (facts, unfit) in [
        (
            Facts {
                is_regular: false,
                ..good()
            },
            Unfit::NotRegular,
        ),
        (Facts { owner: 0, ..good() }, other),
        (Facts { links: 2, ..good() }, Unfit::Links(2)),
        (Facts { links: 0, ..good() }, Unfit::Links(0)),
        (
            Facts {
                bytes: (1 << 20) + 1,
                ..good()
            },
            Unfit::TooLarge,
        ),
        (Facts { bytes: 0, ..good() }, Unfit::Empty),
    ] {
        assert_eq!(judge(&facts, US), Err(unfit));
    }
}

#[test]
fn a_key_is_read_without_its_line_end() {
    let folder = tempfile::tempdir().unwrap();
    let read = read_key(&file(folder.path(), b"  secret-key\r\n", 0o400)).unwrap();
    assert_eq!(read.text.expose_secret(), "secret-key");
    assert_eq!(read.warning, None);
}

#[test]
fn a_writable_key_is_borne_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), b"secret-key", 0o600);
    let warning = read_private(&path).unwrap().warning.unwrap();
    assert!(
        warning.ends_with(&format!("run: chmod 0400 {}", path.display())),
        "{warning}"
    );
}

#[test]
fn refusals_say_what_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), b"secret-key", 0o644);
    assert_eq!(
        refusal(&path),
        "KEY has mode 0644, and a secret needs 0400; run: chmod 0400 KEY"
    );
    fs::hard_link(&path, folder.path().join("other")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    assert!(refusal(&path).starts_with("KEY has 2 names (hard links)"));
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(refusal(&link).starts_with("KEY is a symbolic link"));
    assert_eq!(refusal(folder.path()), "KEY is no regular file");
    let nowhere = folder.path().join("nowhere");
    assert_eq!(
        refusal(&nowhere),
        "KEY cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_pipe_without_a_writer_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (said, heard) = std::sync::mpsc::channel();
    // A read that waits for a writer would wait for ever, so that it waits in a thread of its own.
    std::thread::spawn(move || said.send((refusal(&pipe), crate::config::file::read(&pipe).err())));
    let (key, file) = heard.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(key, "KEY is no regular file");
    assert_eq!(file.unwrap().text, "is no regular file");
}

#[test]
fn a_socket_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(refusal(&socket), "KEY is no regular file");
}

#[test]
fn what_is_no_single_word_of_text_is_refused_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for (content, says) in [
        (&b""[..], "is empty"),
        (b" \n\n", "is empty"),
        (b"one two", "more than one word"),
        (b"one\ntwo\n", "more than one word"),
        (b"one\x07", "more than one word"),
        ("schl\u{fc}ssel".as_bytes(), "more than one word"),
        (b"\xff\xfe", "is not UTF-8"),
    ] {
        let path = file(folder.path(), content, 0o600);
        let text = refusal(&path);
        assert!(text.contains(says), "{text}");
        assert!(!text.contains("two"), "{text}");
    }
}

#[test]
fn nothing_prints_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let read = read_private(&file(folder.path(), b"secret-key", 0o400)).unwrap();
    assert_eq!(format!("{:?}", read.text), "Secret(…)");
    assert!(!format!("{read:?}").contains("secret-key"));
}
