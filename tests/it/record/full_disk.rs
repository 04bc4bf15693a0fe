//! Rotation under load, and in the middle of it a full disk: no request notices, and every line is accounted for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::unpacked;
use crate::support::volume::Volume;
use crate::support::wait::{eventually, try_eventually};
use crate::support::{laws, many, plain, Latch, Law, Reply};
use load::{expect_no_request_to_notice, keep_asking, Full, CONNECTIONS};

mod load;

const ROTATING: &str =
    "record::full_disk::a_full_disk_between_nine_hundred_rotations_costs_counted_lines_and_nothing_else";
const ENDING: &str = "record::full_disk::a_gateway_that_ends_while_it_is_full_says_what_is_missing";

const VOLUME_BYTES: u64 = 16 << 20;

/// Two lines a file.
const SMALL: &str = "1536B";

/// Many pages: a disk that fills up in one cuts a line.
const LARGE: &str = "1MiB";
const SEVERAL_PAGES: u64 = 20_000;

/// The most that the configuration allows: the run must end before there are more, however busy the machine is.
const KEEP: usize = 1000;
const ROTATIONS_BEFORE: usize = 450;
const ROTATIONS: usize = 900;

/// Five and a half seconds' worth: longer than from one look at the volume to the next, so that it is full to the writer in
/// both ways, by its errors and by its measure.
const DROPS: f64 = 2_750.0;

/// How `gateway.jsonl` ends what it says of dropped lines.
const OVER: &str = "; logging goes on";

/// Each phase takes two to six seconds on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

async fn wait_for(what: &str, is_so: impl AsyncFn() -> Result<(), String>) {
    let seen = try_eventually(PATIENCE, async || is_so().await).await;
    seen.unwrap_or_else(|last| panic!("never came within {PATIENCE:?}: {what}; last seen: {last}"));
}

async fn wait_for_rotations(stage: &Stage, count: usize) {
    wait_for(&format!("{count} rotations"), async || {
        match rotations(stage) {
            enough if enough >= count => Ok(()),
            fewer => Err(format!("{fewer}")),
        }
    })
    .await;
}

fn rotations(stage: &Stage) -> usize {
    unpacked::old_files(&stage.gateway.logs_dir(), "access").len()
}

async fn dropped(stage: &Stage) -> f64 {
    let metrics = stage.gateway.metrics().await;
    metrics.sum("sidegate_log_dropped_total", &[("file", "access")])
}

/// Rotations, a full disk, rotations again.
async fn live_through(stage: &Stage, volume: &Volume) -> Full {
    wait_for_rotations(stage, ROTATIONS_BEFORE).await;
    rotate_at(stage, LARGE).await;
    wait_for("a file of several pages", async || {
        let current = stage.gateway.logs_dir().join("access.jsonl");
        match std::fs::metadata(current).map_or(0, |about| about.len()) {
            enough if enough >= SEVERAL_PAGES => Ok(()),
            fewer => Err(format!("{fewer} bytes")),
        }
    })
    .await;
    let from = Instant::now();
    volume.fill();
    wait_for(&format!("{DROPS} lines dropped"), async || {
        match dropped(stage).await {
            enough if enough >= DROPS => Ok(()),
            fewer => Err(format!("{fewer}")),
        }
    })
    .await;
    volume.make_room();
    let until = Instant::now();
    wait_for("lines again", async || match told_as_dropped(stage, OVER) {
        0 => Err(stage.gateway.log_text("gateway.jsonl")),
        _ => Ok(()),
    })
    .await;
    rotate_at(stage, SMALL).await;
    wait_for_rotations(stage, ROTATIONS).await;
    (from, until)
}

async fn rotate_at(stage: &Stage, size: &str) {
    stage.gateway.edit("logs.max_bytes", size);
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 0, "{output:?}");
}

/// Each line is whole, is there once, and is of a request that was answered.
fn expect_sound_lines(stage: &Stage, replies: &[Reply]) -> usize {
    let text = unpacked::whole_log(&stage.gateway.logs_dir(), "access");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("split: {line}")))
        .collect();
    let asked: BTreeSet<_> = replies
        .iter()
        .filter_map(|reply| reply.correlation_id())
        .collect();
    let told: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| line["correlation_id"].as_str())
        .collect();
    assert_eq!(told.len(), lines.len(), "a line is there twice");
    assert!(told.is_subset(&asked), "a line is nobody's");
    lines.len()
}

/// How many lines `gateway.jsonl` says were dropped, in all that it says with this end; it is rotated, too.
fn told_as_dropped(stage: &Stage, end: &str) -> u64 {
    let text = unpacked::whole_log(&stage.gateway.logs_dir(), "gateway");
    let told = text.lines().filter_map(|line| {
        let line = serde_json::from_str::<Value>(line).ok()?;
        let (count, rest) = line["message"].as_str()?.split_once(' ')?;
        let fits =
            rest.starts_with("lines of access.jsonl were dropped between ") && rest.ends_with(end);
        count.parse::<u64>().ok().filter(|_| fits)
    });
    told.sum()
}

fn logging_to<'a>(volume: &'a Volume) -> impl FnOnce(Builder) -> Builder + 'a {
    let logs = volume.path().join("logs").display().to_string();
    |builder| builder.needs_places(100).set("logs.dir", logs)
}

async fn expect_other_laws(stage: &Stage) {
    let why = "lines were dropped, and are counted";
    laws::of(&stage.gateway, &[&stage.upstream])
        .skip(Law::L1, why)
        .skip(Law::L3, why)
        .check()
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_between_nine_hundred_rotations_costs_counted_lines_and_nothing_else() {
    let Some(volume) = Volume::mount_for(ROTATING, VOLUME_BYTES) else {
        return;
    };
    let stage = Stage::with(plain::chat("yes"), |builder| {
        logging_to(&volume)(builder)
            .set("logs.max_bytes", SMALL)
            .set("logs.keep", KEEP)
    })
    .await;
    let stop = Latch::new();
    let asking = tokio::spawn(many(CONNECTIONS, {
        let (client, stop) = (stage.client(), stop.clone());
        move |number| keep_asking(client.clone(), number, stop.clone())
    }));
    let full = live_through(&stage, &volume).await;
    stop.open();
    let replies = asking.await.expect("no panic").concat();

    expect_no_request_to_notice(&replies, full);
    eventually("each line in a file or counted", async || {
        let (lines, dropped) = (stage.gateway.access_lines().len(), dropped(&stage).await);
        let adds_up = lines as f64 + dropped == replies.len() as f64;
        let all = replies.len();
        adds_up
            .then_some(())
            .ok_or(format!("{lines} + {dropped} of {all}"))
    })
    .await;
    let dropped = dropped(&stage).await as u64;
    let lines = expect_sound_lines(&stage, &replies);
    let rotations = rotations(&stage);
    println!(
        "{} requests, {lines} lines, {rotations} rotations, {dropped} dropped",
        replies.len()
    );
    assert!((ROTATIONS..KEEP).contains(&rotations), "{rotations}");
    assert_eq!(told_as_dropped(&stage, OVER), dropped);
    let stderr = stage.gateway.stderr();
    assert!(stderr.contains("cannot write access.jsonl: "), "{stderr}");
    expect_other_laws(&stage).await;
}

#[tokio::test]
async fn a_gateway_that_ends_while_it_is_full_says_what_is_missing() {
    let Some(volume) = Volume::mount_for(ENDING, VOLUME_BYTES) else {
        return;
    };
    // From 95 % on no access lines are written, and what the gateway has to say still is.
    volume.fill_with(VOLUME_BYTES * 97 / 100);
    let stage = Stage::with(plain::chat("yes"), logging_to(&volume)).await;
    for _ in 0..3 {
        assert_eq!(stage.chat().send().await.status, 200);
    }
    assert_eq!(stage.gateway.stop().await, 0);
    assert_eq!(stage.gateway.access_lines(), Vec::<Value>::new());
    assert_eq!(told_as_dropped(&stage, "; logging ends"), 3);
    expect_other_laws(&stage).await;
}
