use super::*;
use std::fs;
use std::path::Path;

use super::super::folder::Folder;

fn sink(place: &Path, max_bytes: u64, keep: u32) -> Sink {
    let folder = Folder::open(place).unwrap().lock().unwrap();
    Sink::open(
        Arc::new(folder),
        LogFile::Access,
        LogOptions { max_bytes, keep },
    )
    .unwrap()
}

fn wall(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + second)
}

fn read(place: &Path, name: &str) -> String {
    fs::read_to_string(place.join(name)).unwrap()
}

#[test]
fn rotation_splits_a_batch_between_lines_and_loses_none() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 10, 7);
    sink.write(b"line1\nline2\nline3\n", Instant::now(), wall(0))
        .unwrap();
    assert_eq!(
        read(place.path(), "access-20260102T030405Z-000.jsonl"),
        "line1\n"
    );
    assert_eq!(
        read(place.path(), "access-20260102T030405Z-001.jsonl"),
        "line2\n"
    );
    assert_eq!(read(place.path(), "access.jsonl"), "line3\n");
}

#[test]
fn a_line_larger_than_a_file_gets_a_file_of_its_own() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 4, 7);
    sink.write(b"a\nlonger than that\nb\n", Instant::now(), wall(0))
        .unwrap();
    assert_eq!(
        read(place.path(), "access-20260102T030405Z-000.jsonl"),
        "a\n"
    );
    assert_eq!(
        read(place.path(), "access-20260102T030405Z-001.jsonl"),
        "longer than that\n"
    );
    assert_eq!(read(place.path(), "access.jsonl"), "b\n");
}

#[test]
fn only_the_newest_are_kept() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 2, 2);
    for second in 0..5 {
        sink.write(b"x\n", Instant::now(), wall(second)).unwrap();
    }
    let old = fs::read_dir(place.path()).unwrap().count() - 1;
    assert_eq!(old, 2);
    assert_eq!(
        read(place.path(), "access-20260102T030409Z-000.jsonl"),
        "x\n"
    );
}

#[test]
fn a_file_that_was_moved_or_removed_is_begun_anew() {
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut sink = sink(place.path(), 1000, 7);
    sink.write(b"one\n", begun, wall(0)).unwrap();
    fs::rename(place.path().join("access.jsonl"), place.path().join("mine")).unwrap();
    sink.write(b"two\n", begun + LOOK_EVERY / 2, wall(0))
        .unwrap();
    sink.write(b"three\n", begun + LOOK_EVERY, wall(1)).unwrap();
    assert_eq!(read(place.path(), "mine"), "one\ntwo\n");
    assert_eq!(read(place.path(), "access.jsonl"), "three\n");

    fs::remove_dir_all(place.path()).unwrap();
    sink.write(b"four\n", begun + LOOK_EVERY * 2, wall(2))
        .unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "four\n");
}

#[test]
fn a_file_emptied_in_place_goes_on_from_its_beginning() {
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut sink = sink(place.path(), 12, 7);
    sink.write(b"one\ntwo\n", begun, wall(0)).unwrap();
    fs::write(place.path().join("access.jsonl"), "").unwrap();
    sink.write(b"three\nfour\n", begun + LOOK_EVERY, wall(1))
        .unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "three\nfour\n");
}

#[test]
fn what_cannot_be_opened_is_lost_and_counted_until_it_can() {
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut sink = sink(place.path(), 1000, 7);
    let path = place.path().join("access.jsonl");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let lost = sink.write(b"one\ntwo\n", begun, wall(0)).unwrap_err();
    assert_eq!(lost.lines, 2);
    assert!(
        lost.error.to_string().contains("access.jsonl"),
        "{}",
        lost.error
    );
    fs::remove_dir(&path).unwrap();
    assert_eq!(sink.write(b"three\n", begun, wall(0)).unwrap_err().lines, 1);
    sink.write(b"four\n", begun + LOOK_EVERY, wall(1)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "four\n");
}

#[test]
fn a_rotation_that_fails_goes_on_in_the_same_file() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 4, 7);
    for number in 0..1000 {
        let name = format!("access-20260102T030405Z-{number:03}.jsonl");
        fs::write(place.path().join(name), "").unwrap();
    }
    sink.write(b"one\ntwo\nthree\n", Instant::now(), wall(0))
        .unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "one\ntwo\nthree\n");
}
