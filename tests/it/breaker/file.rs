//! Whatever is at the breaker file's place when the gateway starts: it serves, and says what it found.

use std::fs::{self, Permissions};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};

use super::*;
use crate::support::laws::Law;

const FILE_BYTES: usize = 32 * 1024;

/// A gateway that finds what `put` made at the place of its breaker file.
async fn started_with(put: impl FnOnce(&Path)) -> (Stage, PathBuf) {
    let mut place = PathBuf::new();
    let stage = stage_with(broken(), 2, "60s", |gateway| {
        let run = gateway.home().join(".sidegate/run");
        fs::create_dir_all(&run).expect("a folder");
        for folder in [run.parent().expect("a parent"), &run] {
            fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("its mode");
        }
        place = run.join("breakers.v1");
        put(&place);
        gateway
    })
    .await;
    (stage, place)
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}

/// It counts, opens and is seen, wherever its memory is.
async fn expect_working(stage: &Stage, shared: f64) {
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.value("sidegate_breaker_shared", &[]), Some(shared));
    assert_eq!(
        stage.gateway.status().await["breaker_shared"],
        shared == 1.0
    );
    fail(stage, 2).await;
    refused(stage, "one").await;
}

async fn expect_said(stage: &Stage, words: &str) {
    let what = format!("a warning with {words:?}");
    let warning = |line: &Value| line["level"] == "warn" && line.to_string().contains(words);
    stage.gateway.wait_log(&what, warning).await;
}

type Put = fn(&Path);

/// What no gateway has written, and the words that say so.
fn strangers() -> Vec<(&'static str, Put)> {
    vec![
        ("has 5 bytes instead of 32768", |path| {
            write(path, b"hello", 0o600)
        }),
        ("has 0 bytes instead of 32768", |path| {
            write(path, b"", 0o600)
        }),
        ("doesn't begin as a breaker file does", |path| {
            write(path, &[7; FILE_BYTES], 0o600)
        }),
        ("doesn't begin as a breaker file does", |path| {
            write(path, &[0; FILE_BYTES], 0o600)
        }),
        ("has mode 0644 instead of 0600", |path| {
            write(path, &[0; FILE_BYTES], 0o644)
        }),
        ("has layout 9 with 1023 slots", |path| {
            let layout = (9u64 << 32 | 1023).to_ne_bytes();
            let mut bytes = vec![0; FILE_BYTES];
            bytes[..8].copy_from_slice(b"sidegate");
            bytes[8..16].copy_from_slice(&layout);
            write(path, &bytes, 0o600);
        }),
        ("is a symlink", |path| {
            let elsewhere = path.with_file_name("elsewhere");
            write(&elsewhere, &[0; FILE_BYTES], 0o600);
            symlink(elsewhere, path).expect("a link");
        }),
        ("has 2 names (hard links) instead of one", |path| {
            write(path, &[0; FILE_BYTES], 0o600);
            fs::hard_link(path, path.with_file_name("another")).expect("a link");
        }),
        ("is a folder", |path| {
            fs::create_dir(path).expect("a folder")
        }),
    ]
}

#[tokio::test]
async fn a_strangers_file_is_set_aside_and_a_new_one_shared() {
    for (words, put) in strangers() {
        println!("-- {words}");
        let (stage, place) = started_with(put).await;
        expect_said(&stage, words).await;
        expect_said(&stage, "it is kept as").await;
        expect_working(&stage, 1.0).await;
        let about = fs::symlink_metadata(&place).expect("a new one");
        assert!(about.is_file() && about.len() == FILE_BYTES as u64);
        assert_eq!(about.permissions().mode() & 0o7777, 0o600);
        assert!(fs::symlink_metadata(place.with_file_name("breakers.v1.bad-1")).is_ok());
        stage.end().await;
    }
}

#[tokio::test]
async fn a_whole_file_with_nonsense_in_it_heals_itself() {
    let (stage, _) = started_with(|_| ()).await;
    fail(&stage, 2).await;
    // Every word of every record, but for the header: open for ever, with every bit set.
    let place = stage.gateway.state_dir().join("run/breakers.v1");
    let mut stage = stage;
    stage.gateway.stop().await;
    let mut bytes = fs::read(&place).expect("the file");
    bytes[32..]
        .chunks_exact_mut(32)
        .filter(|record| record[..8] != [0; 8])
        .for_each(|record| {
            record[24..].copy_from_slice(&[0xff; 8]);
        });
    write(&place, &bytes, 0o600);
    stage.gateway.start_again().await;
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "closed");
    fail(&stage, 2).await;
    assert!(refused(&stage, "one").await <= 60);
}

/// Availability comes before sharing.
#[tokio::test]
async fn where_no_file_can_be_the_breakers_are_private() {
    let stage = stage_with(broken(), 2, "60s", |gateway| {
        let home = gateway.home().to_path_buf();
        fs::write(home.join("no-folder"), b"").expect("a file");
        gateway.set(
            "breaker.file",
            home.join("no-folder/breakers.v1").display().to_string(),
        )
    })
    .await;
    expect_said(
        &stage,
        "no other process shares them and a restart forgets them",
    )
    .await;
    expect_working(&stage, 0.0).await;
    laws::of(&stage.gateway, &[&stage.a, &stage.b])
        .skip(Law::L5, "there is no file that a command could read")
        .check()
        .await;
}

/// Removed under a running gateway: it goes on with what it has mapped, and the next start makes a new one.
#[tokio::test]
async fn a_file_that_is_removed_while_it_runs_harms_nobody() {
    let (stage, place) = started_with(|_| ()).await;
    fs::remove_file(&place).expect("the file");
    expect_working(&stage, 1.0).await;
    stage.end().await;
}
