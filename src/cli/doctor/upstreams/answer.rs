//! What was heard of an upstream: an answer, or what stood in its way.

use pingora::{Error, ErrorType};

use crate::cli::fingerprint::Answer;
use crate::cli::live::in_words;

/// An answer, or why there is none.
#[derive(Debug)]
pub enum Heard {
    Answer(Answer),
    Nothing(Quiet),
}

/// Why nothing was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quiet {
    /// The host's name leads nowhere.
    Name(String),
    Refused,
    ConnectTimeout,
    Network(String),
    Tls(String),
    /// It connected, took the request and said nothing in time.
    NoAnswer,
    /// It connected, and the other side left without a byte.
    Closed,
    NotHttp,
    Other(String),
}

impl Quiet {
    pub fn in_words(&self) -> String {
        match self {
            Quiet::Name(why) => format!("its name can't be looked up: {why}"),
            Quiet::Refused => "the connection is refused: nothing listens there".to_owned(),
            Quiet::ConnectTimeout => "no connection in time".to_owned(),
            Quiet::Network(why) => format!("no connection: {why}"),
            Quiet::Tls(why) => format!("no TLS with it: {why}"),
            Quiet::NoAnswer => "it takes the connection and doesn't answer".to_owned(),
            Quiet::Closed => "it takes the connection and closes it without an answer".to_owned(),
            Quiet::NotHttp => "what answers there speaks no HTTP".to_owned(),
            Quiet::Other(why) => format!("no answer: {why}"),
        }
    }

    /// The connection was made before: what went wrong after that.
    pub fn after_connecting(error: &Error) -> Quiet {
        match error.etype() {
            ErrorType::TLSHandshakeFailure
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::InvalidCert
            | ErrorType::HandshakeError
            | ErrorType::TLSWantX509Lookup => Quiet::Tls(in_words(error)),
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => Quiet::NoAnswer,
            ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => {
                Quiet::Closed
            }
            ErrorType::InvalidHTTPHeader | ErrorType::H1Error => Quiet::NotHttp,
            _ => Quiet::Other(in_words(error)),
        }
    }
}
