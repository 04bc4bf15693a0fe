use proptest::prelude::*;

use super::*;

const BASE: Duration = Duration::from_secs(60);
const MAX: Duration = Duration::from_secs(600);
const KIB: u64 = 1 << 10;

/// A server that reads `bytes` a second.
fn reading(bytes: u64, speed: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / speed as f64)
}

fn taught(times: usize, bytes: u64, took: Duration) -> Prefill {
    let prefill = Prefill::new();
    for _ in 0..times {
        prefill.learn(bytes, took);
    }
    prefill
}

#[test]
fn a_long_prompt_on_a_mac_is_no_hang() {
    // 146,000 tokens in 1186 s, as seen on an M3 Ultra.
    let bytes = 146_000 * 4;
    let limit = Prefill::new().limit(BASE, Duration::from_secs(3600), bytes);
    assert!(limit > Duration::from_secs(1186), "{limit:?}");
}

#[test]
fn twenty_seconds_of_silence_for_200_tokens_is_one() {
    let limit = Prefill::new().limit(Duration::from_secs(10), MAX, 200 * 4);
    assert!(limit < Duration::from_secs(13), "{limit:?}");
}

#[test]
fn a_base_above_the_maximum_is_kept() {
    assert_eq!(Prefill::new().limit(MAX, BASE, 100 * KIB), MAX);
}

#[test]
fn a_slow_server_is_learned_within_a_few_answers() {
    // 30 tokens a second: a 70B model on an M1 Max.
    let bytes = 40 * KIB;
    let took = reading(bytes, 120);
    let prefill = taught(3, bytes, took);
    assert!(prefill.allowance(bytes) > took);
}

#[test]
fn a_fast_server_is_learned_in_the_end() {
    let bytes = 400 * KIB;
    let took = reading(bytes, 40_000);
    let prefill = taught(3000, bytes, took);
    let allowance = prefill.allowance(bytes);
    assert!(allowance >= took * 3, "{allowance:?}");
    assert!(allowance < took * 4, "{allowance:?}");
}

#[test]
fn a_prompt_that_is_not_cached_outlasts_a_hundred_that_were() {
    let bytes = 200 * KIB;
    let cold = reading(bytes, 400);
    let prefill = Prefill::new();
    for _ in 0..20 {
        prefill.learn(bytes, cold);
        for _ in 0..100 {
            prefill.learn(bytes, Duration::from_millis(200));
        }
        let limit = prefill.limit(BASE, Duration::from_secs(3600), bytes);
        assert!(limit > cold, "{limit:?} {cold:?}");
    }
}

#[test]
fn one_long_queue_is_not_taken_for_the_servers_speed() {
    let bytes = 10 * KIB;
    let prefill = taught(5000, bytes, reading(bytes, 40_000));
    let before = prefill.allowance(bytes);
    prefill.learn(bytes, Duration::from_secs(300));
    let after = prefill.allowance(bytes);
    assert!(after > before);
    assert!(after < before * 3, "{before:?} {after:?}");
}

#[test]
fn silence_that_was_given_up_makes_room_for_the_next_one() {
    let bytes = 200 * KIB;
    let real = reading(bytes, 400);
    let prefill = taught(5000, bytes, reading(bytes, 40_000));
    let mut given_up = 0;
    loop {
        let limit = prefill.limit(BASE, MAX, bytes);
        if limit >= real.min(MAX) {
            break;
        }
        prefill.learn(bytes, limit);
        given_up += 1;
        assert!(given_up < 6, "{limit:?} of {real:?}");
    }
    assert!(given_up > 0);
}

#[test]
fn a_short_prompt_teaches_nothing() {
    let prefill = Prefill::new();
    let before = prefill.allowance(KIB);
    prefill.learn(8 * KIB - 1, Duration::from_secs(1000));
    prefill.learn(0, Duration::from_secs(1000));
    assert_eq!(prefill.allowance(KIB), before);
    prefill.learn(8 * KIB, Duration::from_secs(1000));
    assert!(prefill.allowance(KIB) > before);
}

#[test]
fn nothing_seen_is_believed_to_be_slower_than_ten_tokens_a_second() {
    let prefill = taught(1000, 8 * KIB, Duration::MAX);
    assert!(prefill.allowance(40) <= Duration::from_secs(3));
}

#[test]
fn what_the_cache_held_was_not_read() {
    assert_eq!(fresh_bytes(40_000, 10_000, 9_000), 4_000);
    assert_eq!(fresh_bytes(40_000, 10_000, 0), 40_000);
    assert_eq!(fresh_bytes(40_000, 10_000, 10_000), 0);
    assert_eq!(fresh_bytes(40_000, 10_000, 10_001), 40_000);
    assert_eq!(fresh_bytes(40_000, 0, 0), 40_000);
    assert_eq!(fresh_bytes(u64::MAX, u64::MAX, 1), u64::MAX - 1);
}

proptest! {
    #[test]
    fn the_limit_is_never_below_base_nor_above_max_and_grows_with_the_prompt(
        lessons in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..50),
        base in 0u64..100_000_000, more in 0u64..100_000_000,
        one in any::<u64>(), other in prop_oneof![any::<u64>(), 0u64..10_000_000],
    ) {
        let prefill = Prefill::new();
        for (bytes, nanos) in lessons {
            prefill.learn(bytes, Duration::from_nanos(nanos));
        }
        let base = Duration::from_millis(base);
        let max = base + Duration::from_millis(more);
        let (short, long) = (one.min(other), one.max(other));
        let limit = |bytes| prefill.limit(base, max, bytes);
        prop_assert!(limit(short) <= limit(long));
        prop_assert!(limit(short) >= base);
        prop_assert!(limit(long) <= max);
        prop_assert_eq!(limit(0), base);
        prop_assert!(prefill.allowance(short) <= prefill.allowance(long));
    }

    #[test]
    fn what_is_known_stays_within_its_bounds(lessons in proptest::collection::vec(any::<u64>(), 0..300)) {
        let mut known = UNLEARNED_NANOS / MARGIN;
        for seen in lessons {
            known = blend(known, seen);
            prop_assert!((FASTEST_NANOS..=SLOWEST_NANOS).contains(&known));
        }
    }

    #[test]
    fn one_lesson_of_a_slower_server_never_shortens_the_allowance(
        bytes in 8 * KIB..(64 << 20), took in 0u64..10_000, faster in 0usize..2000,
    ) {
        let prefill = taught(faster, 100 * KIB, Duration::from_millis(10));
        let before = prefill.allowance(bytes);
        let took = Duration::from_secs(took);
        prefill.learn(bytes, took);
        let after = prefill.allowance(bytes);
        prop_assert!(after >= before || took < before);
    }
}
