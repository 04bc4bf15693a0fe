//! The closed sets that metrics and log lines may name.
//!
//! A label value that is in none of these and in no configuration can't be written: there is no type for
//! it. Adding a member adds a series to every route or upstream that has the family.

/// An enum with its names: `ALL` in order, `as_str`, and `index` into an array laid out like `ALL`.
macro_rules! closed_set {
    ($(#[$meta:meta])* $set:ident { $($(#[$note:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $set { $($(#[$note])* $member,)+ }

        impl $set {
            /// How many members there are.
            pub const COUNT: usize = [$($text),+].len();
            /// Every member, each at its own [`Self::index`].
            pub const ALL: [$set; Self::COUNT] = [$($set::$member),+];

            /// The name in metrics, logs and `/status`.
            pub const fn as_str(self) -> &'static str {
                match self { $($set::$member => $text,)+ }
            }

            /// The place in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

closed_set! {
    /// How one attempt at an upstream ended.
    Outcome {
        Ok = "ok",
        /// The upstream refused this request and would refuse it again.
        Rejected = "rejected",
        RateLimited = "rate_limited",
        ServerError = "server_error",
        ConnectError = "connect_error",
        Timeout = "timeout",
        Truncated = "truncated",
        ProtocolError = "protocol_error",
        /// Whole, and not what the request's skill accepts.
        Schema = "schema",
        /// Given up by us: the client left, or the deadline came.
        Cancelled = "cancelled",
    }
}

closed_set! {
    /// Why a request was tried again.
    RetryReason {
        Status429 = "status_429",
        /// 503 or 529.
        Status503 = "status_503",
        Status500 = "status_500",
        /// Any other status that another target may do better with: 502, 504, 401, 404 and the like.
        StatusOther = "status_other",
        Connect = "connect",
        Reset = "reset",
        HeaderTimeout = "header_timeout",
        FirstTokenTimeout = "first_token_timeout",
        Truncated = "truncated",
        ProtocolError = "protocol_error",
        Schema = "schema",
    }
}

closed_set! {
    /// What a request waited for before an attempt.
    WaitFor {
        /// A place in its lane and at an upstream.
        Place = "place",
        /// A model that is being loaded, in the lane's queue.
        Model = "model",
        /// The end of the pause that the upstream asked for with an earlier request's 429.
        Pace = "pace",
        /// The end of the pause that the upstream asked for with this request's last attempt.
        RetryAfter = "retry_after",
        /// Its own backoff: the upstream named no time.
        Backoff = "backoff",
    }
}

closed_set! {
    /// Where a request was when its client left.
    Phase {
        Queue = "queue",
        Connect = "connect",
        Header = "header",
        FirstToken = "first_token",
        Stream = "stream",
        Plain = "plain",
    }
}

closed_set! {
    /// What tokens were used for.
    TokenKind {
        Prompt = "prompt",
        Completion = "completion",
        /// The part of the prompt that the upstream had cached.
        Cached = "cached",
    }
}

closed_set! {
    /// What came of a new configuration.
    ReloadResult {
        Ok = "ok",
        Rejected = "rejected",
    }
}

closed_set! {
    /// The first digit of a status.
    StatusClass {
        Success = "2xx",
        Redirect = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
    }
}

impl StatusClass {
    /// The class of `status`; what is no final status counts as the server's mistake.
    pub const fn of(status: u16) -> StatusClass {
        match status {
            200..=299 => StatusClass::Success,
            300..=399 => StatusClass::Redirect,
            400..=499 => StatusClass::ClientError,
            _ => StatusClass::ServerError,
        }
    }
}

closed_set! {
    /// Where a token count comes from.
    UsageSource {
        Reported = "reported",
        Estimated = "estimated",
        None = "none",
    }
}

closed_set! {
    /// The state of a breaker; [`Self::index`] is the value of `sidegate_breaker_state`.
    BreakerState {
        Closed = "closed",
        Open = "open",
        HalfOpen = "half_open",
    }
}

closed_set! {
    /// Whose budget it is.
    BudgetScope {
        Caller = "caller",
        Route = "route",
        Skill = "skill",
    }
}

closed_set! {
    /// What became of a skill's request.
    SkillResult {
        Ok = "ok",
        /// Its manifest doesn't allow it.
        Refused = "refused",
        /// No answer was what its manifest accepts.
        Misfit = "misfit",
        /// The answer isn't what its manifest accepts, and had been sent on before that was seen.
        MisfitSent = "misfit_sent",
        /// It failed for another reason.
        Failed = "failed",
    }
}

closed_set! {
    /// A log file, by the name it has without `.jsonl`.
    LogFile {
        Access = "access",
        Gateway = "gateway",
        RawErrors = "raw-errors",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_the_place_in_all() {
        for (place, reason) in RetryReason::ALL.iter().enumerate() {
            assert_eq!(reason.index(), place);
        }
        assert_eq!(RetryReason::COUNT, 11);
    }

    #[test]
    fn breaker_states_have_the_published_numbers() {
        let numbers = BreakerState::ALL.map(|state| (state.as_str(), state.index()));
        assert_eq!(numbers, [("closed", 0), ("open", 1), ("half_open", 2)]);
    }

    #[test]
    fn the_log_only_status_499_is_the_clients() {
        assert_eq!(StatusClass::of(499), StatusClass::ClientError);
        assert_eq!(StatusClass::of(200), StatusClass::Success);
        assert_eq!(StatusClass::of(0), StatusClass::ServerError);
    }
}
