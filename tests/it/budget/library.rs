//! What only the library can show of shared counts: with patience that a busy machine can't use up, with requests that are
//! dropped in the middle, with two gateways of one name, and with a store that not everybody has come back to.
//!
//! These stand with the tests of the real binary because they need a real Redis; the module `budget` is used directly, and says
//! here itself what time it is. What the binary makes of it is in [`super::shared`].

use std::future::Future;
use std::time::Duration;

use sidegate::budget::{
    share, Account, AccountLimits, Address, Budgets, Exhausted, Kind, Reservation, Scope, Sharing,
    Store,
};
use sidegate::config::{Budget, Rate, Window};
use tokio::task::JoinHandle;

use super::redis::Redis;
use super::*;

const ANNA: Account<'static> = Account {
    scope: Scope::Caller,
    name: "anna",
};

const CHAT: Account<'static> = Account {
    scope: Scope::Route,
    name: "chat",
};

/// Noon of some day: no window ends while a test runs.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(20_000 * DAY + DAY / 2)
}

/// A gateway's counts with their exchange.
struct Member {
    budgets: Budgets,
    exchange: JoinHandle<()>,
}

impl Member {
    fn of(budgets: Budgets, address: Address, tokens: u64, requests: u64) -> Member {
        // Long enough for a machine that is busy with other tests.
        let patience = Duration::from_secs(5);
        let store = Store { address, patience };
        Member::with(budgets, store, tokens, requests)
    }

    fn with(budgets: Budgets, store: Store, tokens: u64, requests: u64) -> Member {
        let per = Window::Day;
        let anna = AccountLimits {
            scope: ANNA.scope,
            name: ANNA.name.to_owned(),
            budget: Some(Budget { tokens, per }),
            rate: Some(Rate { requests, per }),
        };
        let chat = AccountLimits {
            scope: CHAT.scope,
            name: CHAT.name.to_owned(),
            budget: Some(Budget {
                tokens: 1 << 40,
                per: Window::Hour,
            }),
            rate: None,
        };
        budgets.configure(&[anna, chat], noon());
        let exchange = tokio::spawn(share(budgets.clone(), store, noon));
        Member { budgets, exchange }
    }

    async fn start(redis: &Redis, tokens: u64, requests: u64) -> Member {
        let gateway = Member::of(
            Budgets::forgetful(),
            Address::new(&redis.url()),
            tokens,
            requests,
        );
        gateway.is_together().await;
        gateway
    }

    async fn is_together(&self) {
        until("counts are shared", || async {
            self.budgets.sharing() == Sharing::Together
        })
        .await;
    }

    async fn is_alone(&self) {
        until("the gateway counts alone", || async {
            matches!(self.budgets.sharing(), Sharing::Alone { .. })
        })
        .await;
    }

    async fn reserve(&self, tokens: u64) -> Result<Reservation, Exhausted> {
        self.budgets.reserve(&[ANNA, CHAT], tokens, noon()).await
    }

    /// What this gateway has counted for anna, and what it believes of the others.
    fn counted(&self, kind: Kind) -> (u64, u64) {
        let status = self.budgets.status(noon());
        let meter = status
            .iter()
            .find(|it| it.scope == Scope::Caller && it.kind == kind)
            .unwrap();
        (meter.used + meter.reserved, meter.others)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.exchange.abort();
    }
}

/// Looks again and again until it is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let is_so = async || match is_so().await {
        true => Ok(()),
        false => Err("not yet".to_string()),
    };
    eventually(what, is_so).await;
}

async fn sum(redis: &Redis, kind: &str) -> u64 {
    redis.sum(kind, "caller").await
}

/// The store holds what the gateways have counted, and each knows of the others.
async fn counts_meet(redis: &Redis, gateways: &[&Member]) {
    for kind in Kind::ALL {
        until("the counts meet", || async {
            let own: u64 = gateways.iter().map(|it| it.counted(kind).0).sum();
            let knows = |it: &&Member| {
                let (own_count, others) = it.counted(kind);
                own_count + others == own
            };
            sum(redis, kind.as_str()).await == own && gateways.iter().all(knows)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_overshoot_by_one_request_at_most() {
    let redis = Redis::start().await;
    let one = Member::start(&redis, 1_000, 150).await;
    let other = Member::start(&redis, 1_000, 150).await;
    let tries: Vec<_> = (0..400)
        .map(|number| {
            let budgets = if number % 2 == 0 {
                one.budgets.clone()
            } else {
                other.budgets.clone()
            };
            tokio::spawn(async move { budgets.reserve(&[ANNA, CHAT], 7, noon()).await.ok() })
        })
        .collect();
    let mut held = Vec::new();
    for attempt in tries {
        held.extend(attempt.await.unwrap());
    }
    let was_shared = [&one, &other].map(|it| it.budgets.sharing());
    assert_eq!(was_shared, [Sharing::Together, Sharing::Together]);
    assert_eq!(held.len(), 143, "143 requests of 7 are 1,001");
    counts_meet(&redis, &[&one, &other]).await;
    assert_eq!(sum(&redis, "requests").await, 143);
    for (number, mut reservation) in held.into_iter().enumerate() {
        reservation.sent();
        match number % 2 {
            0 => reservation.settle(5),
            _ => drop(reservation),
        }
    }
    counts_meet(&redis, &[&one, &other]).await;
    assert_eq!(sum(&redis, "tokens").await, 72 * 5);
    assert_eq!(sum(&redis, "requests").await, 143);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_exact_over_two_gateways() {
    let redis = Redis::start().await;
    let one = Member::start(&redis, 1 << 40, 31).await;
    let other = Member::start(&redis, 1 << 40, 31).await;
    let mut granted = 0;
    for _ in 0..40 {
        for gateway in [&one, &other] {
            if let Ok(held) = gateway.reserve(1).await {
                held.settle(1);
                granted += 1;
            }
        }
    }
    assert_eq!(granted, 31);
    let refusal = other.reserve(1).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.limit), (Kind::Requests, 31));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_settled_is_free_for_the_next_request_at_once() {
    let redis = Redis::start().await;
    let gateway = Member::start(&redis, 100, 1 << 40).await;
    for _ in 0..20 {
        let held = gateway.reserve(4_096).await.unwrap();
        assert!(gateway.reserve(1).await.is_err());
        held.settle(2);
    }
    counts_meet(&redis, &[&gateway]).await;
    assert_eq!(sum(&redis, "tokens").await, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_not_come_back_yet_still_counts() {
    let mut redis = Redis::start().await;
    let one = Member::start(&redis, 1_000, 1_000).await;
    let other = Member::start(&redis, 1_000, 1_000).await;
    other.reserve(900).await.unwrap().settle(900);
    counts_meet(&redis, &[&one, &other]).await;
    drop(other);
    redis.die();
    one.reserve(50).await.unwrap().settle(50);
    one.is_alone().await;
    redis.come_back().await;
    one.is_together().await;
    one.reserve(50).await.unwrap().settle(50);
    let refusal = one.reserve(1).await.unwrap_err();
    assert_eq!((refusal.kind, refusal.limit), (Kind::Tokens, 1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_through_an_outage_leaks_nothing() {
    let mut redis = Redis::start().await;
    let one = Member::start(&redis, 1 << 40, 1 << 40).await;
    let other = Member::start(&redis, 1 << 40, 1 << 40).await;
    let traffic: Vec<_> = [&one, &other]
        .into_iter()
        .flat_map(|gateway| (0..4).map(|_| gateway.budgets.clone()))
        .map(|budgets| {
            tokio::spawn(async move {
                for number in 0..300_u64 {
                    let mut held = budgets.reserve(&[ANNA, CHAT], 10, noon()).await.unwrap();
                    held.sent();
                    tokio::task::yield_now().await;
                    match number % 3 {
                        0 => drop(held),
                        _ => held.settle(3),
                    }
                }
            })
        })
        .collect();
    until("some of it is through", || async {
        one.counted(Kind::Requests).0 > 50
    })
    .await;
    redis.die();
    for task in traffic {
        task.await.unwrap();
    }
    redis.come_back().await;
    one.is_together().await;
    other.is_together().await;
    counts_meet(&redis, &[&one, &other]).await;
    assert_eq!(sum(&redis, "tokens").await, 8 * 200 * 3);
    assert_eq!(sum(&redis, "requests").await, 8 * 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_nobody_waits_for_give_back() {
    let redis = Redis::start().await;
    let gateway = Member::start(&redis, 1_000, 1_000).await;
    for _ in 0..100 {
        let reserve = gateway.reserve(5);
        // Asked once, then dropped: its client has left.
        let _ = tokio::time::timeout(Duration::ZERO, reserve).await;
    }
    until("nothing is reserved", || async {
        gateway.counted(Kind::Tokens).0 == 0 && gateway.counted(Kind::Requests).0 == 0
    })
    .await;
    counts_meet(&redis, &[&gateway]).await;
    assert_eq!(sum(&redis, "requests").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_of_one_name_find_out() {
    let redis = Redis::start().await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("budgets.json");
    let (first, _) = Budgets::open(&ledger, noon());
    first.save_if_changed();
    let (copy, _) = Budgets::open(&ledger, noon());
    let one = Member::of(first, Address::new(&redis.url()), 1_000, 1_000);
    one.is_together().await;
    let other = Member::of(copy, Address::new(&redis.url()), 1_000, 1_000);
    until("they count apart", || async {
        let names: Vec<String> = redis.ask(&["KEYS", "sidegate:{budget}:1:exchange:*"]).await;
        names.len() >= 2
    })
    .await;
    one.is_together().await;
    other.is_together().await;
    one.reserve(10).await.unwrap().settle(10);
    other.reserve(20).await.unwrap().settle(20);
    counts_meet(&redis, &[&one, &other]).await;
    assert_eq!(sum(&redis, "tokens").await, 30);
}
