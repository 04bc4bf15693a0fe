//! All breakers that this process knows: those in the file, and those that found no place there.
//!
//! The file has a fixed size and its records are never given back before the next reboot. A key that finds it full gets a
//! breaker in a table of the same shape in private memory: it works, nobody else sees it.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::OnceLock;

use super::claim::{claim, Marks, Record};
use super::layout::{record_at, records, FILE_WORDS};
use crate::platform::SharedWords;

/// One table, and the next for what it has no place for.
pub struct Tables {
    memory: Memory,
    next: OnceLock<Box<Tables>>,
}

enum Memory {
    Shared(SharedWords),
    Private(Box<[AtomicU64]>),
}

/// Which breaker of this process: the same as long as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SlotId {
    table: usize,
    index: usize,
}

impl Tables {
    pub fn shared(words: SharedWords) -> Tables {
        Tables::of(Memory::Shared(words))
    }

    pub fn private() -> Tables {
        let words = (0..FILE_WORDS).map(|_| AtomicU64::new(0)).collect();
        Tables::of(Memory::Private(words))
    }

    fn of(memory: Memory) -> Tables {
        Tables {
            memory,
            next: OnceLock::new(),
        }
    }

    pub fn is_shared(&self) -> bool {
        matches!(self.memory, Memory::Shared(_))
    }

    /// The breaker of this key, a new one where it has none yet.
    pub fn claim(&self, marks: &Marks) -> SlotId {
        let mut tables = self;
        let mut table = 0;
        loop {
            if let Some(index) = claim(tables.records(), marks) {
                return SlotId { table, index };
            }
            tables = tables.next.get_or_init(|| Box::new(Tables::private()));
            table += 1;
        }
    }

    /// The word of a breaker that [`Tables::claim`] has returned.
    pub fn word(&self, id: SlotId) -> &AtomicU64 {
        let record = self
            .all()
            .nth(id.table)
            .and_then(|table| record_at(table.words(), id.index));
        match record {
            Some(record) => record.word,
            None => unreachable!("an id is made by claiming a record, and records stay"),
        }
    }

    /// The breakers of all models at an address.
    pub fn at_address(&self, address: u64) -> impl Iterator<Item = (SlotId, &AtomicU64)> {
        self.taken()
            .filter(move |(_, record)| super::cell::Word::load(record.address) == address)
            .map(|(id, record)| (id, record.word))
    }

    /// How many breakers found no place in the first table.
    pub fn beyond_the_first(&self) -> usize {
        self.taken().filter(|(id, _)| id.table > 0).count()
    }

    fn taken(&self) -> impl Iterator<Item = (SlotId, Record<'_, AtomicU64>)> {
        self.all().enumerate().flat_map(|(table, tables)| {
            let taken = tables.records().take_while(Record::is_taken).enumerate();
            taken.map(move |(index, record)| (SlotId { table, index }, record))
        })
    }

    fn all(&self) -> impl Iterator<Item = &Tables> {
        std::iter::successors(Some(self), |tables| tables.next.get().map(|next| &**next))
    }

    fn records(&self) -> impl Iterator<Item = Record<'_, AtomicU64>> {
        records(self.words())
    }

    fn words(&self) -> &[AtomicU64] {
        match &self.memory {
            Memory::Shared(words) => words.as_slice(),
            Memory::Private(words) => words,
        }
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tables")
            .field("shared", &self.is_shared())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
