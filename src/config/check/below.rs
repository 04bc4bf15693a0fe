//! Values that may not be more than another one.
//!
//! What is written may not contradict what holds; a default that nobody wrote gives way instead, so
//! that `total: 60s` alone is a whole thought.

use crate::config::reader::{Found, Section, Typed};

/// A value that another may not exceed, with its key.
pub struct Ceiling<'a, T> {
    pub key: &'static str,
    pub found: &'a Found<T>,
}

/// Reads a key that has a fixed default. `more` is "longer" or "larger".
pub fn below<T: Typed + PartialOrd>(
    section: &Section,
    name: &'static str,
    more: &str,
    ceilings: &[Ceiling<T>],
) -> Found<T> {
    if !section.has(name) {
        return default_below(section, name, ceilings);
    }
    let found = section.get::<T>(name);
    for ceiling in ceilings {
        if found.sound && ceiling.found.sound && found.value > ceiling.found.value {
            let text = format!(
                "`{}` is {more} than `{}` ({})",
                found.printed,
                ceiling.key,
                described(ceiling.found)
            );
            section.mistake(name, &found.place, text);
        }
    }
    found
}

fn default_below<T: Typed + PartialOrd>(
    section: &Section,
    name: &'static str,
    ceilings: &[Ceiling<T>],
) -> Found<T> {
    let usual = section.usual::<T>(name);
    let mut lowest: Option<&Ceiling<T>> = None;
    for ceiling in ceilings.iter().filter(|ceiling| ceiling.found.is_written()) {
        let under = |value: &T| ceiling.found.value < *value;
        if lowest
            .map_or(usual.as_ref(), |lowest| Some(&lowest.found.value))
            .is_some_and(under)
        {
            lowest = Some(ceiling);
        }
    }
    match lowest {
        Some(ceiling) => {
            let why = format!("cut to `{}`", ceiling.key);
            section.get_or(name, &ceiling.found.printed, &why)
        }
        None => section.get(name),
    }
}

fn described<T>(found: &Found<T>) -> String {
    if found.place.is_written() {
        found.printed.clone()
    } else {
        format!("{}, the default", found.printed)
    }
}
