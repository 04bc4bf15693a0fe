//! What stands in a log's files, also in the compressed ones.
//!
//! A file may be at any stage of its way into a `.gz` while it is read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

/// How every gzip file begins (RFC 1952, 2.3.1).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// More than any test logs: a file that unpacks to more is not read to its end.
const MOST_BYTES: u64 = 256 << 20;

/// What these bytes hold when they are compressed, by what they are and not by a name; as much of it as can be unpacked.
pub fn inside(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    // Half a file, or one with rubbish at its end, has told what it could.
    let _ = MultiGzDecoder::new(bytes)
        .take(MOST_BYTES)
        .read_to_end(&mut text);
    bytes.starts_with(&MAGIC).then_some(text)
}

/// The text of one file, unpacked where its name says that it is compressed.
///
/// # Errors
/// There is no such file, or it is no whole `.gz`.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    match path.extension().is_some_and(|ending| ending == "gz") {
        true => MultiGzDecoder::new(file).read_to_end(&mut bytes)?,
        false => (&file).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// The names of the old files of the log `stem` as they were before they were compressed, the oldest first.
pub fn old_files(folder: &Path, stem: &str) -> BTreeSet<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| name.starts_with(&format!("{stem}-")))
        .map(|name| name.trim_end_matches(".gz").to_string())
        .filter(|name| name.ends_with(".jsonl"))
        .collect()
}

/// All that was logged there, the oldest first, each old file once in whatever form it is.
pub fn whole_log(folder: &Path, stem: &str) -> String {
    let mut text = Vec::new();
    for name in old_files(folder, stem) {
        // The plain form goes when the other one is whole; a file that has neither was one too many.
        let forms = [format!("{name}.gz"), name.clone(), format!("{name}.gz")];
        let found = forms.iter().find_map(|form| read(&folder.join(form)).ok());
        text.extend(found.unwrap_or_default());
    }
    // The last: what is moved aside meanwhile is missed and not read twice.
    text.extend(read(&folder.join(format!("{stem}.jsonl"))).unwrap_or_default());
    String::from_utf8_lossy(&text).into_owned()
}
