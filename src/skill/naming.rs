//! Which skill a request belongs to: the one that its token is bound to, else the one that its header names.

use super::manifest::{Manifest, Skills};
use std::sync::Arc;

/// Why a request can't be told to a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSkill {
    /// There is none of that name.
    Unknown,
    /// The token is bound to another.
    Bound,
}

/// The skill of a request; none for one that belongs to no skill.
///
/// `bound` is the token's own. `header` is what the request names, empty where it names something twice or nothing that can be
/// read: a header that is there is never passed over.
///
/// # Errors
/// The header or the token names a skill that doesn't exist, or the two differ.
pub fn pick_skill<'s>(
    skills: &'s Skills,
    bound: Option<&str>,
    header: Option<&[u8]>,
) -> Result<Option<&'s Arc<Manifest>>, NoSkill> {
    let name = match (bound, header) {
        (None, None) => return Ok(None),
        (Some(bound), Some(header)) if bound.as_bytes() != header => return Err(NoSkill::Bound),
        (Some(bound), _) => bound,
        (None, Some(header)) => std::str::from_utf8(header).map_err(|_| NoSkill::Unknown)?,
    };
    skills.get(name).map(Some).ok_or(NoSkill::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::testing::skills;

    #[test]
    fn a_bound_token_stays_with_its_skill() {
        let skills = skills(&["mail", "shop"]);
        let picked = |bound, header: Option<&[u8]>| {
            let picked = pick_skill(&skills, bound, header);
            picked.map(|skill| skill.map(|skill| skill.name.to_string()))
        };
        let mail = || Ok(Some("mail".to_string()));
        assert_eq!(picked(None, None), Ok(None));
        assert_eq!(picked(None, Some(b"mail")), mail());
        assert_eq!(picked(Some("mail"), None), mail());
        assert_eq!(picked(Some("mail"), Some(b"mail")), mail());
        assert_eq!(picked(Some("mail"), Some(b"shop")), Err(NoSkill::Bound));
        assert_eq!(picked(Some("mail"), Some(b"")), Err(NoSkill::Bound));
        assert_eq!(picked(Some("gone"), None), Err(NoSkill::Unknown));
        for header in [&b"Mail"[..], b"", b"\xff", b"mail,shop", b"none"] {
            assert_eq!(
                picked(None, Some(header)),
                Err(NoSkill::Unknown),
                "{header:?}"
            );
        }
    }
}
