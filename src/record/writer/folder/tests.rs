use super::*;
use std::os::unix::fs::symlink;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn refusal<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => panic!("it was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_new_folder_and_its_files_are_ours_alone() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("deep/logs");
    Folder::open(&path).unwrap();
    open_log_file(&path.join("access.jsonl")).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("access.jsonl")), 0o600);
}

#[test]
fn a_wide_folder_of_logs_and_a_wide_file_are_tightened() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("access.jsonl");
    fs::write(&file, "{}\n").unwrap();
    for other in [
        "raw-errors.jsonl.next",
        "access-20260102T030405Z-000.jsonl",
        "gateway-20260102T030405Z-000.jsonl.gz",
        "access-20260102T030405Z-000.jsonl.gz.tmp",
    ] {
        fs::write(place.path().join(other), "").unwrap();
    }
    set_mode(place.path(), 0o777);
    set_mode(&file, 0o644);
    Folder::open(place.path()).unwrap();
    open_log_file(&file).unwrap();
    assert_eq!((mode(place.path()), mode(&file)), (0o700, 0o600));
}

#[test]
fn a_folder_with_other_things_keeps_its_mode_or_is_refused() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("syslog"), "").unwrap();
    set_mode(place.path(), 0o755);
    Folder::open(place.path()).unwrap();
    assert_eq!(mode(place.path()), 0o755);
    set_mode(place.path(), 0o1777);
    let text = refusal(Folder::open(place.path()));
    assert!(
        text.ends_with(": others may write to it; name a folder of sidegate's own"),
        "{text}"
    );
    assert_eq!(mode(place.path()), 0o1777);
}

#[test]
fn an_empty_common_folder_is_not_taken_over() {
    let place = tempfile::tempdir().unwrap();
    set_mode(place.path(), 0o1777);
    assert!(refusal(Folder::open(place.path())).contains("others may write to it"));
    assert_eq!(mode(place.path()), 0o1777);
}

#[test]
fn links_pipes_and_folders_are_no_log_files() {
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("target");
    fs::write(&target, "precious").unwrap();
    let link = place.path().join("access.jsonl");
    symlink(&target, &link).unwrap();
    assert!(refusal(open_log_file(&link)).ends_with("access.jsonl: it is a symbolic link"));
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");

    let folder = place.path().join("gateway.jsonl");
    fs::create_dir(&folder).unwrap();
    assert!(refusal(open_log_file(&folder)).contains("gateway.jsonl"));

    let pipe = place.path().join("raw-errors.jsonl");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    assert!(refusal(open_log_file(&pipe)).ends_with("it is not a plain file"));
}

#[test]
fn a_file_in_the_folders_place_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("logs");
    fs::write(&path, "").unwrap();
    assert!(refusal(Folder::open(&path)).ends_with("logs: it is not a folder"));
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let first = Folder::open(place.path()).unwrap().lock().unwrap();
    let text = refusal(Folder::open(place.path()).unwrap().lock());
    assert!(
        text.ends_with("another sidegate logs there; give each its own logs.dir"),
        "{text}"
    );
    drop(first);
    assert!(Folder::open(place.path()).unwrap().lock().is_ok());
}

#[test]
fn a_torn_last_line_is_cut_when_the_file_is_opened() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("access.jsonl");
    for (before, after) in [
        ("{}\n{\"a\":", "{}\n"),
        ("{\"torn", ""),
        ("", ""),
        ("{}\n", "{}\n"),
    ] {
        fs::write(&path, before).unwrap();
        open_log_file(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
    }
}

#[test]
fn a_tail_longer_than_any_line_is_left_and_ended() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("access.jsonl");
    let strange = vec![b'x'; TAIL_BYTES as usize + 10];
    fs::write(&path, &strange).unwrap();
    open_log_file(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap().len(), strange.len() + 1);
}
