use std::fs::{self, File, Permissions};
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::super::layout::{header, FILE_BYTES};
use super::super::{Breakers, Condition, Key, Picture, Rule, Slot, Unread};
use super::*;
use crate::breaker::BootMillis;
use crate::config::UpstreamUrl;

const BOOT: Option<BootId> = Some(BootId::from_bytes([1; 16]));
const NEXT_BOOT: Option<BootId> = Some(BootId::from_bytes([2; 16]));
const NOW: BootMillis = BootMillis::new(50_000);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breakers.v1");
    (folder, path)
}

fn key() -> Key {
    let url = UpstreamUrl {
        https: false,
        host: "127.0.0.1".into(),
        port: 8000,
        base_path: "/v1".into(),
    };
    Key::new(&url, Some("m"))
}

/// Opens the file, which must be shared and without a problem.
fn open_well(path: &Path, boot: Option<BootId>) -> Breakers {
    let (breakers, problem) = Breakers::open(path, boot);
    assert!(problem.is_none(), "{}", problem.unwrap());
    assert!(breakers.is_shared());
    breakers
}

fn fail(slot: &Slot, cool_down: u64) {
    let rule = Rule::new(1, Duration::from_secs(cool_down));
    let permit = slot.ask(NOW, Duration::from_secs(1)).unwrap();
    assert!(permit.failure(NOW, rule));
}

/// A whole file as the gateway writes it.
fn good_bytes() -> Vec<u8> {
    let (_folder, path) = folder();
    open_well(&path, BOOT);
    fs::read(path).unwrap()
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn with_word(index: usize, value: u64) -> Vec<u8> {
    let mut bytes = good_bytes();
    bytes[index * 8..index * 8 + 8].copy_from_slice(&value.to_ne_bytes());
    bytes
}

/// Opens a path where something is that must be replaced, and returns what is said about it.
fn replaced(path: &Path) -> String {
    let (breakers, problem) = Breakers::open(path, BOOT);
    let problem = problem.expect("a problem").to_string();
    assert!(breakers.is_shared(), "{problem}");
    assert_eq!(breakers.slot(&key()).look(NOW).condition, Condition::Closed);
    let about = fs::symlink_metadata(path).unwrap();
    assert!(about.is_file() && about.size() == FILE_BYTES as u64);
    let folder = path.parent().unwrap().display().to_string();
    problem.replace(&folder, "")
}

fn said(flaw: &str) -> String {
    format!(
        "breaker file /breakers.v1: it {flaw}; it is kept as /breakers.v1.bad-1, and a new one with all breakers closed is in its place"
    )
}

#[test]
fn a_missing_file_is_made_in_full_and_for_the_owner_only() {
    let (_folder, path) = folder();
    open_well(&path, BOOT);

    let about = fs::metadata(&path).unwrap();
    assert_eq!(about.len(), FILE_BYTES as u64);
    assert_eq!(about.mode() & 0o7777, 0o600);
    assert!(about.blocks() * 512 >= FILE_BYTES as u64, "a sparse file");
    let bytes = fs::read(&path).unwrap();
    let expected: Vec<u8> = header(BOOT.unwrap())
        .into_iter()
        .flat_map(u64::to_ne_bytes)
        .collect();
    assert_eq!(bytes[..32], expected);
    assert!(bytes[32..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_missing_folder_is_made_for_the_owner_only() {
    let (folder, _) = folder();
    let path = folder.path().join("a/run/breakers.v1");
    open_well(&path, BOOT);
    let about = fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(about.mode() & 0o7777, 0o700);
}

#[test]
fn a_restart_keeps_the_time_that_is_left() {
    let (_folder, path) = folder();
    fail(&open_well(&path, BOOT).slot(&key()), 300);

    let later = NOW.plus(Duration::from_secs(100));
    let view = open_well(&path, BOOT).slot(&key()).look(later);

    assert_eq!(view.condition, Condition::Open);
    assert_eq!(view.open_for, Some(Duration::from_secs(200)));
    assert_eq!(view.failures, 1);
}

#[test]
fn a_reboot_closes_and_forgets_everything() {
    let (_folder, path) = folder();
    fail(&open_well(&path, BOOT).slot(&key()), 300);

    open_well(&path, NEXT_BOOT);

    let bytes = fs::read(&path).unwrap();
    assert!(bytes[32..].iter().all(|byte| *byte == 0));
    let view = open_well(&path, NEXT_BOOT).slot(&key()).look(NOW);
    assert_eq!(view.condition, Condition::Closed);
}

#[test]
fn who_was_killed_while_clearing_has_done_nothing() {
    let (_folder, path) = folder();
    fail(&open_well(&path, BOOT).slot(&key()), 300);
    let mut bytes = fs::read(&path).unwrap();
    // One half of the next boot's id is written, the other isn't.
    bytes[16..24].copy_from_slice(&boot_words(NEXT_BOOT.unwrap())[0].to_ne_bytes());
    put(&path, &bytes);

    let breakers = open_well(&path, NEXT_BOOT);

    assert_eq!(breakers.slot(&key()).look(NOW).condition, Condition::Closed);
    open_well(&path, NEXT_BOOT);
}

#[test]
fn what_is_no_file_of_ours_is_kept_aside_and_replaced() {
    let random: Vec<u8> = (0..FILE_BYTES as u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let magic = "doesn't begin as a breaker file does";
    let version = with_word(1, 2 << 32 | 1023);
    let slots = with_word(1, 1 << 32 | 9);
    for (bytes, flaw) in [
        (Vec::new(), "has 0 bytes instead of 32768"),
        (vec![0; 31], "has 31 bytes instead of 32768"),
        (vec![0; FILE_BYTES + 1], "has 32769 bytes instead of 32768"),
        (vec![0; FILE_BYTES], magic),
        (random, magic),
        (with_word(0, 1), magic),
        (
            version,
            "has layout 2 with 1023 slots, not layout 1 of this sidegate",
        ),
        (
            slots,
            "has layout 1 with 9 slots, not layout 1 of this sidegate",
        ),
    ] {
        let (_folder, path) = folder();
        put(&path, &bytes);
        assert_eq!(replaced(&path), said(flaw));
        let kept = path.with_file_name("breakers.v1.bad-1");
        assert_eq!(fs::read(kept).unwrap(), bytes);
    }
}

#[test]
fn a_file_that_others_may_read_is_replaced() {
    for (mode, text) in [(0o644, "0644"), (0o400, "0400"), (0o4600, "4600")] {
        let (_folder, path) = folder();
        put(&path, &good_bytes());
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let said_so = replaced(&path);
        // Who isn't root can't open a file that nobody may write to.
        let refused = mode == 0o400 && !rustix::process::geteuid().is_root();
        if !refused {
            let flaw = format!("has mode {text} instead of 0600");
            assert_eq!(said_so, said(&flaw));
        }
    }
}

#[test]
fn a_file_with_two_names_is_replaced() {
    let (_folder, path) = folder();
    put(&path, &good_bytes());
    let other = path.with_file_name("other");
    fs::hard_link(&path, &other).unwrap();

    assert_eq!(
        replaced(&path),
        said("has 2 names (hard links) instead of one")
    );

    assert_eq!(
        fs::read(other).unwrap(),
        good_bytes(),
        "the other name's file is as it was"
    );
}

#[test]
fn a_link_is_replaced_and_what_it_leads_to_is_left_alone() {
    let (_folder, path) = folder();
    let target = path.with_file_name("target");
    put(&target, b"precious");
    for to in ["target", "nowhere"] {
        symlink(to, &path).unwrap();
        let said_so = replaced(&path);
        assert!(said_so.contains("it is a symlink; "), "{said_so}");
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(fs::read(target).unwrap(), b"precious");
}

#[test]
fn a_folder_a_pipe_and_a_socket_are_replaced() {
    let (_first, path) = folder();
    fs::create_dir(&path).unwrap();
    File::create(path.join("full")).unwrap();
    assert_eq!(replaced(&path), said("is a folder"));

    let (_second, path) = folder();
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert_eq!(replaced(&path), said("is no regular file"));

    let (_third, path) = folder();
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert_eq!(replaced(&path), said("is no regular file"));
}

#[test]
fn another_users_file_is_replaced() {
    let (_folder, path) = folder();
    put(&path, &good_bytes());
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
        eprintln!("SKIPPED: only root can give a file to another user");
        return;
    }
    assert_eq!(replaced(&path), said("belongs to another user (id 12345)"));
}

#[test]
fn only_the_last_few_bad_files_are_kept() {
    let (folder, path) = folder();
    for bytes in ["1", "2", "3", "4", "5"] {
        put(&path, bytes.as_bytes());
        let (breakers, problem) = Breakers::open(&path, BOOT);
        assert!(breakers.is_shared() && problem.is_some());
    }
    let names = |n: u32| fs::read_to_string(path.with_file_name(format!("breakers.v1.bad-{n}")));
    assert_eq!(
        [names(1).unwrap(), names(2).unwrap(), names(3).unwrap()],
        ["1", "2", "5"]
    );
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[test]
fn a_bad_file_that_cannot_be_moved_makes_them_private() {
    let (_folder, path) = folder();
    put(&path, b"bad");
    for n in 1..=3 {
        fs::create_dir_all(path.with_file_name(format!("breakers.v1.bad-{n}/full"))).unwrap();
    }
    let (breakers, problem) = Breakers::open(&path, BOOT);
    assert!(!breakers.is_shared());
    let text = problem.unwrap().to_string();
    let why = "it has 3 bytes instead of 32768, and cannot be moved out of the way: Is a directory";
    assert!(text.contains(why), "{text}");
    assert_eq!(fs::read(&path).unwrap(), b"bad");
}

#[test]
fn what_a_killed_process_left_of_a_new_file_is_no_hindrance() {
    let (_folder, path) = folder();
    put(&path.with_file_name("breakers.v1.new"), b"half");
    open_well(&path, BOOT);
    assert!(!path.with_file_name("breakers.v1.new").exists());
}

#[test]
fn without_a_boot_id_breakers_are_private() {
    let (_folder, path) = folder();
    let (breakers, problem) = Breakers::open(&path, None);
    assert!(!breakers.is_shared());
    assert_eq!(
        problem.unwrap().to_string().replace(&path.display().to_string(), "F"),
        "breaker file F: the system doesn't say when it was started; breakers work, but no other process shares them and a restart forgets them"
    );
    fail(&breakers.slot(&key()), 300);
    assert_eq!(breakers.slot(&key()).look(NOW).condition, Condition::Open);
    assert!(!path.exists());
}

#[test]
fn where_the_folder_is_a_file_breakers_are_private() {
    let (_folder, path) = folder();
    put(&path, b"a file");
    let (breakers, problem) = Breakers::open(&path.join("breakers.v1"), BOOT);
    assert!(!breakers.is_shared() && !problem.as_ref().unwrap().is_shared());
    let text = problem.unwrap().to_string();
    assert!(text.contains("cannot open it: Not a directory"), "{text}");
}

#[test]
fn a_lock_that_nobody_lets_go_makes_them_private() {
    let (_folder, path) = folder();
    let lock = File::create(path.with_file_name("breakers.v1.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();

    let (breakers, problem) = Breakers::open(&path, BOOT);

    assert!(!breakers.is_shared());
    let text = problem.unwrap().to_string();
    assert!(text.contains("another process holds its lock"), "{text}");
}

#[test]
fn a_good_file_is_opened_without_the_lock() {
    let (_folder, path) = folder();
    open_well(&path, BOOT);
    let lock = File::open(path.with_file_name("breakers.v1.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    open_well(&path, BOOT);
}

#[test]
fn more_breakers_than_the_file_holds_are_private_and_counted() {
    let (_folder, path) = folder();
    let breakers = open_well(&path, BOOT);
    let url = |port| UpstreamUrl {
        https: true,
        host: "h".into(),
        port,
        base_path: String::new(),
    };
    let slots: Vec<Slot> = (0..1025)
        .map(|port| breakers.slot(&Key::new(&url(port), None)))
        .collect();
    assert_eq!(breakers.without_place(), 2);
    fail(&slots[1024], 300);

    let again = breakers.slot(&Key::new(&url(1024), None)).look(NOW);
    let elsewhere = open_well(&path, BOOT)
        .slot(&Key::new(&url(1024), None))
        .look(NOW);
    assert_eq!(again.condition, Condition::Open);
    assert_eq!(elsewhere.condition, Condition::Closed);
}

#[test]
fn a_picture_shows_what_the_gateway_wrote_and_changes_nothing() {
    let (_folder, path) = folder();
    assert!(matches!(Picture::read(&path, BOOT), Err(Unread::Absent)));
    fail(&open_well(&path, BOOT).slot(&key()), 300);
    let before = fs::read(&path).unwrap();

    let picture = Picture::read(&path, BOOT).unwrap();

    let view = picture.look(&key(), NOW);
    assert_eq!(
        (view.condition, view.open_for),
        (Condition::Open, Some(Duration::from_secs(300)))
    );
    assert_eq!(picture.views(NOW).collect::<Vec<_>>(), [view]);
    assert_eq!(fs::read(&path).unwrap(), before);
    let rebooted = Picture::read(&path, NEXT_BOOT).unwrap();
    assert_eq!(rebooted.look(&key(), NOW).condition, Condition::Closed);
}

#[test]
fn a_picture_of_something_else_says_what_is_wrong() {
    for (bytes, said) in [
        (vec![0; 7], "it has 7 bytes instead of 32768"),
        (
            vec![0; FILE_BYTES * 2],
            "it has 32769 bytes instead of 32768",
        ),
        (
            vec![0; FILE_BYTES],
            "it doesn't begin as a breaker file does",
        ),
        (
            with_word(1, 7 << 32),
            "it has layout 7 with 0 slots, not layout 1 of this sidegate",
        ),
    ] {
        let (_folder, path) = folder();
        put(&path, &bytes);
        assert_eq!(Picture::read(&path, BOOT).unwrap_err().to_string(), said);
        assert_eq!(fs::read(&path).unwrap(), bytes, "it stays where it is");
    }
    let (_folder, path) = folder();
    symlink("nowhere", &path).unwrap();
    assert_eq!(
        Picture::read(&path, BOOT).unwrap_err().to_string(),
        "it is a symlink"
    );
    let folder_path = path.parent().unwrap();
    assert_eq!(
        Picture::read(folder_path, BOOT).unwrap_err().to_string(),
        "it is a folder"
    );
}
