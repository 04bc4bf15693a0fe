//! Adds the counts of several gateways up in a Redis or Valkey.
//!
//! For every meter and window there is a hash with a field for each gateway: its own count. What all have counted is the
//! sum. A gateway only ever writes its own field, and writes it whole, so the counts meet again exactly whatever was lost,
//! in an answer, in a connection, or in the store (`books/exchange.rs` says what is exchanged, `script.lua` what the store
//! does with it in one step).
//!
//! The rule a reader would break: **no request waits for a store that has just failed**. The first failure closes the door
//! through which requests come; it opens again after a whole exchange on a new connection, in which the store has heard all
//! our counts. Settling and giving back never wait: they are news for the next exchange.
//!
//! # What other gateways' counts are worth
//!
//! A store that comes back may be empty, and others may need up to [`LONGEST_PAUSE`] to notice. For [`DOUBT`] after
//! connecting, what we last saw of them counts at least.
//!
//! # Messages that arrive late
//!
//! Every exchange has a number, one higher than the last one that the store has seen from us. A message of an earlier
//! connection that is still on its way finds a higher number there and changes nothing. A number that somebody else has
//! used up means that another gateway runs under our name (a copied state folder): we take a new one.

mod link;
mod message;
mod pause;
mod sharing;
mod store;
mod why;

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{interval, sleep, Interval, MissedTickBehavior};

use super::books::{Exchange, Reply, Wish};
use super::budgets::{Answer, Ask, Budgets, Door};
use super::reservation::Reservation;
use crate::clock;
use link::Link;
use pause::Pause;

pub use sharing::Sharing;
pub use store::{Address, Store};
pub use why::Why;

use pause::LONGEST_PAUSE;

/// Requests that wait for an exchange at most; more of them decide alone.
const WAITING: usize = 1_024;

/// Requests of one exchange at most.
const ASKS: usize = 128;

/// How often the others' counts are fetched when nothing else is said, and a dead store is found out.
const LOOK: Duration = Duration::from_secs(1);

/// How long others may take to come back to a store that has lost their counts.
const DOUBT: Duration = LONGEST_PAUSE.saturating_mul(2);

/// Shares the counts of `budgets` with all gateways that use the `store`, for as long as it is polled.
///
/// When it is dropped each request is decided alone again. `wall` says what time it is; one of these at a time.
pub async fn share(budgets: Budgets, store: impl Into<Store>, wall: fn() -> SystemTime) {
    let store = store.into();
    let _off = Off(&budgets);
    let mut pause = Pause::default();
    sharing::alone(&budgets, Why::NotYet, &store.address, wall());
    loop {
        let why = match Link::open(&store, &budgets.gateway()).await {
            Ok(link) => {
                let connected = clock::now();
                let why = Counter::new(&budgets, link, wall).serve(&store).await;
                if clock::now().saturating_duration_since(connected) > DOUBT {
                    pause = Pause::default();
                }
                why
            }
            Err(why) => why,
        };
        if why == Why::NameTaken {
            budgets.rename_gateway();
        }
        sharing::alone(&budgets, why, &store.address, wall());
        sleep(pause.next()).await;
    }
}

/// Ends the sharing when dropped.
struct Off<'a>(&'a Budgets);

impl Drop for Off<'_> {
    fn drop(&mut self) {
        self.0.set_sharing(Sharing::Off, None);
    }
}

/// One connection's work.
struct Counter<'a> {
    budgets: &'a Budgets,
    link: Link,
    wall: fn() -> SystemTime,
    /// What counts as news beside news.
    wish: Wish,
    /// When the store's word on others is believed.
    believed_from: Instant,
}

impl Counter<'_> {
    fn new(budgets: &Budgets, link: Link, wall: fn() -> SystemTime) -> Counter<'_> {
        budgets.with_books(|books| books.doubt());
        Counter {
            budgets,
            link,
            wall,
            wish: Wish {
                from: Some(0),
                is_doubting: true,
            },
            believed_from: clock::now() + DOUBT,
        }
    }

    /// Goes on until something fails, and says what. Requests that wait then are told by their closed channels.
    async fn serve(&mut self, store: &Store) -> Why {
        while self.wish.from.is_some() {
            if let Err(why) = self.exchange(Vec::new()).await {
                return why;
            }
        }
        let (sender, mut asks) = mpsc::channel(WAITING);
        let door = Door {
            asks: sender,
            patience: store.patience,
        };
        sharing::together(self.budgets, door, &store.address);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let asks = self.wait(&mut asks, &mut look).await;
            if let Err(why) = self.exchange(asks).await {
                return why;
            }
        }
    }

    /// Waits until there is something to say or to ask.
    async fn wait(&mut self, asks: &mut mpsc::Receiver<Ask>, look: &mut Interval) -> Vec<Ask> {
        let mut waiting = Vec::new();
        if self.wish.from.is_some() {
            // An exchange was too small for all of it: go on, with whoever waits by now.
            while let Ok(ask) = asks.try_recv() {
                waiting.push(ask);
                if waiting.len() == ASKS {
                    break;
                }
            }
            return waiting;
        }
        tokio::select! {
            _ = asks.recv_many(&mut waiting, ASKS) => {}
            () = self.budgets.news() => {}
            _ = look.tick() => self.wish.from = Some(0),
        }
        waiting
    }

    /// One round trip: says what is new, asks for those who wait, and tells them.
    async fn exchange(&mut self, asks: Vec<Ask>) -> Result<(), Why> {
        let now = (self.wall)();
        self.wish.is_doubting = clock::now() < self.believed_from;
        let wish = self.wish;
        let exchange = self
            .budgets
            .with_books(|books| books.draw_up(asks, wish, now));
        let (reply, is_complete) = self.link.exchange(&exchange, now).await?;
        self.wish.from = match is_complete {
            true => exchange.next,
            // The store has forgotten us: it hears everything again, and so do the others it has forgotten.
            false => {
                self.believed_from = clock::now() + DOUBT;
                Some(0)
            }
        };
        if exchange.has_more {
            self.budgets.wake();
        }
        if !is_complete {
            self.budgets.with_books(|books| books.doubt());
        }
        self.tell(exchange, &reply);
        Ok(())
    }

    /// Outside of the lock: a reservation that nobody waits for any more takes it to give itself back.
    fn tell(&self, exchange: Exchange<Answer>, reply: &Reply) {
        let mut outcomes = Vec::with_capacity(exchange.asks.len());
        self.budgets.with_books(|books| {
            books.take_in(exchange, reply, |answer, outcome| {
                outcomes.push((answer, outcome));
            });
        });
        for (answer, outcome) in outcomes {
            let outcome = outcome.map(|parts| Reservation::new(self.budgets.clone(), parts));
            let _gone = answer.send(outcome);
        }
    }
}
