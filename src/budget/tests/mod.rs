//! What budgets promise to those who use them.

mod law;
mod restart;
mod story;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Account, AccountLimits, Budgets, Scope};
use crate::config::{Budget, Rate, Window};

/// A moment in the first second of a day, `seconds` later.
pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + seconds)
}

pub const ANNA: Account<'static> = Account {
    scope: Scope::Caller,
    name: "anna",
};

pub const CHAT: Account<'static> = Account {
    scope: Scope::Route,
    name: "chat",
};

pub fn budget(tokens: u64, per: Window) -> Option<Budget> {
    Some(Budget { tokens, per })
}

pub fn rate(requests: u64, per: Window) -> Option<Rate> {
    Some(Rate { requests, per })
}

pub fn limits(account: Account<'_>, budget: Option<Budget>, rate: Option<Rate>) -> AccountLimits {
    AccountLimits {
        scope: account.scope,
        name: account.name.to_owned(),
        budget,
        rate,
    }
}

/// Budgets of one account.
pub fn of_anna(budget: Option<Budget>, rate: Option<Rate>) -> Budgets {
    let budgets = Budgets::forgetful();
    budgets.configure(&[limits(ANNA, budget, rate)], at(0));
    budgets
}

/// What is left of anna's tokens.
pub fn tokens_left(budgets: &Budgets, now: SystemTime) -> u64 {
    budgets.remaining(&[ANNA], now).tokens.unwrap().remaining
}

/// What is left of anna's requests.
pub fn requests_left(budgets: &Budgets, now: SystemTime) -> u64 {
    budgets.remaining(&[ANNA], now).requests.unwrap().remaining
}
