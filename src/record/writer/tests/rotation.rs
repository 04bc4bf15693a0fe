//! Rotation while others write: nothing is lost, split or told twice.

use super::*;

/// Small enough for a thousand rotations of 40,000 lines.
const TINY: LogOptions = LogOptions {
    max_bytes: 2 << 10,
    keep: 100_000,
    ..PLENTY
};

/// Threads that number their lines, and wait now and then so that none has to be dropped.
fn steady_load(files: &LogFiles, numbers: &Sequence, threads: u64, lines: u64) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(move || {
                for line in 0..lines {
                    let seq = numbers.next();
                    let padding = "x".repeat((seq * 7 % 90) as usize);
                    let text = format!("{{\"seq\":{seq},\"pad\":\"{padding}\"}}");
                    assert!(files.send(LogFile::Access, text.as_bytes()));
                    if line % 1000 == 0 {
                        assert!(files.flush(soon()));
                    }
                }
            });
        }
    });
}

#[test]
fn no_line_is_lost_split_or_doubled_at_a_thousand_rotations_under_load() {
    let place = tempfile::tempdir().unwrap();
    let files = LogFiles::open(place.path(), TINY).unwrap();
    let sequence = Sequence::default();
    steady_load(&files, &sequence, 8, 5_000);
    assert!(files.flush_and_close(soon()));
    let old = OldFiles::list(place.path(), "access").unwrap();
    let rotations = old.kept(u32::MAX).count();
    assert!(rotations >= 1000, "only {rotations} rotations");
    let compressed = old.kept(u32::MAX).filter(|(_, forms)| forms.compressed);
    assert!(compressed.count() > 0, "none was compressed meanwhile");
    assert_eq!(files.dropped(LogFile::Access), 0);
    assert!(numbers(place.path(), LogFile::Access)
        .into_iter()
        .eq(1..=40_000));
}

#[test]
fn a_file_taken_away_by_somebody_else_keeps_its_lines_and_the_rest_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let files = LogFiles::open(place.path(), TINY).unwrap();
    let sequence = Sequence::default();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| steady_load(&files, &sequence, 4, 5_000));
        let mut taken = 0;
        while !load.is_finished() {
            let to = elsewhere.path().join(format!("{taken}"));
            taken += u32::from(fs::rename(place.path().join("access.jsonl"), to).is_ok());
            std::thread::yield_now();
        }
        assert!(taken > 0);
    });
    assert!(files.flush_and_close(soon()));
    let mut all = String::new();
    for entry in fs::read_dir(elsewhere.path()).unwrap() {
        all += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    let taken = all.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).expect("a whole line");
        line["seq"].as_u64().unwrap()
    });
    let mut distinct: BTreeSet<u64> = taken.collect();
    assert_eq!(distinct.len(), all.lines().count());
    let here = fs::metadata(place.path().join("access.jsonl")).is_ok();
    assert!(here || files.dropped(LogFile::Access) == 0);
    if !here {
        fs::write(place.path().join("access.jsonl"), "").unwrap();
    }
    let rest = numbers(place.path(), LogFile::Access);
    assert!(distinct.is_disjoint(&rest));
    distinct.extend(rest);
    assert_eq!(
        distinct.len() as u64 + files.dropped(LogFile::Access),
        20_000
    );
}

#[test]
fn everything_that_is_ever_in_the_folder_is_ours_alone() {
    use std::os::unix::fs::MetadataExt;
    let place = tempfile::tempdir().unwrap();
    let files = LogFiles::open(place.path(), TINY).unwrap();
    let sequence = Sequence::default();
    let mut seen = BTreeSet::new();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| steady_load(&files, &sequence, 2, 5_000));
        loop {
            let is_last = load.is_finished();
            for entry in fs::read_dir(place.path()).unwrap() {
                let entry = entry.unwrap();
                let Ok(about) = fs::symlink_metadata(entry.path()) else {
                    continue;
                };
                assert_eq!(about.mode() & 0o7777, 0o600, "{:?}", entry.path());
                let name = entry.file_name().into_string().unwrap();
                seen.insert(name.rsplit('.').next().unwrap().to_owned());
            }
            if is_last && seen.contains("gz") {
                break;
            }
        }
    });
    assert!(seen.contains("jsonl"));
    assert_eq!(fs::metadata(place.path()).unwrap().mode() & 0o7777, 0o700);
}

/// Not a judge but a gauge: `cargo test --release rotation_pause -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, only meaningful in a release build"]
fn rotation_pause() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::open(place.path()).unwrap().lock().unwrap();
    let options = LogOptions {
        max_bytes: 64 << 20,
        ..PLENTY
    };
    let mut sinks = Sinks::open(folder, options).unwrap();
    let lines = [b"x".repeat(599), b"\n".to_vec()].concat().repeat(100);
    let (mut usual, mut rotating) = (Vec::new(), Vec::new());
    for _ in 0..20 * (64 << 20) / lines.len() {
        let begun = Instant::now();
        sinks
            .write(LogFile::Access, &lines, begun, SystemTime::now())
            .unwrap();
        let took = begun.elapsed();
        let size = fs::metadata(place.path().join("access.jsonl"))
            .unwrap()
            .len();
        match size < lines.len() as u64 * 2 {
            true => rotating.push(took),
            false => usual.push(took),
        }
    }
    for (what, times) in [("usual", &mut usual), ("with a rotation", &mut rotating)] {
        times.sort();
        println!(
            "a write of 60 kB, {what}: {:?} median, {:?} p99, {:?} max of {}",
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            times[times.len() - 1],
            times.len()
        );
    }
}
