//! The closed sets of words that the file may use, each beside the value it means.

use super::model::{Balance, Commit, Family, Lane, MaxTokensField, Window};
use log::LevelFilter;

/// A value that is written as one word of a closed set.
pub trait Word: Copy + PartialEq + 'static {
    /// Every value, in the order they are listed to people.
    const ALL: &'static [Self];

    /// Takes the place of a word that couldn't be read.
    const STAND_IN: Self;

    /// The word for it.
    fn word(self) -> &'static str;

    /// The value of a word, if it is one.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

/// The words of a set, for messages and the schema.
pub fn words<W: Word>() -> Vec<&'static str> {
    W::ALL.iter().map(|value| value.word()).collect()
}

impl Word for Family {
    const ALL: &'static [Family] = &Family::ALL;
    const STAND_IN: Family = Family::Other;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for Lane {
    const ALL: &'static [Lane] = &Lane::ALL;
    const STAND_IN: Lane = Lane::Interactive;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for MaxTokensField {
    const ALL: &'static [MaxTokensField] = &[
        MaxTokensField::MaxTokens,
        MaxTokensField::MaxCompletionTokens,
    ];
    const STAND_IN: MaxTokensField = MaxTokensField::MaxTokens;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for Balance {
    const ALL: &'static [Balance] = &[Balance::LeastBusy, Balance::RoundRobin, Balance::Prefix];
    const STAND_IN: Balance = Balance::LeastBusy;

    fn word(self) -> &'static str {
        match self {
            Balance::LeastBusy => "least_busy",
            Balance::RoundRobin => "round_robin",
            Balance::Prefix => "prefix",
        }
    }
}

impl Word for Commit {
    const ALL: &'static [Commit] = &[Commit::FirstToken, Commit::Whole];
    const STAND_IN: Commit = Commit::FirstToken;

    fn word(self) -> &'static str {
        match self {
            Commit::FirstToken => "first_token",
            Commit::Whole => "whole",
        }
    }
}

impl Word for Window {
    const ALL: &'static [Window] = &[Window::Minute, Window::Hour, Window::Day];
    const STAND_IN: Window = Window::Day;

    fn word(self) -> &'static str {
        match self {
            Window::Minute => "minute",
            Window::Hour => "hour",
            Window::Day => "day",
        }
    }
}

impl Word for LevelFilter {
    const ALL: &'static [LevelFilter] = &[
        LevelFilter::Off,
        LevelFilter::Error,
        LevelFilter::Warn,
        LevelFilter::Info,
        LevelFilter::Debug,
        LevelFilter::Trace,
    ];
    const STAND_IN: LevelFilter = LevelFilter::Info;

    fn word(self) -> &'static str {
        match self {
            LevelFilter::Off => "off",
            LevelFilter::Error => "error",
            LevelFilter::Warn => "warn",
            LevelFilter::Info => "info",
            LevelFilter::Debug => "debug",
            LevelFilter::Trace => "trace",
        }
    }
}
