use super::*;
use std::fs;
use std::path::Path;

use super::super::folder::Folder;

const DAY: Duration = Duration::from_secs(86_400);

struct Case {
    sink: Sink,
    options: LogOptions,
}

impl Case {
    fn write(&mut self, lines: &[u8], now: Instant, wall: SystemTime) -> Result<(), Lost> {
        self.sink.write(&self.options, lines, now, wall)
    }
}

fn options(max_bytes: u64) -> LogOptions {
    LogOptions {
        max_bytes,
        max_age: DAY,
        keep: 7,
        alert_percent: 100,
    }
}

fn sink(place: &Path, max_bytes: u64) -> Case {
    let folder = Folder::open(place).unwrap().lock().unwrap();
    Case {
        sink: Sink::open(Arc::new(folder), LogFile::Access).unwrap(),
        options: options(max_bytes),
    }
}

/// From 2026-01-02T03:04:05Z on.
fn wall(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + second)
}

/// Seconds from [`wall`]'s beginning.
const MIDNIGHT: u64 = 75_355;

fn names(place: &Path) -> Vec<String> {
    let entries = fs::read_dir(place).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(place: &Path, name: &str) -> String {
    fs::read_to_string(place.join(name)).unwrap()
}

#[test]
fn rotation_splits_a_batch_between_lines_and_loses_none() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 10);
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
    let mut sink = sink(place.path(), 4);
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
fn a_file_that_was_moved_or_removed_is_begun_anew() {
    let place = tempfile::tempdir().unwrap();
    let now = Instant::now();
    let mut sink = sink(place.path(), 1000);
    sink.write(b"one\n", now, wall(0)).unwrap();
    fs::rename(place.path().join("access.jsonl"), place.path().join("mine")).unwrap();
    sink.write(b"two\n", now, wall(0)).unwrap();
    assert_eq!(read(place.path(), "mine"), "one\n");
    assert_eq!(read(place.path(), "access.jsonl"), "two\n");

    fs::remove_file(place.path().join("access.jsonl")).unwrap();
    sink.write(b"three\n", now, wall(0)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "three\n");

    fs::remove_dir_all(place.path()).unwrap();
    sink.write(b"four\n", now, wall(0)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "four\n");
}

#[test]
fn a_file_emptied_in_place_goes_on_from_its_beginning() {
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut sink = sink(place.path(), 12);
    sink.write(b"one\ntwo\n", begun, wall(0)).unwrap();
    fs::write(place.path().join("access.jsonl"), "").unwrap();
    sink.write(b"three\nfour\n", begun + TRY_AGAIN, wall(1))
        .unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "three\nfour\n");
}

#[test]
fn what_cannot_be_opened_is_lost_and_counted_until_it_can() {
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut sink = sink(place.path(), 1000);
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
    sink.write(b"four\n", begun + TRY_AGAIN, wall(1)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "four\n");
}

#[test]
fn a_rotation_that_fails_goes_on_in_the_same_file_and_is_tried_again() {
    let place = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let mut sink = sink(place.path(), 4);
    let in_the_way = place.path().join("access.jsonl.next");
    fs::create_dir(&in_the_way).unwrap();
    sink.write(b"one\ntwo\nthree\n", begun, wall(0)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "one\ntwo\nthree\n");
    fs::remove_dir(&in_the_way).unwrap();
    sink.write(b"four\n", begun, wall(0)).unwrap();
    assert_eq!(names(place.path()), ["access.jsonl"], "too early");
    sink.write(b"five\n", begun + TRY_AGAIN, wall(1)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "five\n");
}

#[test]
fn a_file_is_moved_aside_at_midnight_however_small() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 1000);
    let now = Instant::now();
    sink.write(b"one\n", now, wall(0)).unwrap();
    sink.write(b"two\n", now, wall(MIDNIGHT - 1)).unwrap();
    assert!(!sink
        .sink
        .rotate_if_old(&options(1000), now, wall(MIDNIGHT - 1)));
    assert!(sink.sink.rotate_if_old(&options(1000), now, wall(MIDNIGHT)));
    sink.write(b"three\n", now, wall(MIDNIGHT + 1)).unwrap();
    let old = "access-20260103T000000Z-000.jsonl";
    assert_eq!(read(place.path(), old), "one\ntwo\n");
    assert_eq!(read(place.path(), "access.jsonl"), "three\n");
}

#[test]
fn an_empty_file_stays_where_it_is_however_old() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 1000);
    for days in 0..5 {
        let wall = wall(days * 86_400);
        assert!(!sink
            .sink
            .rotate_if_old(&options(1000), Instant::now(), wall));
    }
    assert_eq!(names(place.path()), ["access.jsonl"]);
}

#[test]
fn what_an_earlier_process_wrote_yesterday_is_moved_aside() {
    for (written, moves) in [(MIDNIGHT - 1, true), (MIDNIGHT, false)] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("access.jsonl");
        fs::write(&path, "old\n").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(wall(written)).unwrap();
        let mut sink = sink(place.path(), 1000);
        sink.write(b"new\n", Instant::now(), wall(MIDNIGHT + 60))
            .unwrap();
        assert_eq!(read(place.path(), "access.jsonl") == "new\n", moves);
    }
}

#[test]
fn names_go_on_behind_those_of_an_earlier_process() {
    let place = tempfile::tempdir().unwrap();
    fs::write(
        place.path().join("access-20260601T000000Z-041.jsonl.gz"),
        "",
    )
    .unwrap();
    let mut sink = sink(place.path(), 2);
    sink.write(b"1\n2\n", Instant::now(), wall(0)).unwrap();
    assert_eq!(
        read(place.path(), "access-20260601T000000Z-042.jsonl"),
        "1\n"
    );
}

#[test]
fn what_somebody_put_in_the_files_place_is_not_moved_aside() {
    let place = tempfile::tempdir().unwrap();
    let mut sink = sink(place.path(), 8);
    let now = Instant::now();
    sink.write(b"one\n", now, wall(0)).unwrap();
    fs::rename(place.path().join("access.jsonl"), place.path().join("mine")).unwrap();
    fs::write(place.path().join("access.jsonl"), "").unwrap();
    // As in the middle of a batch, after the look before it.
    sink.sink.rotate(now, wall(0));
    assert_eq!(names(place.path()), ["access.jsonl", "mine"]);
    sink.write(b"two\n", now, wall(0)).unwrap();
    assert_eq!(read(place.path(), "access.jsonl"), "two\n");
}

fn sinks(place: &Path, options: LogOptions) -> Sinks {
    Sinks::open(Folder::open(place).unwrap().lock().unwrap(), options).unwrap()
}

#[test]
fn without_room_access_lines_are_lost_and_others_are_not() {
    let place = tempfile::tempdir().unwrap();
    let mut sinks = sinks(place.path(), options(1000));
    let now = Instant::now();
    sinks.room.look(now, 80, || Ok(0.96));
    let lost = sinks.write(LogFile::Access, b"1\n2\n", now, wall(0));
    assert_eq!(lost.unwrap_err().lines, 2);
    for file in [LogFile::Gateway, LogFile::RawErrors] {
        sinks.write(file, b"{}\n", now, wall(0)).unwrap();
    }
    assert_eq!(read(place.path(), "access.jsonl"), "");
    assert_eq!(read(place.path(), "raw-errors.jsonl"), "{}\n");
}

#[test]
fn old_files_are_moved_aside_and_compressed_without_a_line() {
    let place = tempfile::tempdir().unwrap();
    let mut sinks = sinks(place.path(), options(1000));
    let now = Instant::now();
    sinks
        .write(LogFile::Gateway, b"{}\n", now, wall(0))
        .unwrap();
    sinks.look_around(now, wall(MIDNIGHT));
    assert!(sinks.housekeeper.wait_until_idle(Duration::from_secs(30)));
    assert_eq!(
        names(place.path()),
        [
            "access.jsonl",
            "gateway-20260103T000000Z-000.jsonl.gz",
            "gateway.jsonl",
            "raw-errors.jsonl"
        ]
    );
}
