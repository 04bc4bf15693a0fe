//! Whose counts they are, and what may be spent.

use crate::config::{Budget, Rate, Window};

/// What an account belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Caller,
    Route,
    Skill,
}

impl Scope {
    pub const ALL: [Scope; 3] = [Scope::Caller, Scope::Route, Scope::Skill];

    /// The word in metrics, the ledger and Redis.
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Caller => "caller",
            Scope::Route => "route",
            Scope::Skill => "skill",
        }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Tokens,
    Requests,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Tokens, Kind::Requests];

    /// The word in headers, the ledger and Redis.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Tokens => "tokens",
            Kind::Requests => "requests",
        }
    }
}

/// One that a request is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account<'a> {
    pub scope: Scope,
    pub name: &'a str,
}

/// An account with what it may spend; without any limit it needn't be named at all.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountLimits {
    pub scope: Scope,
    pub name: String,
    pub budget: Option<Budget>,
    pub rate: Option<Rate>,
}

impl AccountLimits {
    /// Each limit: what is counted, the most of it, and in which window.
    pub(super) fn each(&self) -> impl Iterator<Item = (Kind, u64, Window)> {
        let budget = self.budget.map(|it| (Kind::Tokens, it.tokens, it.per));
        let rate = self.rate.map(|it| (Kind::Requests, it.requests, it.per));
        budget.into_iter().chain(rate)
    }
}

/// All windows, for those who search one by its word.
pub(super) const WINDOWS: [Window; 3] = [Window::Minute, Window::Hour, Window::Day];

/// The word in the ledger and in Redis, as in the configuration.
pub(super) fn window_word(window: Window) -> &'static str {
    match window {
        Window::Minute => "minute",
        Window::Hour => "hour",
        Window::Day => "day",
    }
}
