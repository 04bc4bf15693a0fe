//! Finds the record of a key, or makes one, while others do the same.
//!
//! Records are taken in order and never given back, so two processes that look for the same key meet at the same record.
//! A key is longer than what can be swapped at once: it is written word by word, and each word that is there stays. Who is
//! killed between two of them leaves the beginning of a key, which the next one to look for that key completes; for
//! everybody else the record is taken.

use super::cell::Word;

/// What a record bears to say whose it is; no word of it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marks {
    pub key: [u64; 2],
    pub address: u64,
}

/// The words of one record; all are 0 before it is taken.
pub struct Record<'a, W> {
    pub key: [&'a W; 2],
    pub address: &'a W,
    /// The breaker itself.
    pub word: &'a W,
}

/// The index of the record that bears `marks` from now on; none when all are taken by others.
pub fn claim<'a, W: Word + 'a>(
    mut records: impl Iterator<Item = Record<'a, W>>,
    marks: &Marks,
) -> Option<usize> {
    records.position(|record| record.bears(marks))
}

impl<W: Word> Record<'_, W> {
    pub fn is_taken(&self) -> bool {
        self.key[0].load() != 0
    }

    fn bears(&self, marks: &Marks) -> bool {
        let [first, second] = self.key;
        holds(first, marks.key[0])
            && holds(second, marks.key[1])
            && holds(self.address, marks.address)
    }
}

/// Whether `value` stands there from now on, whoever wrote it.
fn holds<W: Word>(place: &W, value: u64) -> bool {
    match place.load() {
        0 => match place.compare_exchange(0, value) {
            Ok(_) => true,
            Err(found) => found == value,
        },
        found => found == value,
    }
}
