use std::sync::atomic::Ordering;
use std::thread;

use super::super::layout::SLOTS;
use super::*;

fn marks(number: u64) -> Marks {
    let key = [number + 1, u64::MAX - number];
    let address = number / 4 + 1;
    Marks { key, address }
}

#[test]
fn a_key_has_the_same_breaker_every_time_and_no_other_key_has_it() {
    let tables = Tables::private();
    let ids: Vec<SlotId> = (0..50).map(|n| tables.claim(&marks(n))).collect();

    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();

    assert_eq!(distinct.len(), 50);
    for (n, id) in (0..).zip(ids) {
        assert_eq!(tables.claim(&marks(n)), id);
    }
}

#[test]
fn threads_that_look_for_the_same_keys_find_the_same_breakers() {
    let tables = Tables::private();
    let claim_all = |first: u64| {
        let mut ids: Vec<_> = (0..100)
            .map(|n| (n * 7 + first) % 100)
            .map(|n| (n, tables.claim(&marks(n))))
            .collect();
        ids.sort_unstable_by_key(|(n, _)| *n);
        ids
    };
    let found = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|first| scope.spawn(move || claim_all(first * 13)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    for other in &found {
        assert_eq!(other, &found[0]);
    }
    assert_eq!(tables.taken().count(), 100);
}

#[test]
fn the_models_of_an_address_are_found_by_it() {
    let tables = Tables::private();
    let ids: Vec<SlotId> = (0..8).map(|n| tables.claim(&marks(n))).collect();

    let there: Vec<SlotId> = tables.at_address(2).map(|(id, _)| id).collect();

    assert_eq!(there, ids[4..8]);
    assert_eq!(tables.at_address(9).count(), 0);
}

#[test]
fn a_key_that_was_half_written_is_completed_by_the_next_who_looks_for_it() {
    for written in 1..=2 {
        let tables = Tables::private();
        let words = [marks(3).key[0], marks(3).key[1]];
        let record = tables.records().next().unwrap();
        for (place, word) in record.key.into_iter().zip(words).take(written) {
            place.store(word, Ordering::Release);
        }

        let other = tables.claim(&marks(4));
        let id = tables.claim(&marks(3));

        assert_eq!((id.index, other.index), (0, 1), "{written} words written");
        assert_eq!(tables.at_address(marks(3).address).count(), 1);
    }
}

#[test]
fn keys_that_begin_alike_are_told_apart() {
    let tables = Tables::private();
    let alike = |second| Marks {
        key: [1, second],
        address: 1,
    };
    assert_ne!(tables.claim(&alike(1)), tables.claim(&alike(2)));
}

#[test]
fn a_full_table_has_another_one_behind_it() {
    let tables = Tables::private();
    let many = SLOTS as u64 * 2 + 1;
    let ids: Vec<SlotId> = (0..many).map(|n| tables.claim(&marks(n))).collect();

    assert_eq!(tables.beyond_the_first(), SLOTS + 1);
    let last = *ids.last().unwrap();
    assert_eq!(last.table, 2);
    assert_eq!(tables.claim(&marks(many - 1)), last);
    tables.word(last).store(7, Ordering::Release);
    assert_eq!(tables.word(ids[0]).load(Ordering::Acquire), 0);
    // One address may have models in two tables.
    assert_eq!(tables.at_address(marks(SLOTS as u64).address).count(), 4);
}
