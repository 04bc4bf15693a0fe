use super::*;
use flate2::write::GzEncoder;
use flate2::Compression;
use std::io::Write;
use std::os::unix::fs::symlink;

fn line(id: &str, what: &str) -> String {
    format!("{{\"ts\":\"t\",\"correlation_id\":\"{id}\",\"what\":\"{what}\"}}\n")
}

fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn whats(search: &Search) -> Vec<String> {
    let what = |found: &Found| {
        let line: serde_json::Value = serde_json::from_str(&found.line).unwrap();
        line["what"].as_str().unwrap().to_owned()
    };
    search.found.iter().map(what).collect()
}

#[test]
fn the_newest_file_that_has_the_id_is_the_last_one_read() {
    let folder = folder(&[
        ("access.jsonl", line("other", "now")),
        (
            "access-20260103T000000Z-000.jsonl",
            line("x", "2") + &line("y", "-") + &line("x", "3"),
        ),
        ("access-20260102T000000Z-000.jsonl", line("x", "1")),
    ]);
    let search = newest(folder.path(), LogFile::Access, "x");
    assert_eq!(whats(&search), ["2", "3"]);
    assert_eq!(search.logs.len(), 2);
}

#[test]
fn all_files_are_searched_and_the_oldest_line_is_first() {
    let folder = folder(&[
        ("raw-errors.jsonl", line("x", "3")),
        ("raw-errors-20260103T000000Z-000.jsonl", line("x", "2")),
        ("raw-errors-20260102T000000Z-000.jsonl", line("x", "1")),
        ("raw-errors-notes.jsonl", line("x", "a stranger's")),
        ("access.jsonl", line("x", "another log's")),
    ]);
    let search = all(folder.path(), LogFile::RawErrors, "x");
    assert_eq!(whats(&search), ["1", "2", "3"]);
}

#[test]
fn an_id_within_another_or_within_a_body_is_not_meant() {
    let body = r#"{"correlation_id":"z","what":"\"correlation_id\":\"x\""}"#;
    let folder = folder(&[("access.jsonl", line("xx", "-") + &line("a-x", "-") + body)]);
    assert_eq!(newest(folder.path(), LogFile::Access, "x").found, []);
}

#[test]
fn a_line_of_a_megabyte_is_passed_over_and_the_next_is_read() {
    let long = line("x", &"a".repeat(2 * LONGEST_LINE as usize));
    let folder = folder(&[("access.jsonl", long + &line("x", "short"))]);
    assert_eq!(
        whats(&newest(folder.path(), LogFile::Access, "x")),
        ["short"]
    );
}

#[test]
fn only_the_newest_of_very_many_lines_are_kept() {
    let text: String = (0..1000)
        .map(|number| line("x", &number.to_string()))
        .collect();
    let folder = folder(&[("access.jsonl", text)]);
    let whats = whats(&newest(folder.path(), LogFile::Access, "x"));
    assert_eq!(whats.len(), MOST_LINES);
    assert_eq!(whats.last().map(String::as_str), Some("999"));
}

#[test]
fn what_was_not_read_is_said() {
    let folder = folder(&[("access.jsonl", String::new())]);
    fs::create_dir(folder.path().join("access-20260101T000000Z-000.jsonl")).unwrap();
    let search = newest(folder.path(), LogFile::Access, "x");
    assert_eq!(unread(&search), ["no regular file, so it was not searched"]);
}

fn unread(search: &Search) -> Vec<&str> {
    let logs = search.logs.iter();
    logs.filter_map(|log| log.unread.as_deref()).collect()
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_files_are_searched_in_their_turn() {
    let folder = folder(&[
        ("raw-errors.jsonl", line("x", "4")),
        ("raw-errors-20260103T000000Z-000.jsonl", line("x", "3")),
        ("raw-errors-20260101T000000Z-000.jsonl", line("x", "1")),
    ]);
    let compressed = folder
        .path()
        .join("raw-errors-20260102T000000Z-000.jsonl.gz");
    fs::write(&compressed, packed(&(line("y", "-") + &line("x", "2")))).unwrap();
    let search = all(folder.path(), LogFile::RawErrors, "x");
    assert_eq!(whats(&search), ["1", "2", "3", "4"]);
    assert_eq!(search.found[1].file, compressed);
    assert!(unread(&search).is_empty());
}

#[test]
fn a_file_in_two_forms_is_read_once_and_an_unfinished_one_not_at_all() {
    let text = line("x", "1") + &line("x", "2");
    let folder = folder(&[("access.jsonl", line("x", "3"))]);
    let path = |name| folder.path().join(name);
    // The plain form is half unpacked.
    fs::write(path("access-20260102T000000Z-000.jsonl"), line("x", "1")).unwrap();
    fs::write(path("access-20260102T000000Z-000.jsonl.gz"), packed(&text)).unwrap();
    fs::write(
        path("access-20260103T000000Z-000.jsonl.gz.tmp"),
        packed(&text),
    )
    .unwrap();
    let search = all(folder.path(), LogFile::Access, "x");
    assert_eq!(whats(&search), ["1", "2", "3"]);
    assert_eq!(search.logs.len(), 2);
}

#[test]
fn a_damaged_file_gives_what_it_has_and_says_so() {
    let folder = folder(&[("access.jsonl", String::new())]);
    let noise = (0..50_000_u32).map(|n| line(&n.wrapping_mul(2_654_435_761).to_string(), "-"));
    let text = line("x", "1") + &noise.collect::<String>();
    let half = packed(&text);
    let name = "access-20260102T000000Z-000.jsonl";
    let compressed = folder.path().join(format!("{name}.gz"));
    fs::write(&compressed, &half[..half.len() / 2]).unwrap();
    let search = all(folder.path(), LogFile::Access, "x");
    assert_eq!(whats(&search), ["1"]);
    assert_eq!(unread(&search).len(), 1);
    assert!(unread(&search)[0].starts_with("damaged, so it was searched only up to there: "));

    fs::write(folder.path().join(name), text + &line("x", "2")).unwrap();
    let search = all(folder.path(), LogFile::Access, "x");
    assert_eq!(whats(&search), ["1", "2"]);
    assert!(unread(&search).is_empty());
}

#[test]
fn a_file_that_was_compressed_while_it_was_read_is_told_by_its_lines() {
    let folder = folder(&[("access.jsonl", line("x", "1"))]);
    let compressed = folder.path().join("access-20260102T000000Z-000.jsonl.gz");
    fs::write(compressed, packed(&line("x", "1"))).unwrap();
    assert_eq!(whats(&all(folder.path(), LogFile::Access, "x")), ["1"]);
}

#[test]
fn a_file_that_is_moved_aside_meanwhile_is_read_once() {
    let folder = folder(&[("access.jsonl", line("x", "1"))]);
    let aside = folder.path().join("access-20260102T000000Z-000.jsonl");
    symlink(folder.path().join("access.jsonl"), aside).unwrap();
    assert_eq!(whats(&all(folder.path(), LogFile::Access, "x")), ["1"]);
}
