//! A volume that fills up and is emptied again: the counts add up, and nobody has to help.

use super::super::gzip;
use super::super::old_file::{Moment, Paths};
use super::*;
use std::path::PathBuf;
use std::process::Command;

/// A volume of its own, of so many bytes; needs root.
struct SmallVolume {
    place: tempfile::TempDir,
}

impl SmallVolume {
    /// None where nothing can be mounted, which is said.
    fn mount(bytes: u64) -> Option<SmallVolume> {
        let place = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={bytes},mode=0700"))
            .arg("tmpfs")
            .arg(place.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallVolume { place });
        }
        eprintln!("SKIPPED: no volume can be mounted here");
        None
    }

    fn logs(&self) -> PathBuf {
        self.place.path().join("logs")
    }

    fn ballast(&self) -> PathBuf {
        self.place.path().join("ballast")
    }

    /// To the last byte.
    fn fill(&self) {
        use std::io::Write;
        let mut ballast = File::create(self.ballast()).unwrap();
        while ballast.write_all(&[b'x'; 4096]).is_ok() {}
    }
}

impl Drop for SmallVolume {
    fn drop(&mut self) {
        let unmount = |more: &[&str]| {
            let mut command = Command::new("umount");
            let output = command.args(more).arg(self.place.path()).output();
            output.is_ok_and(|output| output.status.success())
        };
        // A writer of a test that failed, or a housekeeper on a slow disk, may have a file open there.
        if !unmount(&[]) {
            unmount(&["--lazy"]);
        }
    }
}

const OPTIONS: LogOptions = LogOptions {
    max_bytes: 64 << 10,
    keep: 1000,
    alert_percent: 80,
    ..PLENTY
};

fn send(files: &LogFiles, sequence: &Sequence, lines: u64) {
    for _ in 0..lines {
        let seq = sequence.next();
        let text = format!("{{\"seq\":{seq},\"pad\":\"{}\"}}", "x".repeat(500));
        files.send(LogFile::Access, text.as_bytes());
    }
    assert!(files.flush(soon()));
}

/// What is compressed later makes room on a volume that was full.
fn wait_until_compressed(place: &Path) {
    let is_done = || {
        let old = OldFiles::list(place, "access").unwrap();
        let done = old.kept(u32::MAX).all(|(_, forms)| !forms.plain);
        done && old.unfinished.is_empty()
    };
    let deadline = soon();
    while !is_done() {
        assert!(Instant::now() < deadline, "old files stay plain");
        std::thread::yield_now();
    }
}

fn told(place: &Path) -> Vec<String> {
    let lines = lines(place, LogFile::Gateway);
    let messages = lines.iter().map(|line| line["message"].as_str().unwrap());
    messages.map(str::to_owned).collect()
}

#[test]
fn a_full_volume_in_between_costs_counted_lines_and_is_over_by_itself() {
    let Some(volume) = SmallVolume::mount(8 << 20) else {
        return;
    };
    let files = LogFiles::open(&volume.logs(), OPTIONS).unwrap();
    let sequence = Sequence::default();
    send(&files, &sequence, 1000);
    assert_eq!(files.dropped(LogFile::Access), 0);

    wait_until_compressed(&volume.logs());
    volume.fill();
    // The page that is begun is filled, then the volume is at its end.
    send(&files, &sequence, 1000);
    let dropped_when_full = files.dropped(LogFile::Access);
    assert!(dropped_when_full > 500, "{dropped_when_full}");

    fs::remove_file(volume.ballast()).unwrap();
    // Measured again at once, rather than in a few seconds.
    files.reconfigure(&volume.logs(), OPTIONS).unwrap();
    assert!(files.flush(soon()));
    send(&files, &sequence, 1000);
    assert_eq!(files.dropped(LogFile::Access), dropped_when_full);
    assert!(files.flush_and_close(soon()));

    let written = numbers(&volume.logs(), LogFile::Access);
    assert!(written.contains(&3000));
    assert_eq!(written.len() as u64 + files.dropped(LogFile::Access), 3000);
    let told = told(&volume.logs());
    assert_eq!(told.len(), 1, "{told:?}");
    let beginning = format!("{dropped_when_full} lines of access.jsonl were dropped between ");
    assert!(told[0].starts_with(&beginning), "{told:?}");
}

#[test]
fn above_95_per_cent_access_lines_are_counted_and_the_others_written() {
    let Some(volume) = SmallVolume::mount(8 << 20) else {
        return;
    };
    fs::write(volume.ballast(), vec![0; (8 << 20) * 96 / 100]).unwrap();
    let files = LogFiles::open(&volume.logs(), OPTIONS).unwrap();
    assert_eq!(files.allowance(), Allowance::NoAccessLines);
    let sequence = Sequence::default();
    send(&files, &sequence, 10);
    files.send(LogFile::RawErrors, b"{}");
    fs::remove_file(volume.ballast()).unwrap();
    files.reconfigure(&volume.logs(), OPTIONS).unwrap();
    assert!(files.flush(soon()));
    send(&files, &sequence, 1);
    assert_eq!(files.allowance(), Allowance::Everything);
    assert!(files.flush_and_close(soon()));

    assert_eq!(files.dropped(LogFile::Access), 10);
    assert_eq!(lines(&volume.logs(), LogFile::RawErrors).len(), 1);
    assert!(numbers(&volume.logs(), LogFile::Access)
        .into_iter()
        .eq([11]));
    let told = told(&volume.logs());
    let cause =
        ": the volume is 96 % full, and from 95 % on no access lines are written; logging goes on";
    assert!(told[0].ends_with(cause), "{told:?}");
}

#[test]
fn a_file_that_has_no_room_to_be_compressed_stays_plain_until_it_has() {
    let Some(volume) = SmallVolume::mount(1 << 20) else {
        return;
    };
    let moment = Moment::after(None, SystemTime::UNIX_EPOCH).unwrap();
    let paths = Paths::new(volume.place.path(), "access", moment);
    fs::write(&paths.plain, noise(300 << 10)).unwrap();
    volume.fill();
    let compress = || gzip::compress(volume.place.path(), &paths, || false);
    let error = compress().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(paths.plain.exists() && !paths.compressed.exists() && !paths.unfinished.exists());

    fs::remove_file(volume.ballast()).unwrap();
    compress().unwrap();
    assert!(!paths.plain.exists());
    assert_eq!(unpacked(&paths.compressed).as_bytes(), noise(300 << 10));
}

/// Text that hardly becomes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let words = (1_u64..).map(|n| n.wrapping_mul(n ^ 0x9e37_79b9_7f4a_7c15));
    let text = words.flat_map(|word| format!("{word:x}").into_bytes());
    text.take(bytes).collect()
}
