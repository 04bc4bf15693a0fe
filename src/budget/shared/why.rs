//! Why a gateway counts alone: a closed list, because what a server writes has no place in a log.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What keeps the counts from being shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It has only begun.
    NotYet,
    /// The address can't be used, or the TLS to it.
    Address,
    /// No connection could be made.
    Unreachable,
    /// There was no answer in time.
    Timeout,
    /// The connection was lost.
    Lost,
    /// It wants a password, another one, or more rights.
    Denied,
    /// It reads its data from the disk after a start.
    Loading,
    /// It may not be written to, being a replica.
    ReadOnly,
    /// It answered with another error, or not in the way of a Redis.
    BadAnswer,
    /// Another gateway counts under our name; this one has taken a new one.
    NameTaken,
}

impl Why {
    /// What an error on an open connection means.
    pub(super) fn of(error: &RedisError) -> Why {
        if error.is_timeout() {
            return Why::Timeout;
        }
        if let Some("NOAUTH" | "WRONGPASS" | "NOPERM") = error.code() {
            return Why::Denied;
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Why::Denied
            }
            ErrorKind::InvalidClientConfig => Why::Address,
            ErrorKind::Server(ServerErrorKind::BusyLoading) => Why::Loading,
            ErrorKind::Server(ServerErrorKind::ReadOnly) => Why::ReadOnly,
            ErrorKind::Io => Why::Lost,
            // The library's list is open.
            _ => Why::BadAnswer,
        }
    }

    /// What an error means while connecting.
    pub(super) fn of_opening(error: &RedisError) -> Why {
        match Why::of(error) {
            Why::Lost => Why::Unreachable,
            other => other,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Why::NotYet => "it has only begun",
            Why::Address => "the address cannot be used",
            Why::Unreachable => "it cannot be reached",
            Why::Timeout => "it did not answer in time",
            Why::Lost => "the connection was lost",
            Why::Denied => "it denies us access",
            Why::Loading => "it is loading its data",
            Why::ReadOnly => "it may only be read",
            Why::BadAnswer => "its answer makes no sense",
            Why::NameTaken => "another gateway counts under our name, which happens when a state_dir is copied; this one has taken a new name",
        })
    }
}
