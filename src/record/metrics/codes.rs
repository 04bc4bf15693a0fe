//! The codes of `code` labels, and a counter for each.

use std::sync::{Arc, OnceLock};

use prometheus::IntCounter;

/// The label value of what isn't there: a request without a route, a failure before any upstream.
pub const NONE: &str = "none";

/// The code of success, whose series is there from the start.
pub const OK: &str = "ok";

/// The closed list of codes: `ok` and those of all failures.
#[derive(Debug, Clone, Copy)]
pub struct Codes(&'static [&'static str]);

/// The place of a code in the list; the only way to name one on a request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeIndex(usize);

impl Codes {
    pub const fn new(codes: &'static [&'static str]) -> Codes {
        Codes(codes)
    }

    /// The place of `code`; none when it isn't in the list. Searches: for tables made at the start.
    pub fn index_of(self, code: &str) -> Option<CodeIndex> {
        self.0
            .iter()
            .position(|&known| known == code)
            .map(CodeIndex)
    }

    /// The code at `place`, for a list that is numbered like ours; none beyond its end.
    pub fn at(self, place: usize) -> Option<CodeIndex> {
        (place < self.0.len()).then_some(CodeIndex(place))
    }

    pub(super) fn name(self, code: CodeIndex) -> &'static str {
        self.0.get(code.0).copied().unwrap_or(NONE)
    }

    pub(super) fn all(self) -> impl Iterator<Item = CodeIndex> {
        (0..self.0.len()).map(CodeIndex)
    }
}

/// A counter for each code, made when it is first needed: most codes never happen on most routes.
pub struct PerCode(Box<[OnceLock<Arc<IntCounter>>]>);

impl PerCode {
    pub fn new(codes: Codes) -> PerCode {
        PerCode(codes.0.iter().map(|_| OnceLock::new()).collect())
    }

    pub fn counter(
        &self,
        code: CodeIndex,
        make: impl FnOnce() -> Arc<IntCounter>,
    ) -> Option<&Arc<IntCounter>> {
        Some(self.0.get(code.0)?.get_or_init(make))
    }
}
