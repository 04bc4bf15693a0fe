//! What real servers really sent, for tests: the exchanges under `tests/fixtures`, each with its server's version and date.

use std::fs;
use std::path::{Path, PathBuf};

const SEPARATOR: &[u8] = b"\n=====8<===== answer =====8<=====\n";

/// One recorded exchange.
pub struct Recorded {
    /// `llama.cpp` or `vllm`.
    pub family: String,
    /// The file's name without its ending.
    pub case: String,
    /// The request's target.
    pub target: String,
    pub request_body: Vec<u8>,
    /// The raw answer, framing included.
    pub answer: Vec<u8>,
}

/// All of them. There are many, or the fixtures are gone and the tests over them would assert nothing.
pub fn all() -> Vec<Recorded> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut recorded = Vec::new();
    for family in folders(&root) {
        for version in folders(&family) {
            for file in files(&version) {
                recorded.push(read(&family, &file));
            }
        }
    }
    assert!(
        recorded.len() >= 80,
        "only {} recorded exchanges",
        recorded.len()
    );
    recorded
}

fn folders(path: &Path) -> Vec<PathBuf> {
    entries(path)
        .into_iter()
        .filter(|entry| entry.is_dir())
        .collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    let recordings = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "http");
    entries(path).into_iter().filter(recordings).collect()
}

fn entries(path: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

fn read(family: &Path, file: &Path) -> Recorded {
    let bytes = fs::read(file).unwrap();
    let at = memchr::memmem::find(&bytes, SEPARATOR).expect("a separator");
    let (request, answer) = (&bytes[..at], &bytes[at + SEPARATOR.len()..]);
    let body = memchr::memmem::find(request, b"\r\n\r\n").map_or(request.len(), |at| at + 4);
    let first_line = request.split(|&b| b == b'\r').next().unwrap();
    let first_line = String::from_utf8_lossy(first_line).into_owned();
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    Recorded {
        family: family.file_name().unwrap().to_string_lossy().into_owned(),
        case: name(file),
        target: first_line.split(' ').nth(1).unwrap().to_owned(),
        request_body: request[body..].to_vec(),
        answer: answer.to_vec(),
    }
}
