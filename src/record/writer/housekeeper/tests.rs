use super::*;
use flate2::read::MultiGzDecoder;
use std::fs::{File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::super::folder::Folder;

const PATIENCE: Duration = Duration::from_secs(30);

fn start(place: &Path, keep: u32) -> Housekeeper {
    let folder = Folder::open(place).unwrap().lock().unwrap();
    Housekeeper::start(Arc::new(folder), keep).unwrap()
}

fn place(files: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for name in files {
        fs::write(place.path().join(name), format!("{name}\n")).unwrap();
    }
    place
}

fn names(place: &Path) -> Vec<String> {
    let entries = fs::read_dir(place).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[test]
fn what_an_earlier_process_left_is_compressed_and_the_oldest_go() {
    let place = place(&[
        "access-20260101T000000Z-000.jsonl.gz",
        "access-20260102T000000Z-000.jsonl",
        "access-20260103T000000Z-000.jsonl",
        "access-20260104T000000Z-000.jsonl",
        "access.jsonl",
        "gateway-20260101T000000Z-000.jsonl",
        "raw-errors-notes.jsonl",
    ]);
    let housekeeper = start(place.path(), 2);
    assert!(housekeeper.wait_until_idle(PATIENCE));
    assert_eq!(
        names(place.path()),
        [
            "access-20260103T000000Z-000.jsonl.gz",
            "access-20260104T000000Z-000.jsonl.gz",
            "access.jsonl",
            "gateway-20260101T000000Z-000.jsonl.gz",
            "raw-errors-notes.jsonl",
        ]
    );
    let compressed = place.path().join("access-20260104T000000Z-000.jsonl.gz");
    assert_eq!(unpacked(&compressed), "access-20260104T000000Z-000.jsonl\n");
    assert_eq!(fs::metadata(compressed).unwrap().mode() & 0o7777, 0o600);
}

#[test]
fn a_crash_in_the_middle_leaves_the_lines_once() {
    let place = place(&["access-20260102T000000Z-000.jsonl"]);
    let unfinished = place
        .path()
        .join("access-20260102T000000Z-000.jsonl.gz.tmp");
    fs::write(&unfinished, b"\x1f\x8b half").unwrap();
    fs::set_permissions(&unfinished, Permissions::from_mode(0o644)).unwrap();
    assert!(start(place.path(), 7).wait_until_idle(PATIENCE));
    let compressed = "access-20260102T000000Z-000.jsonl.gz";
    assert_eq!(names(place.path()), [compressed]);
    let compressed = place.path().join(compressed);
    assert_eq!(unpacked(&compressed), "access-20260102T000000Z-000.jsonl\n");
    assert_eq!(fs::metadata(&compressed).unwrap().mode() & 0o7777, 0o600);

    // The crash came after the new name and before the old one went.
    let plain = place.path().join("access-20260102T000000Z-000.jsonl");
    fs::write(&plain, unpacked(&compressed)).unwrap();
    assert!(start(place.path(), 7).wait_until_idle(PATIENCE));
    assert_eq!(names(place.path()).len(), 1);
}

#[test]
fn what_an_operator_unpacks_while_we_run_stays_unpacked() {
    let place = place(&["access-20260102T000000Z-000.jsonl"]);
    let housekeeper = start(place.path(), 7);
    assert!(housekeeper.wait_until_idle(PATIENCE));
    let plain = place.path().join("access-20260102T000000Z-000.jsonl");
    fs::write(&plain, "access-20260102T000000Z-000.jsonl\n").unwrap();
    housekeeper.tidy();
    assert!(housekeeper.wait_until_idle(PATIENCE));
    assert!(plain.exists());
    assert_eq!(names(place.path()).len(), 2);
}

#[test]
fn fewer_to_keep_are_fewer_at_once() {
    let place = place(&[
        "access-20260102T000000Z-000.jsonl",
        "access-20260103T000000Z-000.jsonl",
    ]);
    let housekeeper = start(place.path(), 7);
    assert!(housekeeper.wait_until_idle(PATIENCE));
    housekeeper.keep(0);
    assert!(housekeeper.wait_until_idle(PATIENCE));
    assert!(names(place.path()).is_empty());
}

#[test]
fn what_cannot_be_compressed_is_left_and_the_others_are_done() {
    let place = place(&["access-20260103T000000Z-000.jsonl"]);
    let folder = place.path().join("access-20260102T000000Z-000.jsonl");
    fs::create_dir(&folder).unwrap();
    let housekeeper = start(place.path(), 7);
    assert!(housekeeper.wait_until_idle(PATIENCE));
    assert_eq!(
        names(place.path()),
        [
            "access-20260102T000000Z-000.jsonl",
            "access-20260103T000000Z-000.jsonl.gz"
        ]
    );
}

#[test]
fn its_end_leaves_the_folder_free_and_the_file_whole() {
    let place = place(&[]);
    let plain = place.path().join("access-20260102T000000Z-000.jsonl");
    let text: String = (0..400_000).map(|n| format!("{n}\n")).collect();
    fs::write(&plain, &text).unwrap();
    drop(start(place.path(), 7));
    assert!(Folder::open(place.path()).unwrap().lock().is_ok());
    let compressed = place.path().join("access-20260102T000000Z-000.jsonl.gz");
    assert_eq!(names(place.path()).len(), 1);
    assert!(
        plain.exists() && fs::read_to_string(&plain).unwrap() == text
            || unpacked(&compressed) == text
    );
}
