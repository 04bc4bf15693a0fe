//! What a restart remembers.

use std::path::Path;

use super::*;

/// The gateway starts with the ledger in `folder`.
fn start(folder: &Path, now: SystemTime) -> Budgets {
    let (budgets, problem) = Budgets::open(&folder.join("run/budgets.json"), now);
    assert!(problem.is_none(), "{}", problem.unwrap());
    let anna = limits(ANNA, budget(100, Window::Hour), rate(10, Window::Minute));
    budgets.configure(&[anna], now);
    budgets
}

#[test]
fn counts_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(folder.path(), at(0));
    before.reserve_alone(&[ANNA], 60, at(0)).unwrap().settle(60);
    before.save_if_changed();
    let after = start(folder.path(), at(30));
    assert_eq!(tokens_left(&after, at(30)), 40);
    assert_eq!(requests_left(&after, at(30)), 9);
    assert_eq!(before.gateway(), after.gateway());
}

#[test]
fn what_was_reserved_at_a_crash_counts_as_used() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(folder.path(), at(0));
    let _held = before.reserve_alone(&[ANNA], 60, at(0)).unwrap();
    before.save_if_changed();
    let after = start(folder.path(), at(30));
    let status = after.status(at(30));
    let tokens = status.last().unwrap();
    assert_eq!((tokens.used, tokens.reserved), (60, 0));
}

#[test]
fn windows_that_ended_meanwhile_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(folder.path(), at(0));
    before.reserve_alone(&[ANNA], 60, at(0)).unwrap().settle(60);
    before.save_if_changed();
    let after = start(folder.path(), at(60));
    assert_eq!(tokens_left(&after, at(60)), 40);
    assert_eq!(requests_left(&after, at(60)), 10);
    assert_eq!(tokens_left(&after, at(3_600)), 100);
}

#[test]
fn a_clock_that_is_wrong_at_the_start_grants_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(folder.path(), at(0));
    before.reserve_alone(&[ANNA], 60, at(0)).unwrap().settle(60);
    before.save_if_changed();
    // As machines without a battery begin.
    let after = start(folder.path(), UNIX_EPOCH + Duration::from_secs(5));
    after
        .reserve_alone(&[ANNA], 10, UNIX_EPOCH + Duration::from_secs(6))
        .unwrap()
        .settle(10);
    assert_eq!(tokens_left(&after, at(10)), 30);
}

#[test]
fn nothing_is_written_when_nothing_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = start(folder.path(), at(0));
    let file = folder.path().join("run/budgets.json");
    budgets.save_if_changed();
    std::fs::remove_file(&file).unwrap();
    budgets.save_if_changed();
    assert!(!file.exists());
    drop(budgets.reserve_alone(&[ANNA], 1, at(0)).unwrap());
    budgets.save_if_changed();
    assert!(file.exists());
}

#[test]
fn a_disk_that_refuses_is_no_failure_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let budgets = start(folder.path(), at(0));
    // A folder is in the way of the file, which refuses a superuser too.
    let file = folder.path().join("run/budgets.json");
    std::fs::create_dir_all(file.join("in-the-way")).unwrap();
    budgets.save_if_changed();
    budgets
        .reserve_alone(&[ANNA], 60, at(0))
        .unwrap()
        .settle(60);
    budgets.save_if_changed();
    std::fs::remove_dir_all(&file).unwrap();
    budgets.save_if_changed();
    assert_eq!(tokens_left(&start(folder.path(), at(1)), at(1)), 40);
}
