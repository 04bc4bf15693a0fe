//! Which files may hold a secret: decided from facts alone.

use std::fmt;

/// What is known of an opened file.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub is_regular: bool,
    /// The permission bits alone.
    pub mode: u32,
    pub owner: u32,
    pub links: u64,
    pub bytes: u64,
}

const READ_ONLY: u32 = 0o400;
const WRITABLE: u32 = 0o600;

/// No token file and no key is a hundredth of this.
pub const BYTES_AT_MOST: u64 = 1 << 20;

/// Why a file is not fit to hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    Unreadable(String),
    Link,
    NotRegular,
    ForeignOwner {
        owner: u32,
        us: u32,
    },
    /// The permission bits it has.
    Mode(u32),
    Links(u64),
    TooLarge,
    Empty,
    NotText,
    /// White space or control characters inside what should be one word.
    NotOneWord,
}

/// Whether it is fit; `Ok(true)` for a mode that is borne with a warning.
///
/// # Errors
/// The first rule it breaks, the gravest first.
pub fn judge(facts: &Facts, us: u32) -> Result<bool, Unfit> {
    if !facts.is_regular {
        return Err(Unfit::NotRegular);
    }
    if facts.owner != us {
        let owner = facts.owner;
        return Err(Unfit::ForeignOwner { owner, us });
    }
    let writable = facts.mode == WRITABLE;
    if facts.mode != READ_ONLY && !writable {
        return Err(Unfit::Mode(facts.mode));
    }
    if facts.links != 1 {
        return Err(Unfit::Links(facts.links));
    }
    if facts.bytes > BYTES_AT_MOST {
        return Err(Unfit::TooLarge);
    }
    if facts.bytes == 0 {
        return Err(Unfit::Empty);
    }
    Ok(writable)
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Unreadable(error) => write!(out, "cannot be read: {error}"),
            Unfit::Link => write!(out, "is a symbolic link, which may be pointed elsewhere"),
            Unfit::NotRegular => write!(out, "is no regular file"),
            Unfit::ForeignOwner { owner, us } => {
                write!(out, "belongs to user {owner}, and we are user {us}")
            }
            Unfit::Mode(mode) => write!(out, "has mode {mode:04o}, and a secret needs 0400"),
            Unfit::Links(count) => write!(
                out,
                "has {count} names (hard links), and a secret needs one"
            ),
            Unfit::TooLarge => write!(out, "is larger than 1MiB, which no such file is"),
            Unfit::Empty => write!(out, "is empty"),
            Unfit::NotText => write!(out, "is not UTF-8"),
            Unfit::NotOneWord => write!(
                out,
                "holds more than one word; a key is a single line without white space"
            ),
        }
    }
}
