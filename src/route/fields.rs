//! The top-level members of a body by key, each at most once.
//!
//! Two parsers take different ones of two equal keys, so a body with such keys is refused before anything
//! is read from it, whether we know the key or not.

use std::borrow::Cow;

use super::keys::Key;
use super::refused::Refused;
use crate::json::{unescape, Kind, Member};

/// The members that we know, and where to read them.
pub(super) struct Fields<'a> {
    body: &'a [u8],
    known: [Option<Member>; Key::ALL.len()],
}

impl<'a> Fields<'a> {
    /// Sorts out the members of a body that has been scanned.
    pub fn gather(body: &'a [u8], members: &[Member]) -> Result<Self, Refused> {
        let mut fields = Fields {
            body,
            known: [None; Key::ALL.len()],
        };
        let mut others = Vec::new();
        for member in members {
            let name = unescape(member.key.of(body)).unwrap_or_default();
            match Key::from_name(&name) {
                Some(key) => fields.put(key, *member)?,
                None => others.push(name),
            }
        }
        refuse_duplicates(&mut others)?;
        fields.refuse_forbidden()?;
        match others.iter().find_map(|name| Key::mistaken_for(name)) {
            Some(key) => Err(Refused::MistakableKey { key }),
            None => Ok(fields),
        }
    }

    /// The member under a key.
    pub fn get(&self, key: Key) -> Option<Member> {
        self.known.get(key as usize).copied().flatten()
    }

    /// The same, but for a `null`, which says nothing.
    pub fn said(&self, key: Key) -> Option<Member> {
        self.get(key).filter(|member| member.kind != Kind::Null)
    }

    /// A value's bytes.
    pub fn bytes(&self, member: Member) -> &'a [u8] {
        member.value.of(self.body)
    }

    /// A value's text, if it is a string.
    pub fn text(&self, member: Member) -> Option<Cow<'a, str>> {
        unescape(self.bytes(member))
    }

    /// A value that must be a boolean or null.
    pub fn flag(&self, key: Key) -> Result<Option<bool>, Refused> {
        match self.said(key).map(|member| member.kind) {
            None => Ok(None),
            Some(Kind::True) => Ok(Some(true)),
            Some(Kind::False) => Ok(Some(false)),
            Some(_) => Err(Refused::WrongType {
                key,
                expected: "a boolean or null",
            }),
        }
    }

    /// A number where there is one that the type can hold.
    pub fn number<T: std::str::FromStr>(&self, key: Key) -> Option<T> {
        std::str::from_utf8(self.bytes(self.said(key)?))
            .ok()?
            .parse()
            .ok()
    }

    fn put(&mut self, key: Key, member: Member) -> Result<(), Refused> {
        match self.known.get_mut(key as usize) {
            Some(place @ None) => *place = Some(member),
            _ => return Err(Refused::DuplicateKey { key: Some(key) }),
        }
        Ok(())
    }

    fn refuse_forbidden(&self) -> Result<(), Refused> {
        match Key::FORBIDDEN
            .into_iter()
            .find(|&key| self.get(key).is_some())
        {
            Some(key) => Err(Refused::ForbiddenKey { key }),
            None => Ok(()),
        }
    }
}

fn refuse_duplicates(names: &mut [Cow<'_, str>]) -> Result<(), Refused> {
    names.sort_unstable();
    if names.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Refused::DuplicateKey { key: None });
    }
    Ok(())
}
