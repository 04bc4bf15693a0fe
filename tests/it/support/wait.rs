//! Waiting for things to happen, never for time to pass.
//!
//! Each wait has a deadline, and its panic names what never came: that name is all that a failed test in a
//! log of thousands of lines has to say for itself.

use std::fmt::Display;
use std::future::Future;
use std::ops::AsyncFnMut;
use std::time::Duration;

use tokio::sync::watch;

/// How long a test waits for anything, unless it says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How often a file or a metric is looked at again: those can't wake anybody.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The future's result, or a panic that names `what` never came.
pub async fn within<T>(
    deadline: Duration,
    what: impl Display,
    future: impl Future<Output = T>,
) -> T {
    match tokio::time::timeout(deadline, future).await {
        Ok(value) => value,
        Err(_) => panic!("never came within {deadline:?}: {what}"),
    }
}

/// Looks until `probe` is satisfied; its last complaint stands in the panic after [`DEADLINE`].
pub async fn eventually<T>(what: impl Display, probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    match try_eventually(DEADLINE, probe).await {
        Ok(value) => value,
        Err(complaint) => panic!("never came within {DEADLINE:?}: {what}; last seen: {complaint}"),
    }
}

/// A look may take longer than the whole deadline on a busy machine: it must not be the only one.
const LEAST_LOOKS: usize = 3;

/// Looks until `probe` is satisfied or `deadline` has passed; then its last complaint.
pub async fn try_eventually<T>(
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, String> {
    let end = tokio::time::Instant::now() + deadline;
    for look in 1.. {
        let complaint = match probe().await {
            Ok(value) => return Ok(value),
            Err(complaint) => complaint,
        };
        if look >= LEAST_LOOKS && tokio::time::Instant::now() >= end {
            return Err(complaint);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    unreachable!("there is always another look")
}

/// Shared state that wakes those who wait for a change of it.
#[derive(Debug)]
pub struct Board<T>(watch::Sender<T>);

impl<T: Default> Default for Board<T> {
    fn default() -> Self {
        Board(watch::Sender::new(T::default()))
    }
}

impl<T> Board<T> {
    /// Changes the state and wakes everyone who waits.
    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut result = None;
        self.0.send_modify(|state| result = Some(change(state)));
        result.expect("send_modify runs its closure")
    }

    /// Looks at the state as it is now.
    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.borrow())
    }

    /// Waits without a deadline of its own until `found` finds something.
    pub async fn seen<R>(&self, mut found: impl FnMut(&T) -> Option<R>) -> R {
        let mut changes = self.0.subscribe();
        loop {
            if let Some(result) = found(&changes.borrow_and_update()) {
                return result;
            }
            changes
                .changed()
                .await
                .expect("the board outlives its readers");
        }
    }

    /// Waits until `found` finds something; the panic after `deadline` names `what`.
    pub async fn until<R>(
        &self,
        deadline: Duration,
        what: impl Display,
        found: impl FnMut(&T) -> Option<R>,
    ) -> R {
        within(deadline, what, self.seen(found)).await
    }
}

/// A point in a story: one side waits there until the other one opens it. Once open it stays open.
#[derive(Debug, Clone, Default)]
pub struct Latch(std::sync::Arc<Board<bool>>);

impl Latch {
    pub fn new() -> Self {
        Latch::default()
    }

    pub fn open(&self) {
        self.0.change(|open| *open = true);
    }

    pub fn is_open(&self) -> bool {
        self.0.look(|open| *open)
    }

    /// Waits for as long as it takes: for the scripted side.
    pub async fn opened(&self) {
        self.0.seen(|open| open.then_some(())).await;
    }

    /// Waits at most [`DEADLINE`]: for the test's side.
    pub async fn wait(&self, what: impl Display) {
        within(DEADLINE, what, self.opened()).await;
    }
}
