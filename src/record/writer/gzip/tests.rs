use super::*;
use std::cell::Cell;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::time::SystemTime;

use super::super::old_file::Moment;

struct Case {
    folder: tempfile::TempDir,
    paths: Paths,
}

impl Case {
    fn new(text: &[u8]) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let moment = Moment::after(None, SystemTime::UNIX_EPOCH).unwrap();
        let paths = Paths::new(folder.path(), "access", moment);
        fs::write(&paths.plain, text).unwrap();
        Case { folder, paths }
    }

    fn compress(&self) -> io::Result<Outcome> {
        compress(self.folder.path(), &self.paths, || false)
    }

    /// Which of the three forms are there.
    fn forms(&self) -> [bool; 3] {
        let paths = &self.paths;
        [&paths.plain, &paths.compressed, &paths.unfinished].map(|path| path.exists())
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut text)
        .unwrap();
    text
}

/// Some chunks, and none of them like another.
fn long_text() -> Vec<u8> {
    (0..40_000_u32)
        .flat_map(|n| format!("{{\"n\":{n}}}\n").into_bytes())
        .collect()
}

#[test]
fn the_compressed_form_takes_the_plain_ones_place() {
    let case = Case::new(&long_text());
    assert_eq!(case.compress().unwrap(), Outcome::Compressed);
    assert_eq!(case.forms(), [false, true, false]);
    assert_eq!(unpacked(&case.paths.compressed), long_text());
    let mode = fs::metadata(&case.paths.compressed)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn an_empty_file_is_compressed_too() {
    let case = Case::new(b"");
    case.compress().unwrap();
    assert_eq!(unpacked(&case.paths.compressed), b"");
}

#[test]
fn whenever_it_is_stopped_the_plain_form_is_left() {
    let chunks = long_text().len().div_ceil(CHUNK_BYTES);
    assert!(chunks > 3);
    for looks in 0..chunks {
        let case = Case::new(&long_text());
        let left = Cell::new(looks);
        let stopped = || left.replace(left.get().saturating_sub(1)) == 0;
        let outcome = compress(case.folder.path(), &case.paths, stopped).unwrap();
        assert_eq!(outcome, Outcome::Stopped, "after {looks} chunks");
        assert_eq!(case.forms(), [true, false, false]);
    }
}

#[test]
fn a_file_that_cannot_be_read_stays_as_it_is() {
    let case = Case::new(b"");
    fs::remove_file(&case.paths.plain).unwrap();
    fs::create_dir(&case.paths.plain).unwrap();
    assert!(case.compress().is_err());
    assert_eq!(case.forms(), [true, false, false]);
}

#[test]
fn nothing_is_read_or_written_through_a_link() {
    let case = Case::new(b"{}\n");
    let precious = case.folder.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, &case.paths.unfinished).unwrap();
    assert!(case.compress().is_err());
    assert_eq!(fs::read(&precious).unwrap(), b"precious");

    fs::remove_file(&case.paths.unfinished).unwrap();
    fs::remove_file(&case.paths.plain).unwrap();
    symlink(&precious, &case.paths.plain).unwrap();
    assert!(case.compress().is_err());
    assert_eq!(case.forms(), [true, false, false]);
}

#[test]
fn two_forms_with_the_same_lines_become_one() {
    let case = Case::new(&long_text());
    case.compress().unwrap();
    fs::write(&case.paths.plain, long_text()).unwrap();
    settle(&case.paths, || false).unwrap();
    assert_eq!(case.forms(), [false, true, false]);
}

#[test]
fn a_stop_settles_nothing() {
    let case = Case::new(&long_text());
    case.compress().unwrap();
    fs::write(&case.paths.plain, long_text()).unwrap();
    settle(&case.paths, || true).unwrap();
    assert_eq!(case.forms(), [true, true, false]);
}

#[test]
fn two_forms_with_other_lines_are_both_left() {
    let case = Case::new(&long_text());
    case.compress().unwrap();
    let half = &long_text()[..CHUNK_BYTES * 2];
    for other in [
        half,
        b"",
        b"{}\n",
        &[long_text().as_slice(), b"more\n"].concat(),
    ] {
        fs::write(&case.paths.plain, other).unwrap();
        settle(&case.paths, || false).unwrap();
        assert_eq!(case.forms(), [true, true, false]);
        assert_eq!(fs::read(&case.paths.plain).unwrap(), other);
    }
}

#[test]
fn a_truncated_compressed_form_is_not_taken_for_the_whole() {
    let case = Case::new(&long_text());
    case.compress().unwrap();
    fs::write(&case.paths.plain, long_text()).unwrap();
    let whole = fs::read(&case.paths.compressed).unwrap();
    for cut in [0, 5, whole.len() / 2, whole.len() - 1] {
        fs::write(&case.paths.compressed, &whole[..cut]).unwrap();
        settle(&case.paths, || false).unwrap();
        assert_eq!(case.forms(), [true, true, false], "{cut} bytes");
    }
}

/// Not a judge but a gauge: `cargo test --release compression_speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, only meaningful in a release build"]
fn compression_speed() {
    const BYTES: usize = 64 << 20;
    let mut text = Vec::with_capacity(BYTES + 1024);
    for n in 0_u64.. {
        let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let line = format!(
            "{{\"ts\":\"2026-01-02T03:04:05.{:03}Z\",\"correlation_id\":\"{id:016x}{:016x}\",\
             \"caller\":\"agent-{}\",\"route\":\"chat\",\"lane\":\"interactive\",\"upstream\":\"local\",\
             \"status\":200,\"code\":\"ok\",\"attempts\":1,\"queue_seconds\":0.{:06},\
             \"first_token_seconds\":0.{:06},\"duration_seconds\":{}.{:06},\"bytes_in\":{},\
             \"bytes_out\":{},\"prompt_tokens\":{},\"completion_tokens\":{},\"seq\":{n}}}\n",
            n % 1000,
            id.rotate_left(17),
            id % 20,
            id % 999_983,
            id % 999_979,
            id % 60,
            id % 999_961,
            id % 30_011,
            id % 90_001,
            id % 8_191,
            id % 2_039,
        );
        text.extend_from_slice(line.as_bytes());
        if text.len() >= BYTES {
            break;
        }
    }
    let case = Case::new(&text);
    let begun = std::time::Instant::now();
    case.compress().unwrap();
    let took = begun.elapsed();
    let packed = fs::metadata(&case.paths.compressed).unwrap().len();
    println!("64 MiB became {packed} bytes in {took:?}");
}
