//! What requests use: the books behind a lock, and the way to the other gateways.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, Notify};
use tokio::time::timeout;

use super::account::{Account, AccountLimits, Kind};
use super::books::{self, Books, MeterStatus, Part};
use super::exhausted::Exhausted;
use super::headroom::Remaining;
use super::ledger::{Ledger, Problem};
use super::reservation::Reservation;
use super::shared::Sharing;

/// How a waiting request is told. A reservation that nobody takes is dropped, and so given back.
pub(super) type Answer = oneshot::Sender<Result<Reservation, Exhausted>>;

type Outcome = oneshot::Receiver<Result<Reservation, Exhausted>>;

pub(super) type Ask = books::Ask<Answer>;

/// All budgets and rates of this process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Budgets {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    counts: Mutex<Counts>,
    ledger: Mutex<Ledger>,
    /// Tells the exchange that there is news.
    news: Notify,
}

#[derive(Debug)]
struct Counts {
    books: Books,
    sharing: Sharing,
    /// To whoever asks all gateways; none while this one counts alone.
    door: Option<Door>,
}

/// The way to whoever asks all gateways.
#[derive(Debug, Clone)]
pub(super) struct Door {
    pub asks: mpsc::Sender<Ask>,
    /// How long a request waits for an outcome.
    pub patience: Duration,
}

impl Budgets {
    /// Goes on from the ledger at `path`, if there is a good one. A bad one is set aside, and counts begin at zero.
    pub fn open(path: &Path, now: SystemTime) -> (Budgets, Option<Problem>) {
        let (ledger, past, problem) = Ledger::open(path);
        let mut books = Books::new();
        books.restore(past, now);
        (Budgets::with(books, ledger), problem)
    }

    /// Counts that no file keeps.
    pub fn forgetful() -> Budgets {
        Budgets::with(Books::new(), Ledger::nowhere())
    }

    fn with(books: Books, ledger: Ledger) -> Budgets {
        let counts = Counts {
            books,
            sharing: Sharing::Off,
            door: None,
        };
        Budgets {
            inner: Arc::new(Inner {
                counts: Mutex::new(counts),
                ledger: Mutex::new(ledger),
                news: Notify::new(),
            }),
        }
    }

    /// From now on these limits hold and no others; counts stay, and requests under way are left alone.
    pub fn configure(&self, limits: &[AccountLimits], now: SystemTime) {
        self.counts().books.configure(limits, now);
    }

    /// Reserves `tokens` and a request in every account that has a limit, or nothing at all.
    ///
    /// Where counts are shared this asks all gateways' counts, in one exchange and with little patience; without an answer it
    /// decides alone. May be dropped at any time: then nothing stays reserved.
    ///
    /// # Errors
    /// The limit that is used up.
    pub async fn reserve(
        &self,
        accounts: &[Account<'_>],
        tokens: u64,
        now: SystemTime,
    ) -> Result<Reservation, Exhausted> {
        if let Some((outcome, patience)) = self.ask(accounts, tokens, now)? {
            if let Ok(Ok(outcome)) = timeout(patience, outcome).await {
                return outcome;
            }
        }
        self.reserve_alone(accounts, tokens, now)
    }

    /// Like [`Budgets::reserve`], by what is known here: our own count and what was last seen of the others'.
    ///
    /// # Errors
    /// The limit that is used up.
    pub fn reserve_alone(
        &self,
        accounts: &[Account<'_>],
        tokens: u64,
        now: SystemTime,
    ) -> Result<Reservation, Exhausted> {
        let mut counts = self.counts();
        let parts = counts.books.parts(accounts, tokens, now);
        counts.books.reserve(&parts)?;
        self.tell_news(&counts);
        Ok(Reservation::new(self.clone(), parts))
    }

    /// Puts the request before all gateways, if there is a way to, and if our own count doesn't rule it out already.
    fn ask(
        &self,
        accounts: &[Account<'_>],
        tokens: u64,
        now: SystemTime,
    ) -> Result<Option<(Outcome, Duration)>, Exhausted> {
        let mut counts = self.counts();
        let Some(door) = counts.door.clone() else {
            return Ok(None);
        };
        let parts = counts.books.parts(accounts, tokens, now);
        if parts.is_empty() {
            return Ok(None);
        }
        if let Some(exhausted) = counts.books.own_limit_reached(&parts) {
            return Err(exhausted);
        }
        let (answer, outcome) = oneshot::channel();
        // Too many wait already, or nobody answers any more.
        let is_asked = door.asks.try_send(Ask { parts, answer }).is_ok();
        Ok(is_asked.then_some((outcome, door.patience)))
    }

    /// What is left for a request to these accounts, the tightest of each kind.
    pub fn remaining(&self, accounts: &[Account<'_>], now: SystemTime) -> Remaining {
        self.counts().books.remaining(accounts, now)
    }

    /// Every limit with its count: callers first, then by name.
    pub fn status(&self, now: SystemTime) -> Vec<MeterStatus> {
        self.counts().books.status(now)
    }

    /// Whether counts are shared with other gateways at this moment.
    pub fn sharing(&self) -> Sharing {
        self.counts().sharing.clone()
    }

    /// Writes the ledger if anything has changed since it was written. To be called about once a second, and at the end,
    /// where waiting for a disk is no harm. A disk that refuses is reported in the log once, until it is well again.
    pub fn save_if_changed(&self) {
        let mut ledger = self.ledger();
        let changes = self.counts().books.changes();
        if ledger.is_behind(changes) {
            let past = self.counts().books.past();
            ledger.save(&past, changes);
        }
    }

    pub(super) fn settle(&self, parts: &[Part], tokens: u64) {
        let mut counts = self.counts();
        counts.books.settle(parts, tokens);
        self.tell_news(&counts);
    }

    pub(super) fn release(&self, parts: &[Part], kinds: &[Kind]) {
        let mut counts = self.counts();
        counts.books.release(parts, kinds);
        self.tell_news(&counts);
    }

    fn tell_news(&self, counts: &Counts) {
        if counts.door.is_some() {
            self.inner.news.notify_one();
        }
    }

    /// A panic while the lock was held leaves plain numbers behind: they are as good as before.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        let counts = self.inner.counts.lock();
        counts.unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let ledger = self.inner.ledger.lock();
        ledger.unwrap_or_else(PoisonError::into_inner)
    }
}

/// For the exchange with other gateways.
impl Budgets {
    /// Our name among the gateways; stays the same over restarts.
    pub(super) fn gateway(&self) -> String {
        self.ledger().gateway().to_owned()
    }

    /// Takes another name, because somebody else has ours.
    pub(super) fn rename_gateway(&self) {
        self.ledger().rename_gateway();
    }

    /// Ends when something has changed since it ended last.
    pub(super) async fn news(&self) {
        self.inner.news.notified().await;
    }

    pub(super) fn wake(&self) {
        self.inner.news.notify_one();
    }

    /// Works on the books; whatever `work` needs a reservation for, it makes of the parts itself.
    pub(super) fn with_books<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.counts().books)
    }

    /// Changes whether counts are shared, and who is asked. Returns how it was.
    pub(super) fn set_sharing(&self, sharing: Sharing, door: Option<Door>) -> Sharing {
        let mut counts = self.counts();
        counts.door = door;
        std::mem::replace(&mut counts.sharing, sharing)
    }
}
