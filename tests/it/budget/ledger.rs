//! What is remembered over a restart, a crash and a ledger that nobody can read.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::support::laws::{self, Law};

fn both() -> Value {
    json!({"budget": tokens(10_000), "rate": requests(10)})
}

fn file(stage: &Stage) -> PathBuf {
    stage.gateway.state_dir().join("run/budgets.v1")
}

/// What the ledger says of the caller: tokens and requests.
fn kept(stage: &Stage) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(file(stage)).ok()?;
    let ledger: Value = serde_json::from_str(&text).expect("a ledger is replaced whole");
    let counts = ledger["counts"].as_array().expect("counts");
    let of = |kind: &str| {
        let count = counts
            .iter()
            .find(|it| it["scope"] == "caller" && it["kind"] == kind);
        count.map_or(0, |it| it["used"].as_u64().expect("a number"))
    };
    Some((of("tokens"), of("requests")))
}

async fn until_kept(stage: &Stage, counts: (u64, u64)) {
    eventually(format!("{counts:?} in the ledger"), async || {
        match kept(stage) {
            Some(kept) if kept == counts => Ok(()),
            kept => Err(format!("{kept:?}")),
        }
    })
    .await;
}

/// Stops it, changes the ledger, starts it again.
async fn restart_with(stage: &mut Stage, ledger: &str) {
    stage.gateway.stop().await;
    std::fs::write(file(stage), ledger).expect("a ledger");
    stage.gateway.start_again().await;
}

/// What was counted and logged before the restart is another process's.
async fn end(stage: &Stage) {
    let why = "counters and sequence numbers begin anew with the process";
    laws::of(&stage.gateway, &[&stage.upstream])
        .skip(Law::L3, why)
        .skip(Law::L9, why)
        .skip(Law::L1, "what was under way at the kill has no line")
        .check()
        .await;
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let mut stage = stage(reporting(30, 9), both()).await;
    for _ in 0..2 {
        stage.tell(&request(&stage)).await;
    }
    assert_eq!(stage.gateway.stop().await, 0);
    assert_eq!(kept(&stage), Some((78, 2)));
    let mode = std::fs::metadata(file(&stage))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    stage.gateway.start_again().await;
    assert_eq!(own_tokens(&stage).await, (78, 0));
    assert_eq!(own_requests(&stage).await, 2);
    let rest = crowd(&stage, 12).await;
    assert_eq!(served(&rest), 8);
    end(&stage).await;
}

#[tokio::test]
async fn a_kill_forgets_no_more_than_the_last_second() {
    let mut stage = stage(reporting(30, 9), both()).await;
    stage.tell(&request(&stage)).await;
    until_kept(&stage, (39, 1)).await;
    stage.gateway.kill().await;
    stage.gateway.start_again().await;
    assert_eq!(own_tokens(&stage).await, (39, 0));
    stage.tell(&request(&stage)).await;
    assert_eq!(own_tokens(&stage).await, (78, 0));
    end(&stage).await;
}

/// The upstream may have done the work.
#[tokio::test]
async fn what_was_under_way_at_a_kill_counts_as_used() {
    let mut stage = stage(Answer::new().hang(), both()).await;
    let running = under_way(&stage, &request(&stage)).await;
    until_kept(&stage, (RESERVE, 1)).await;
    stage.gateway.kill().await;
    drop(running);
    stage.gateway.start_again().await;
    assert_eq!(own_tokens(&stage).await, (RESERVE, 0));
    assert_eq!(own_requests(&stage).await, 1);
    end(&stage).await;
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_set_aside() {
    let mut stage = stage(reporting(30, 9), both()).await;
    stage.tell(&request(&stage)).await;
    restart_with(&mut stage, "{\"version\":1,").await;
    let warning = stage
        .gateway
        .wait_log("a word on the ledger", |line| {
            line.to_string().contains("all counts begin at zero")
        })
        .await;
    assert_eq!(warning["level"], "warn", "{warning}");
    let aside = format!("{}.bad-1", file(&stage).display());
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"version\":1,");
    assert_eq!(own_tokens(&stage).await, (0, 0));
    stage.tell(&request(&stage)).await;
    until_kept(&stage, (39, 1)).await;
    end(&stage).await;
}

/// The only window's end of these tests: one that nobody waits for.
#[tokio::test]
async fn windows_that_ended_meanwhile_are_forgotten() {
    let mut stage = stage(reporting(30, 9), both()).await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let today = now.as_secs() / DAY * DAY;
    for (start, used) in [(today - DAY, 0), (today, 700)] {
        let count = json!({"scope": "caller", "name": "agent", "kind": "tokens",
                           "window": "day", "start": start, "used": 700});
        let ledger = json!({"version": 1, "gateway": "0123456789abcdef", "counts": [count]});
        restart_with(&mut stage, &ledger.to_string()).await;
        assert_eq!(own_tokens(&stage).await, (used, 0));
    }
    end(&stage).await;
}
