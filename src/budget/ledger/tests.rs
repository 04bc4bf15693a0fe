use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};

use tempfile::TempDir;

use super::*;

const GOOD: &str = r#"{"version":1,"gateway":"0123456789abcdef","counts":[{"scope":"caller","name":"anna","kind":"tokens","window":"day","start":86400,"used":7}]}"#;

/// A folder with a ledger that says `text`.
fn with(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.json");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn a_good_file_is_read() {
    let (_folder, path) = with(GOOD);
    let (ledger, past, problem) = Ledger::open(&path);
    assert!(problem.is_none());
    assert_eq!(ledger.gateway(), "0123456789abcdef");
    assert_eq!(format::text(ledger.gateway(), &past), GOOD);
}

#[test]
fn a_missing_file_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, past, problem) = Ledger::open(&folder.path().join("budgets.json"));
    assert!(past.is_empty() && problem.is_none());
    assert_eq!(ledger.gateway().len(), 16);
}

#[test]
fn a_bad_file_is_set_aside_and_named() {
    for (text, flaw) in [
        ("", "is no ledger: line 1, column 0"),
        ("{\"version\":1,", "is no ledger: line 1, column 13"),
        (
            r#"{"version":2,"other":1}"#,
            "has version 2, which is not 1 of this sidegate",
        ),
        (
            r#"{"version":1,"gateway":"x","counts":[]}"#,
            "is no ledger: the gateway's name is none",
        ),
        (
            &GOOD.replace("day", "week"),
            "is no ledger: it counts what it can't",
        ),
    ] {
        let (_folder, path) = with(text);
        let (_, past, problem) = Ledger::open(&path);
        assert!(past.is_empty());
        let kept = format!("{}.bad-1", path.display());
        let expected = format!(
            "budget ledger {}: it {flaw}; it is kept as {kept}, and all counts begin at zero",
            path.display()
        );
        assert_eq!(problem.unwrap().to_string(), expected);
        assert_eq!(fs::read_to_string(kept).unwrap(), text);
    }
}

#[test]
fn a_link_is_not_followed() {
    let (folder, path) = with(GOOD);
    let link = folder.path().join("link");
    symlink(&path, &link).unwrap();
    let (_, past, problem) = Ledger::open(&link);
    assert!(past.is_empty());
    assert!(matches!(problem.unwrap().flaw, Flaw::Symlink));
}

#[test]
fn what_others_may_write_to_is_not_believed() {
    let (_folder, path) = with(GOOD);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    let (_, _, problem) = Ledger::open(&path);
    assert!(matches!(problem.unwrap().flaw, Flaw::Mode(0o620)));
}

#[test]
fn a_folder_is_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.json");
    fs::create_dir(&path).unwrap();
    let (_, _, problem) = Ledger::open(&path);
    assert!(matches!(problem.unwrap().flaw, Flaw::NoRegularFile));
    assert!(folder.path().join("budgets.json.bad-1").is_dir());
}

#[test]
fn the_file_is_ours_alone_and_replaced_whole() {
    let (folder, path) = with(GOOD);
    let (mut ledger, past, _) = Ledger::open(&path);
    fs::write(folder.path().join("budgets.json.new"), "left by a kill").unwrap();
    ledger.save(&past, 1);
    assert!(!ledger.is_behind(1) && ledger.is_behind(2));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(fs::read_to_string(&path).unwrap(), GOOD);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
