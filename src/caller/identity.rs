//! One caller: the answer to "may it?".
//!
//! `invoke:*` and `lane:*` never imply `admin`. A caller is made when the token file is read and holds
//! no secret, so that it may be logged and kept for the length of a request.

use super::scopes::Scopes;
use crate::config::Lane;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// The name of a caller whose line is nothing but a secret.
pub const DEFAULT_CALLER: &str = "default";

/// Somebody who presented a token that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What logs, metrics and limits call it.
    pub name: Arc<str>,
    pub scopes: Scopes,
    /// The skill that all its requests belong to.
    pub skill: Option<Arc<str>>,
    /// The token is refused from this moment on.
    pub expires: Option<SystemTime>,
}

/// The caller ordered a lane that it may not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneRefused {
    pub ordered: Lane,
}

impl Caller {
    /// Whether it may send requests to `route`.
    pub fn may_invoke(&self, route: &str) -> bool {
        self.scopes.invokes(route)
    }

    /// Whether there is any route at all that it may send requests to.
    pub fn may_invoke_any(&self) -> bool {
        self.scopes.invokes_any()
    }

    /// Whether it may ask for the list of models; which ones it is shown is another question.
    pub fn may_list_models(&self) -> bool {
        self.scopes.lists_models() || self.scopes.invokes_any()
    }

    /// Whether it may change the running gateway; nobody may as a skill.
    pub fn is_admin(&self) -> bool {
        self.scopes.is_admin() && self.skill.is_none()
    }

    pub fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The lane of its request on a route whose own lane is `route_lane`.
    ///
    /// # Errors
    /// What was asked for is not allowed, and it was an order (a header) rather than a wish.
    pub fn pick_lane(
        &self,
        route_lane: Lane,
        wished: Option<Lane>,
        wish_is_order: bool,
    ) -> Result<Lane, LaneRefused> {
        let usual = self.usual_lane(route_lane);
        match wished {
            None => Ok(usual),
            Some(lane) if lane == usual || self.scopes.lanes().any(|own| own == lane) => Ok(lane),
            Some(lane) if wish_is_order => Err(LaneRefused { ordered: lane }),
            Some(_) => Ok(usual),
        }
    }

    /// The route's own lane when the caller may use it, else the one that it has.
    fn usual_lane(&self, route_lane: Lane) -> Lane {
        let mut lanes = self.scopes.lanes();
        match lanes.next() {
            Some(first) if first != route_lane && lanes.all(|lane| lane != route_lane) => first,
            _ => route_lane,
        }
    }
}

impl fmt::Display for LaneRefused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the caller may not use lane {}", self.ordered.as_str())
    }
}

impl std::error::Error for LaneRefused {}

#[cfg(test)]
mod tests {
    use super::*;
    use Lane::{Batch, Interactive};

    fn caller(scopes: &str) -> Caller {
        Caller {
            name: "agent-7".into(),
            scopes: Scopes::parse(scopes).unwrap(),
            skill: None,
            expires: None,
        }
    }

    #[test]
    fn a_wildcard_gives_every_route_but_never_admin() {
        let caller = caller("invoke:*,lane:*");
        assert!(caller.may_invoke("chat") && caller.may_invoke_any() && caller.may_list_models());
        assert!(!caller.is_admin());
    }

    #[test]
    fn a_caller_of_a_skill_is_no_admin() {
        let mut caller = caller("invoke:*,admin");
        assert!(caller.is_admin());
        caller.skill = Some("mail".into());
        assert!(!caller.is_admin());
    }

    #[test]
    fn a_named_route_is_the_only_one() {
        let caller = caller("invoke:chat");
        assert!(caller.may_invoke("chat"));
        for other in ["Chat", "chat2", "cha", "", "*"] {
            assert!(!caller.may_invoke(other), "{other}");
        }
    }

    #[test]
    fn admin_and_models_alone_invoke_nothing() {
        assert!(caller("admin").is_admin());
        for scopes in ["admin", "models", "lane:*"] {
            assert!(!caller(scopes).may_invoke_any(), "{scopes}");
            assert!(!caller(scopes).may_invoke("chat"), "{scopes}");
        }
        assert!(caller("models").may_list_models());
        assert!(!caller("admin").may_list_models());
    }

    #[test]
    fn the_lane_follows_scopes_route_and_wish() {
        // Scopes, the route's lane, what is asked for, the lane for a wish (none: an order is refused).
        let table = [
            ("invoke:*", Interactive, None, Ok(Interactive)),
            ("invoke:*", Batch, None, Ok(Batch)),
            ("invoke:*", Interactive, Some(Interactive), Ok(Interactive)),
            ("invoke:*", Interactive, Some(Batch), Err(Interactive)),
            ("invoke:*,lane:batch", Interactive, None, Ok(Batch)),
            ("invoke:*,lane:batch", Interactive, Some(Batch), Ok(Batch)),
            (
                "invoke:*,lane:batch",
                Interactive,
                Some(Interactive),
                Err(Batch),
            ),
            ("invoke:*,lane:interactive", Batch, None, Ok(Interactive)),
            (
                "invoke:*,lane:interactive",
                Batch,
                Some(Batch),
                Err(Interactive),
            ),
            ("invoke:*,lane:*", Interactive, None, Ok(Interactive)),
            ("invoke:*,lane:*", Batch, None, Ok(Batch)),
            ("invoke:*,lane:*", Interactive, Some(Batch), Ok(Batch)),
            ("invoke:*,lane:*", Batch, Some(Interactive), Ok(Interactive)),
        ];
        for (scopes, route, asked, expected) in table {
            let caller = caller(scopes);
            let (Ok(lane) | Err(lane)) = expected;
            let case = format!("{scopes} {route:?} {asked:?}");
            assert_eq!(caller.pick_lane(route, asked, false), Ok(lane), "{case}");
            let order = expected.map_err(|_| LaneRefused {
                ordered: asked.unwrap(),
            });
            assert_eq!(caller.pick_lane(route, asked, true), order, "{case}");
        }
    }

    #[test]
    fn the_moment_named_is_already_too_late() {
        let moment = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(10);
        let mut caller = caller("invoke:*");
        assert!(!caller.has_expired(moment));
        caller.expires = Some(moment);
        assert!(caller.has_expired(moment));
        assert!(!caller.has_expired(moment - std::time::Duration::from_nanos(1)));
    }
}
