//! Which breaker belongs to what.

use sha2::{Digest, Sha256};

use super::claim::Marks;
use crate::config::UpstreamUrl;

/// The name under which pass-through targets share one breaker.
const ANY_MODEL: &str = "*";

/// An upstream's address (scheme, host, port) and the model asked for there. Only hashes: no name is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(Marks);

impl Key {
    /// `model` is the name sent upstream; none where names pass through unchanged.
    pub fn new(url: &UpstreamUrl, model: Option<&str>) -> Key {
        let address = address(url);
        let [first, second] = hash(&format!("{address}\0{}", model.unwrap_or(ANY_MODEL)));
        let [address, _] = hash(&address);
        Key(Marks {
            key: [first, second],
            address,
        })
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.0
    }
}

/// `scheme://host:port`, with the port even where it is the usual one and without the base path: one server.
fn address(url: &UpstreamUrl) -> String {
    let scheme = if url.https { "https" } else { "http" };
    format!("{scheme}://{}:{}", url.host, url.port)
}

/// The first 128 bits of the SHA-256. A record's words are never 0, so a 0 reads as 1.
fn hash(text: &str) -> [u64; 2] {
    let digest = Sha256::digest(text);
    let mut words = digest.chunks_exact(8).map(|bytes| {
        let word = bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        word.max(1)
    });
    let mut next = || words.next().unwrap_or(1);
    [next(), next()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(https: bool, host: &str, port: u16, base_path: &str) -> UpstreamUrl {
        UpstreamUrl {
            https,
            host: host.into(),
            port,
            base_path: base_path.into(),
        }
    }

    #[test]
    fn the_hash_is_the_beginning_of_the_sha_256() {
        let expected = [0xe3b0_c442_98fc_1c14, 0x9afb_f4c8_996f_b924];
        assert_eq!(hash(""), expected);
    }

    #[test]
    fn the_base_path_is_no_part_of_an_address() {
        let key = Key::new(&url(false, "127.0.0.1", 8000, "/v1"), Some("m"));
        assert_eq!(key, Key::new(&url(false, "127.0.0.1", 8000, ""), Some("m")));
    }

    #[test]
    fn scheme_host_port_and_model_each_make_another_breaker() {
        let key = Key::new(&url(false, "a", 80, ""), Some("m"));
        for (other, shares_address) in [
            (Key::new(&url(true, "a", 80, ""), Some("m")), false),
            (Key::new(&url(false, "b", 80, ""), Some("m")), false),
            (Key::new(&url(false, "a", 81, ""), Some("m")), false),
            (Key::new(&url(false, "a", 80, ""), Some("M")), true),
            (Key::new(&url(false, "a", 80, ""), None), true),
        ] {
            assert_ne!(key.0.key, other.0.key);
            assert_eq!(key.0.address == other.0.address, shares_address);
        }
    }

    #[test]
    fn models_that_pass_through_share_the_star() {
        let address = url(true, "::1", 443, "");
        assert_eq!(Key::new(&address, None), Key::new(&address, Some("*")));
    }
}
