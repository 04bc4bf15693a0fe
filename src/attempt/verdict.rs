//! The only retry rule: what may follow an attempt, by what it came to.
//!
//! A pure table. It says what *may* be tried; whether there is another target, time, a free place and a retry left is for
//! the caller to find out. What is committed is never tried again, whatever the table says: that is asked before.

use super::outcome::{ErrorClass, Outcome};

/// The same target again?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Never,
    /// Without waiting and before any other target, once a request.
    OnceAtOnce,
    /// Without waiting and before any other target, as often as there are retries.
    AtOnce,
    /// After a backoff and before any other target, once a request: a lone failure says little about the server.
    OnceFirst,
    /// After a backoff, once a request.
    OnceAfterWait,
    /// After what the server asked for, or a backoff.
    AfterWait,
    /// After a wait so short that it is worth more than a later tier; from the second time on like [`Repeat::AfterWait`].
    AfterShortWait,
    /// Only when all other targets were tried.
    LastAfterWait,
}

/// Another target?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    No,
    Yes,
    /// Not the same server under another name of the model.
    OtherUpstream,
    LaterTier,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub repeat: Repeat,
    pub elsewhere: Elsewhere,
    /// It counts as a failure of the upstream.
    pub failure: bool,
}

/// What of the request limits the table.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// Sending it twice does no harm: the server keeps no state of it, or it can tell the two apart.
    pub resendable: bool,
    /// The statuses after which a wait makes sense, by configuration.
    pub statuses: &'a [u16],
    /// The server named a wait that is short, and a retry would be left after it.
    pub short_wait: bool,
    /// The same bytes would come again, or there is no budget for others.
    pub misfit_stays: bool,
}

/// What may follow `outcome` for this request.
pub fn verdict_for(outcome: Outcome, limits: &Limits<'_>) -> Verdict {
    let mut verdict = verdict(outcome);
    let unsent = matches!(
        outcome,
        Outcome::ConnectRefused | Outcome::ConnectTimeout | Outcome::ConnectFailed
    );
    let is_in_vain = outcome == Outcome::Misfit && limits.misfit_stays;
    if (!limits.resendable && !unsent) || is_in_vain {
        verdict.repeat = Repeat::Never;
        verdict.elsewhere = Elsewhere::No;
    }
    if let Outcome::Error { status, .. } = outcome {
        if verdict.repeat == Repeat::AfterWait && !limits.statuses.contains(&status) {
            verdict.repeat = Repeat::Never;
        }
    }
    if verdict.repeat == Repeat::AfterWait && limits.short_wait {
        verdict.repeat = Repeat::AfterShortWait;
    }
    verdict
}

const fn rule(repeat: Repeat, elsewhere: Elsewhere, failure: bool) -> Verdict {
    Verdict {
        repeat,
        elsewhere,
        failure,
    }
}

/// What may follow `outcome`.
pub fn verdict(outcome: Outcome) -> Verdict {
    use Elsewhere::*;
    use Repeat::*;
    match outcome {
        Outcome::Ok | Outcome::ClientLeft | Outcome::Interrupted | Outcome::TotalTimeout => {
            rule(Never, No, false)
        }
        Outcome::ConnectRefused | Outcome::ConnectTimeout | Outcome::ConnectFailed => {
            rule(LastAfterWait, Yes, true)
        }
        // A pooled connection that the server closed meanwhile says nothing about the server.
        Outcome::NoAnswer { reused: true } => rule(OnceAtOnce, Yes, false),
        Outcome::NoAnswer { reused: false } => rule(OnceAfterWait, Yes, true),
        // It was silent once: asking it again would only double the silence.
        Outcome::HeaderTimeout | Outcome::FirstTokenTimeout | Outcome::IdleTimeout => {
            rule(Never, Yes, true)
        }
        // A long answer is no dead server.
        Outcome::PlainTimeout => rule(Never, No, false),
        Outcome::ErrorEvent => rule(OnceAfterWait, Yes, true),
        Outcome::Truncated | Outcome::Protocol => rule(Never, Yes, true),
        // The server did its part: the model says something else next time, and another model might be dearer.
        Outcome::Misfit => rule(AtOnce, Yes, false),
        Outcome::Error { class, .. } => error_verdict(class),
    }
}

fn error_verdict(class: ErrorClass) -> Verdict {
    use Elsewhere::*;
    use Repeat::*;
    match class {
        // It proves that the server lives: pacing, not failure.
        ErrorClass::RateLimited => rule(AfterWait, Yes, false),
        ErrorClass::Overloaded => rule(AfterWait, Yes, true),
        ErrorClass::Loading => rule(AfterWait, Yes, false),
        ErrorClass::ServerError => rule(OnceFirst, Yes, true),
        ErrorClass::BadGateway | ErrorClass::HtmlPage => rule(Never, Yes, true),
        ErrorClass::Unavailable => rule(Never, Yes, false),
        ErrorClass::Auth | ErrorClass::ModelMissing => rule(Never, OtherUpstream, false),
        ErrorClass::ContextLength => rule(Never, LaterTier, false),
        ErrorClass::ContentPolicy | ErrorClass::Rejected | ErrorClass::Redirect => {
            rule(Never, No, false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_target_is_never_asked_twice() {
        for outcome in [
            Outcome::HeaderTimeout,
            Outcome::FirstTokenTimeout,
            Outcome::IdleTimeout,
        ] {
            assert_eq!(verdict(outcome).repeat, Repeat::Never);
            assert_eq!(verdict(outcome).elsewhere, Elsewhere::Yes);
        }
    }

    #[test]
    fn what_the_request_itself_caused_is_tried_nowhere_else() {
        for class in [
            ErrorClass::Rejected,
            ErrorClass::ContentPolicy,
            ErrorClass::Redirect,
        ] {
            let verdict = verdict(Outcome::Error { status: 400, class });
            assert_eq!(verdict, rule(Repeat::Never, Elsewhere::No, false));
        }
    }

    #[test]
    fn a_rate_limit_is_no_failure_and_an_overload_is() {
        let of = |status, class| verdict(Outcome::Error { status, class });
        assert!(!of(429, ErrorClass::RateLimited).failure);
        assert!(of(503, ErrorClass::Overloaded).failure);
        assert!(!of(503, ErrorClass::Loading).failure);
    }

    #[test]
    fn what_may_not_be_sent_twice_is_tried_again_only_where_nothing_was_sent() {
        let once = Limits {
            resendable: false,
            statuses: &[429, 503],
            short_wait: false,
            misfit_stays: false,
        };
        let refused = verdict_for(Outcome::ConnectRefused, &once);
        assert_eq!(refused.elsewhere, Elsewhere::Yes);
        for outcome in [
            Outcome::NoAnswer { reused: true },
            Outcome::HeaderTimeout,
            Outcome::Error {
                status: 503,
                class: ErrorClass::Overloaded,
            },
        ] {
            let verdict = verdict_for(outcome, &once);
            assert_eq!(
                (verdict.repeat, verdict.elsewhere),
                (Repeat::Never, Elsewhere::No)
            );
        }
    }

    #[test]
    fn only_configured_statuses_are_waited_for() {
        let limits = Limits {
            resendable: true,
            statuses: &[503],
            short_wait: true,
            misfit_stays: false,
        };
        let limited = Outcome::Error {
            status: 429,
            class: ErrorClass::RateLimited,
        };
        let verdict = verdict_for(limited, &limits);
        assert_eq!(
            (verdict.repeat, verdict.elsewhere),
            (Repeat::Never, Elsewhere::Yes)
        );
    }

    #[test]
    fn a_short_wait_changes_only_what_is_waited_for() {
        let limits = Limits {
            resendable: true,
            statuses: &[429, 503],
            short_wait: true,
            misfit_stays: false,
        };
        let of = |status, class| verdict_for(Outcome::Error { status, class }, &limits).repeat;
        assert_eq!(of(429, ErrorClass::RateLimited), Repeat::AfterShortWait);
        assert_eq!(of(503, ErrorClass::Overloaded), Repeat::AfterShortWait);
        assert_eq!(of(500, ErrorClass::ServerError), Repeat::OnceFirst);
        assert_eq!(of(502, ErrorClass::BadGateway), Repeat::Never);
    }

    #[test]
    fn a_misfit_is_asked_for_again_at_once_unless_that_is_in_vain() {
        let mut limits = Limits {
            resendable: true,
            statuses: &[],
            short_wait: true,
            misfit_stays: false,
        };
        let again = rule(Repeat::AtOnce, Elsewhere::Yes, false);
        assert_eq!(verdict_for(Outcome::Misfit, &limits), again);
        limits.misfit_stays = true;
        let over = rule(Repeat::Never, Elsewhere::No, false);
        assert_eq!(verdict_for(Outcome::Misfit, &limits), over);
        let cut = verdict_for(Outcome::Truncated, &limits);
        assert_eq!(cut.elsewhere, Elsewhere::Yes);
    }

    #[test]
    fn a_stale_pooled_connection_is_nobodys_failure() {
        assert_eq!(
            verdict(Outcome::NoAnswer { reused: true }),
            rule(Repeat::OnceAtOnce, Elsewhere::Yes, false)
        );
    }
}
