//! What one attempt came to.

/// The end of an attempt, as the retry rule needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The answer came to its end.
    Ok,
    ConnectRefused,
    ConnectTimeout,
    /// No route, no name, no TLS.
    ConnectFailed,
    /// The connection ended before the first byte of an answer.
    NoAnswer {
        reused: bool,
    },
    /// The answer is an error by its status.
    Error {
        status: u16,
        class: ErrorClass,
    },
    HeaderTimeout,
    FirstTokenTimeout,
    IdleTimeout,
    PlainTimeout,
    /// The request's own time is up.
    TotalTimeout,
    /// The upstream reported a failure inside its stream.
    ErrorEvent,
    /// The answer ended before it was whole.
    Truncated,
    /// Not HTTP, or framing that can't be trusted.
    Protocol,
    /// The answer was whole and not what its skill accepts.
    Misfit,
    /// The gateway ended and gave it up.
    Interrupted,
    /// The client left; nobody's fault.
    ClientLeft,
}

/// What an error answer means, whatever words its server uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    RateLimited,
    /// 503 or 529.
    Overloaded,
    /// 503 while the model is being loaded: alive, not yet ready.
    Loading,
    /// 500.
    ServerError,
    /// 502, 504, 520–527: something in front of the server.
    BadGateway,
    /// 408, 425, 501, 505: says nothing about the server's health.
    Unavailable,
    /// 401 or 403: our key, not the caller's.
    Auth,
    ModelMissing,
    ContextLength,
    ContentPolicy,
    /// Any other 4xx: the request itself.
    Rejected,
    Redirect,
    /// A page where an answer should be: a CDN's, a tunnel's, a stranger's.
    HtmlPage,
}

impl Outcome {
    /// It says something about the upstream or the way to it, not about the request, its client or our own end.
    pub fn is_upstreams(self) -> bool {
        match self {
            Outcome::ConnectRefused
            | Outcome::ConnectTimeout
            | Outcome::ConnectFailed
            | Outcome::NoAnswer { .. }
            | Outcome::HeaderTimeout
            | Outcome::FirstTokenTimeout
            | Outcome::IdleTimeout
            | Outcome::PlainTimeout
            | Outcome::TotalTimeout
            | Outcome::ErrorEvent
            | Outcome::Truncated
            | Outcome::Protocol => true,
            // Of a misfit the server did its part.
            Outcome::Ok | Outcome::Misfit | Outcome::Interrupted | Outcome::ClientLeft => false,
            Outcome::Error { class, .. } => match class {
                ErrorClass::ContextLength | ErrorClass::ContentPolicy | ErrorClass::Rejected => {
                    false
                }
                ErrorClass::RateLimited
                | ErrorClass::Overloaded
                | ErrorClass::Loading
                | ErrorClass::ServerError
                | ErrorClass::BadGateway
                | ErrorClass::Unavailable
                | ErrorClass::Auth
                | ErrorClass::ModelMissing
                | ErrorClass::Redirect
                | ErrorClass::HtmlPage => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_request_deserves_is_not_the_upstreams() {
        let error = |class| Outcome::Error { status: 400, class };
        assert!(error(ErrorClass::RateLimited).is_upstreams());
        assert!(error(ErrorClass::Auth).is_upstreams());
        assert!(Outcome::TotalTimeout.is_upstreams());
        for outcome in [
            error(ErrorClass::ContextLength),
            error(ErrorClass::ContentPolicy),
            error(ErrorClass::Rejected),
            Outcome::ClientLeft,
            Outcome::Interrupted,
            Outcome::Misfit,
            Outcome::Ok,
        ] {
            assert!(!outcome.is_upstreams(), "{outcome:?}");
        }
    }
}
