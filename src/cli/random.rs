//! Randomness for secrets: the operating system's, nothing in between.

use rand::rngs::OsRng;
use rand::TryRngCore;

/// 256 bits.
///
/// # Errors
/// The system has none to give; the text says so.
pub fn secret_bytes() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    match OsRng.try_fill_bytes(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(format!("the system gives no random bytes: {error}")),
    }
}
