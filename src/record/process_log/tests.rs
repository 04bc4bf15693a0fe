use super::*;
use std::path::Path;
use std::time::Instant;

use super::super::writer::LogOptions;

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)
}

fn files(place: &Path) -> Arc<LogFiles> {
    let options = LogOptions {
        max_bytes: 1 << 20,
        max_age: Duration::from_secs(86_400),
        keep: 1,
        alert_percent: 100,
    };
    Arc::new(LogFiles::open(place, options).unwrap())
}

fn gateway_lines(place: &Path, files: &LogFiles) -> Vec<serde_json::Value> {
    assert!(files.flush(Instant::now() + Duration::from_secs(30)));
    let text = std::fs::read_to_string(place.join("gateway.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn our_own_words_reach_the_file_and_others_do_not() {
    let place = tempfile::tempdir().unwrap();
    let files = files(place.path());
    let process_log = Arc::new(ProcessLog::new(LevelFilter::Trace));
    process_log.write_to(Arc::clone(&files));
    let installed = Installed(Arc::clone(&process_log));
    for (target, level) in [
        ("sidegate::server", Level::Info),
        ("pingora_proxy::proxy_trait", Level::Error),
        ("pingora_core", Level::Trace),
        ("h2::codec", Level::Debug),
    ] {
        let record = Record::builder()
            .target(target)
            .level(level)
            .args(format_args!("Bearer canary"))
            .build();
        installed.log(&record);
    }
    let lines = gateway_lines(place.path(), &files);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "Bearer canary");
    assert_eq!(lines[0]["target"], "sidegate::server");
    assert_eq!(
        lines[1]["message"],
        "pingora_proxy reported an error; see the access line"
    );
    assert!(process_log.flush_stderr(Duration::from_secs(30)));
}

#[test]
fn the_level_can_change_while_it_runs() {
    let process_log = ProcessLog::new(LevelFilter::Info);
    assert!(process_log.allows(Level::Info) && !process_log.allows(Level::Debug));
    process_log
        .level
        .store(LevelFilter::Off as usize, Ordering::Relaxed);
    assert!(!process_log.allows(Level::Error));
    process_log
        .level
        .store(LevelFilter::Trace as usize, Ordering::Relaxed);
    assert!(process_log.allows(Level::Trace));
}

#[test]
fn people_get_one_line_whatever_the_message() {
    assert_eq!(
        for_people(at(), Level::Warn, "sidegate::x", "a\nb\u{1b}[2J\u{9b}ü"),
        "2026-01-02T03:04:05.678Z WARN  sidegate::x: a\\nb\\u{1b}[2J\\u{9b}ü\n"
    );
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let cut = shortened("é".repeat(MAX_MESSAGE_BYTES));
    assert_eq!(cut.len(), MAX_MESSAGE_BYTES + '…'.len_utf8());
    assert!(cut.ends_with("é…"));
    assert_eq!(shortened("short".to_owned()), "short");
}

#[test]
fn stderr_that_nobody_started_has_nothing_to_flush() {
    assert!(ProcessLog::new(LevelFilter::Info).flush_stderr(Duration::ZERO));
}
