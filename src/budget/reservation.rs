//! What a request holds of its budgets while it is under way.

use super::account::Kind;
use super::books::Part;
use super::budgets::Budgets;

/// Reserved tokens and a counted request; given back when dropped.
///
/// Until [`Reservation::sent`] that is all of it, as if the request had never been. From then on the request stays
/// counted whatever happens, so that leaving early is no way around a rate, and dropping gives back the tokens only.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    budgets: Budgets,
    parts: Vec<Part>,
    is_sent: bool,
    is_over: bool,
}

impl Reservation {
    pub(super) fn new(budgets: Budgets, parts: Vec<Part>) -> Reservation {
        Reservation {
            budgets,
            parts,
            is_sent: false,
            is_over: false,
        }
    }

    /// The request is on its way to an upstream.
    pub fn sent(&mut self) {
        self.is_sent = true;
    }

    /// Books the tokens that were really used, in the window in which they were reserved, while that runs. The request
    /// stays counted.
    pub fn settle(mut self, tokens: u64) {
        self.is_over = true;
        if !self.parts.is_empty() {
            self.budgets.settle(&self.parts, tokens);
        }
    }

    /// Gives it back now; the same as dropping it.
    pub fn release(self) {}
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_over || self.parts.is_empty() {
            return;
        }
        let kinds: &[Kind] = if self.is_sent {
            &[Kind::Tokens]
        } else {
            &Kind::ALL
        };
        self.budgets.release(&self.parts, kinds);
    }
}
