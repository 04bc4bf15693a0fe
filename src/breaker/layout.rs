//! What stands where in the file: one header, then the records, all of four words in this machine's byte order.
//!
//! | record | words                                                                    |
//! |--------|--------------------------------------------------------------------------|
//! | first  | magic; version and number of slots; the boot's id (2)                    |
//! | others | hash of address and model (2); hash of the address; the breaker's word   |
//!
//! A new layout is a new version **and a new file name**: a process of the old one may still have this file mapped.

use super::claim::Record;
use crate::platform::BootId;

pub const RECORD_WORDS: usize = 4;

/// Two pages of Apple Silicon, eight of most others.
pub const FILE_BYTES: usize = 32 * 1024;

pub const FILE_WORDS: usize = FILE_BYTES / 8;

/// All records but the header. Far more than one host's upstreams have models.
pub const SLOTS: usize = FILE_WORDS / RECORD_WORDS - 1;

pub const MAGIC: u64 = u64::from_ne_bytes(*b"sidegate");

pub const VERSION: u32 = 1;

/// Version and number of slots.
pub const LAYOUT: u64 = (VERSION as u64) << 32 | SLOTS as u64;

const _: () = assert!(
    FILE_BYTES.is_multiple_of(16 * 1024),
    "whole pages, on Apple Silicon too"
);

/// The header of a new file.
pub fn header(boot: BootId) -> [u64; RECORD_WORDS] {
    let [first, second] = boot_words(boot);
    [MAGIC, LAYOUT, first, second]
}

pub fn boot_words(boot: BootId) -> [u64; 2] {
    let id = u128::from_be_bytes(boot.to_bytes());
    [(id >> 64) as u64, id as u64]
}

/// The records behind the header.
pub fn records<W>(words: &[W]) -> impl Iterator<Item = Record<'_, W>> {
    let chunks = words.chunks_exact(RECORD_WORDS).skip(1);
    chunks.filter_map(record)
}

/// One of them.
pub fn record_at<W>(words: &[W], index: usize) -> Option<Record<'_, W>> {
    words
        .chunks_exact(RECORD_WORDS)
        .skip(1)
        .nth(index)
        .and_then(record)
}

fn record<W>(words: &[W]) -> Option<Record<'_, W>> {
    let [first, second, address, word] = words else {
        return None;
    };
    Some(Record {
        key: [first, second],
        address,
        word,
    })
}
