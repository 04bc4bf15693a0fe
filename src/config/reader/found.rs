//! A typed value with its history.

use crate::config::error::Place;
use crate::config::model::UpstreamUrl;
use crate::config::parse::Parsed;
use crate::config::words::Word;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A value, where it came from, and whether it can be judged further.
#[derive(Debug, Clone)]
pub struct Found<T> {
    pub value: T,
    pub place: Place,
    /// As it would be written.
    pub printed: String,
    /// False for a stand-in: comparing it with others would only add noise.
    pub sound: bool,
}

impl<T> Found<T> {
    /// Whether a person wrote it, and it could be read.
    pub fn is_written(&self) -> bool {
        self.sound && self.place.is_written()
    }
}

/// An item of a list.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    pub value: T,
    pub place: Place,
}

/// What a value of the file becomes.
pub trait Typed: Sized {
    fn from_parsed(parsed: Parsed) -> Option<Self>;

    /// Takes the place of what couldn't be read.
    fn stand_in() -> Self;
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Typed for $number {
            fn from_parsed(parsed: Parsed) -> Option<Self> {
                match parsed {
                    Parsed::Whole(number) | Parsed::Size(number) => number.try_into().ok(),
                    _ => None,
                }
            }

            fn stand_in() -> Self {
                1
            }
        }
    )*};
}

whole_numbers!(u8, u16, u32, u64, usize);

macro_rules! plain_values {
    ($($value:ty: $variant:ident or $stand_in:expr;)*) => {$(
        impl Typed for $value {
            fn from_parsed(parsed: Parsed) -> Option<Self> {
                match parsed {
                    Parsed::$variant(value) => Some(value),
                    _ => None,
                }
            }

            fn stand_in() -> Self {
                $stand_in
            }
        }
    )*};
}

plain_values! {
    bool: Flag or false;
    Duration: Duration or Duration::ZERO;
    String: Text or String::new();
    PathBuf: Path or PathBuf::new();
    SocketAddr: Address or SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    UpstreamUrl: Url or UpstreamUrl {
        https: true,
        host: "invalid".to_string(),
        port: 443,
        base_path: String::new(),
    };
}

impl<W: Word> Typed for W {
    fn from_parsed(parsed: Parsed) -> Option<W> {
        match parsed {
            Parsed::Text(text) => W::from_word(&text),
            _ => None,
        }
    }

    fn stand_in() -> W {
        W::STAND_IN
    }
}

/// For [`crate::config::kind::Kind::Or`]: its word is none.
impl<T: Typed> Typed for Option<T> {
    fn from_parsed(parsed: Parsed) -> Option<Option<T>> {
        match parsed {
            Parsed::Nothing(_) => Some(None),
            parsed => T::from_parsed(parsed).map(Some),
        }
    }

    fn stand_in() -> Option<T> {
        None
    }
}

impl<T: Typed> Typed for Vec<Placed<T>> {
    fn from_parsed(parsed: Parsed) -> Option<Vec<Placed<T>>> {
        let Parsed::List(items) = parsed else {
            return None;
        };
        let placed = |(item, place)| T::from_parsed(item).map(|value| Placed { value, place });
        items.into_iter().map(placed).collect()
    }

    fn stand_in() -> Vec<Placed<T>> {
        Vec::new()
    }
}
