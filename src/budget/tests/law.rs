//! What holds whatever happens, in whatever order.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use proptest::prelude::*;

use super::*;
use crate::budget::Reservation;

/// Something that happens.
#[derive(Debug, Clone)]
enum Step {
    Reserve {
        both: bool,
        tokens: u64,
    },
    /// Of the requests under way, this one; it uses so many percent of what it reserved.
    Settle(usize, u64),
    Drop(usize),
    Send(usize),
    Wait(u64),
    Limit(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 0..80_u64).prop_map(|(both, tokens)| Step::Reserve { both, tokens }),
        2 => (any::<usize>(), 0..=100_u64).prop_map(|(which, percent)| Step::Settle(which, percent)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Send),
        1 => (0..90_u64).prop_map(Step::Wait),
        1 => (1..200_u64).prop_map(Step::Limit),
    ]
}

/// The same, counted by hand.
#[derive(Default)]
struct Truth {
    /// By request: the minute it began in, what it counts, and whether it is over.
    requests: BTreeMap<usize, (u64, u64, bool)>,
}

impl Truth {
    fn tokens(&self, minute: u64) -> u64 {
        let of_it = self.requests.values().filter(|it| it.0 == minute);
        of_it.map(|it| it.1).sum()
    }
}

struct Held {
    number: usize,
    reserved: u64,
    is_sent: bool,
    reservation: Reservation,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_window_is_overshot_by_more_than_one_request(steps in prop::collection::vec(step(), 1..120)) {
        let budgets = Budgets::forgetful();
        let configure = |tokens, now| {
            let anna = limits(ANNA, budget(tokens, Window::Minute), rate(20, Window::Minute));
            budgets.configure(&[anna, limits(CHAT, budget(150, Window::Hour), None)], now);
        };
        let mut limit = 100;
        let mut most_limit = BTreeMap::new();
        let mut seconds = 0;
        configure(limit, at(0));
        let mut truth = Truth::default();
        let mut sent: BTreeMap<u64, u64> = BTreeMap::new();
        let mut held: Vec<Held> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let now = at(seconds);
            let minute = seconds / 60;
            let most = most_limit.entry(minute).or_insert(limit);
            *most = limit.max(*most);
            match step {
                Step::Reserve { both, tokens } => {
                    let accounts = if both { vec![ANNA, CHAT] } else { vec![ANNA] };
                    let reserved = tokens.max(1);
                    let before = truth.tokens(minute);
                    let counted = *sent.get(&minute).unwrap_or(&0);
                    match budgets.reserve_alone(&accounts, tokens, now) {
                        Ok(reservation) => {
                            prop_assert!(before < limit && counted < 20);
                            truth.requests.insert(number, (minute, reserved, false));
                            *sent.entry(minute).or_insert(0) += 1;
                            held.push(Held { number, reserved, is_sent: false, reservation });
                        }
                        Err(_) if both => {}
                        Err(_) => prop_assert!(before >= limit || counted >= 20),
                    }
                }
                Step::Settle(which, percent) if !held.is_empty() => {
                    let it = held.swap_remove(which % held.len());
                    let used = it.reserved * percent / 100;
                    truth.requests.get_mut(&it.number).unwrap().1 = used;
                    it.reservation.settle(used);
                }
                Step::Drop(which) if !held.is_empty() => {
                    let it = held.swap_remove(which % held.len());
                    let entry = truth.requests.get_mut(&it.number).unwrap();
                    entry.1 = 0;
                    if !it.is_sent {
                        *sent.get_mut(&entry.0).unwrap() -= 1;
                    }
                    drop(it.reservation);
                }
                Step::Send(which) if !held.is_empty() => {
                    let which = which % held.len();
                    held[which].is_sent = true;
                    held[which].reservation.sent();
                }
                Step::Wait(more) => seconds += more,
                Step::Limit(tokens) => {
                    limit = tokens;
                    configure(limit, now);
                }
                Step::Settle(..) | Step::Drop(_) | Step::Send(_) => {}
            }
            let minute = seconds / 60;
            let tokens = truth.tokens(minute);
            // The largest request reserves 79.
            let most = *most_limit.get(&minute).unwrap_or(&limit);
            prop_assert!(tokens < most.max(limit) + 79);
            let remaining = budgets.remaining(&[ANNA], at(seconds));
            prop_assert_eq!(remaining.tokens.unwrap().remaining, limit.saturating_sub(tokens));
            let counted = *sent.get(&minute).unwrap_or(&0);
            prop_assert_eq!(remaining.requests.unwrap().remaining, 20_u64.saturating_sub(counted));
        }
        held.clear();
        let status = budgets.status(at(seconds));
        prop_assert!(status.iter().all(|it| it.reserved == 0));
    }
}

#[test]
fn threads_that_reserve_at_once_share_one_limit() {
    let budgets = of_anna(budget(1_000, Window::Minute), rate(150, Window::Minute));
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (budgets, barrier) = (budgets.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                let tries = (0..100).filter_map(|_| budgets.reserve_alone(&[ANNA], 7, at(0)).ok());
                tries.collect::<Vec<_>>()
            })
        })
        .collect();
    let held: Vec<Reservation> = threads
        .into_iter()
        .flat_map(|it| it.join().unwrap())
        .collect();
    // 142 of them are 994: one more begins below the limit.
    assert_eq!(held.len(), 143);
    drop(held);
    assert_eq!(tokens_left(&budgets, at(0)), 1_000);
    assert_eq!(requests_left(&budgets, at(0)), 150);
}
