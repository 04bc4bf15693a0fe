//! The SHA-256 of a secret: all that is kept of it in memory.
//!
//! What somebody presents is compared with `ct_eq` only, never with `==`. A fast hash is enough here, because what it hides has 256
//! bits when we make it; a short secret written by hand is warned about.

use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// What marks a hash in the token file.
pub const PREFIX: &str = "sha256:";

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    pub fn of(secret: &[u8]) -> SecretDigest {
        SecretDigest(Sha256::digest(secret).into())
    }

    /// Reads 64 hexadecimal digits of either case.
    pub fn from_hex(text: &str) -> Option<SecretDigest> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair
                .iter()
                .try_fold(0, |value, digit| Some(value << 4 | nibble(*digit)?))?;
        }
        Some(SecretDigest(bytes))
    }
}

/// As the token file stores it: `sha256:` and 64 digits.
impl fmt::Display for SecretDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretDigest(…)")
    }
}

impl ConstantTimeEq for SecretDigest {
    fn ct_eq(&self, other: &SecretDigest) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1: the digest of `abc`.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_standard_example_comes_out() {
        assert_eq!(
            SecretDigest::of(b"abc").to_string(),
            format!("sha256:{ABC}")
        );
        assert_eq!(SecretDigest::from_hex(ABC), Some(SecretDigest::of(b"abc")));
        assert_eq!(
            SecretDigest::from_hex(&ABC.to_uppercase()),
            Some(SecretDigest::of(b"abc"))
        );
    }

    #[test]
    fn what_is_not_64_digits_is_no_digest() {
        for text in [
            "",
            "ba78",
            &ABC[1..],
            &format!("{ABC}0"),
            &ABC.replace('b', "g"),
            &"é".repeat(32),
        ] {
            assert_eq!(SecretDigest::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", SecretDigest::of(b"abc")), "SecretDigest(…)");
    }
}
