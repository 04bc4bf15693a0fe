//! Every order in which threads or processes can reach a breaker's word.

use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use sidegate_loom::breaker::cell::{read, tell, Word};
use sidegate_loom::breaker::claim::{claim, Marks, Record};
use sidegate_loom::breaker::state::{Epoch, Event, Outcome, Phase, Rule, State};
use sidegate_loom::breaker::time::BootMillis;
use sidegate_loom::breaker::word::pack;

const NOW: BootMillis = BootMillis::new(1_000_000);
const LATER: BootMillis = BootMillis::new(1_000_001);
const ASK: Event = Event::Ask {
    lease: Duration::from_secs(65),
};

/// The word of one breaker.
struct Cell(AtomicU64);

impl Word for Cell {
    fn load(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        self.0
            .compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

fn cell(phase: Phase) -> Arc<Cell> {
    let epoch = Epoch::new(1);
    Arc::new(Cell(AtomicU64::new(pack(State { epoch, phase }))))
}

fn closed(failures: u16, borrowed: u16) -> Phase {
    Phase::Closed { failures, borrowed }
}

fn open(until: BootMillis) -> Phase {
    Phase::Open { failures: 5, until }
}

fn half_open(until: BootMillis) -> Phase {
    Phase::HalfOpen { failures: 5, until }
}

fn success(epoch: u16) -> Event {
    let epoch = Epoch::new(epoch);
    Event::Success { epoch }
}

fn failure(epoch: u16, threshold: u32) -> Event {
    let epoch = Epoch::new(epoch);
    let rule = Rule::new(threshold, Duration::from_secs(300));
    Event::Failure { epoch, rule }
}

/// Everybody tells the breaker something at the same time; what each was answered, in their order.
fn all_at_once(cell: &Arc<Cell>, events: &[Event]) -> Vec<Outcome> {
    let threads: Vec<_> = events
        .iter()
        .map(|event| {
            let (cell, event) = (Arc::clone(cell), *event);
            thread::spawn(move || tell(&*cell, event, NOW))
        })
        .collect();
    let join = |thread: thread::JoinHandle<Outcome>| thread.join().unwrap();
    threads.into_iter().map(join).collect()
}

fn count(outcomes: &[Outcome], what: fn(&Outcome) -> bool) -> usize {
    outcomes.iter().filter(|outcome| what(outcome)).count()
}

fn is_probe(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Probe { .. })
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { .. })
}

#[test]
fn of_three_who_ask_one_is_the_probe() {
    loom::model(|| {
        let cell = cell(open(NOW));
        let outcomes = all_at_once(&cell, &[ASK, ASK, ASK]);
        assert_eq!(count(&outcomes, is_probe), 1);
        assert_eq!(count(&outcomes, is_refused), 2);
    });
}

#[test]
fn of_three_failures_one_opens_it() {
    loom::model(|| {
        let cell = cell(closed(0, 0));
        let outcomes = all_at_once(&cell, &[failure(1, 2), failure(1, 2), failure(1, 2)]);
        let opened = |outcome: &Outcome| *outcome == Outcome::Opened;
        assert_eq!(count(&outcomes, opened), 1);
        let state = read(&*cell);
        assert_eq!(state.epoch, Epoch::new(2));
        assert!(matches!(state.phase, Phase::Open { failures: 2, .. }));
    });
}

#[test]
fn no_failure_is_lost() {
    loom::model(|| {
        let cell = cell(closed(0, 0));
        all_at_once(&cell, &[failure(1, 9), failure(1, 9), failure(1, 9)]);
        assert_eq!(read(&*cell).phase, closed(3, 0));
    });
}

#[test]
fn a_dead_probe_that_speaks_up_either_closes_it_or_comes_too_late() {
    loom::model(|| {
        let cell = cell(half_open(NOW));
        let outcomes = all_at_once(&cell, &[success(1), ASK, ASK]);
        let (dead, asked) = outcomes.split_first().unwrap();
        match dead {
            Outcome::Closed => {
                let go = |outcome: &Outcome| matches!(outcome, Outcome::Go { .. });
                assert_eq!(count(asked, go), 2);
            }
            Outcome::Ignored => {
                assert_eq!((count(asked, is_probe), count(asked, is_refused)), (1, 1));
                assert!(matches!(read(&*cell).phase, Phase::HalfOpen { .. }));
            }
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn old_reports_never_reach_the_probe() {
    loom::model(|| {
        let cell = cell(half_open(LATER));
        let outcomes = all_at_once(&cell, &[failure(0, 1), success(0), success(1)]);
        use Outcome::{Closed, Ignored};
        assert_eq!(outcomes, [Ignored, Ignored, Closed]);
        assert_eq!(read(&*cell).phase, closed(0, 0));
    });
}

#[test]
fn the_place_of_a_probe_that_left_goes_to_one_other() {
    loom::model(|| {
        let cell = cell(half_open(LATER));
        let epoch = Epoch::new(1);
        let outcomes = all_at_once(&cell, &[Event::Left { epoch }, ASK, ASK]);
        let probes = count(&outcomes, is_probe);
        let next = usize::from(is_probe(&tell(&*cell, ASK, NOW)));
        assert_eq!(probes + next, 1);
    });
}

#[test]
fn a_reset_and_the_probes_failure_leave_it_closed_or_open_and_never_in_between() {
    loom::model(|| {
        let cell = cell(half_open(LATER));
        let outcomes = all_at_once(&cell, &[Event::Reset, failure(1, 5)]);
        assert_eq!(outcomes[0], Outcome::Closed, "a reset always closes");
        assert_eq!(read(&*cell).phase, closed(0, 0));
    });
}

#[test]
fn what_was_borrowed_is_given_back_exactly() {
    loom::model(|| {
        let cell = cell(closed(2, 1));
        let rule = Rule::new(9, Duration::from_secs(300));
        let events = [Event::Unreachable { rule }, Event::Reachable, failure(1, 9)];
        all_at_once(&cell, &events);
        let phase = read(&*cell).phase;
        assert!([closed(2, 0), closed(3, 1)].contains(&phase), "{phase:?}");
    });
}

/// An empty table of two records.
struct Table([[Cell; 4]; 2]);

impl Table {
    fn new() -> Table {
        let record = || [0; 4].map(|zero| Cell(AtomicU64::new(zero)));
        Table([record(), record()])
    }

    fn claim(&self, marks: Marks) -> Option<usize> {
        let records = self.0.iter().map(|[first, second, address, word]| Record {
            key: [first, second],
            address,
            word,
        });
        claim(records, &marks)
    }
}

const FIRST: Marks = Marks {
    key: [1, 2],
    address: 3,
};
const SECOND: Marks = Marks {
    key: [4, 5],
    address: 3,
};
/// Begins like the first.
const ALIKE: Marks = Marks {
    key: [1, 6],
    address: 3,
};

/// Both claim at the same time; then everybody looks again.
fn claimed(table: Table, mine: Marks, theirs: Marks) -> [Option<usize>; 2] {
    let table = Arc::new(table);
    let other = {
        let table = Arc::clone(&table);
        thread::spawn(move || table.claim(theirs))
    };
    let found = [table.claim(mine), other.join().unwrap()];
    assert_eq!([table.claim(mine), table.claim(theirs)], found);
    found
}

#[test]
fn two_who_want_the_same_record_get_the_same() {
    loom::model(|| {
        assert_eq!(claimed(Table::new(), FIRST, FIRST), [Some(0), Some(0)]);
    });
}

#[test]
fn two_who_want_different_records_get_different_ones() {
    for other in [SECOND, ALIKE] {
        loom::model(move || {
            let mut found = claimed(Table::new(), FIRST, other);
            found.sort_unstable();
            assert_eq!(found, [Some(0), Some(1)]);
        });
    }
}

#[test]
fn what_a_killed_process_began_is_completed_by_one_of_those_it_fits() {
    loom::model(|| {
        let table = Table::new();
        assert!(table.0[0][0].compare_exchange(0, FIRST.key[0]).is_ok());
        let mut found = claimed(table, FIRST, ALIKE);
        found.sort_unstable();
        assert_eq!(found, [Some(0), Some(1)]);
    });
    loom::model(|| {
        let table = Table::new();
        assert!(table.0[0][0].compare_exchange(0, FIRST.key[0]).is_ok());
        assert_eq!(claimed(table, FIRST, SECOND), [Some(0), Some(1)]);
    });
}
