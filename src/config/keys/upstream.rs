//! Keys of an upstream.

use super::{hours, millis, KIB, TIB};
use crate::config::kind::{Key, Kind, Table};
use crate::config::model::Family;
use crate::config::rules;
use crate::config::words::words;

pub static UPSTREAM: Table = Table {
    title: "an upstream",
    keys: &[
        Key::required(
            "url",
            Kind::Url,
            "The base that clients of this server would use; it usually ends in `/v1`.",
        ),
        Key::or(
            "family",
            Kind::Choice(words::<Family>),
            "other",
            "The software behind it: decides quirks, never trust.",
        ),
        Key::optional(
            "key_file",
            Kind::Path,
            "A file that holds this server's key, mode 0400. Sent over loopback or TLS only.",
        ),
        Key::optional(
            "tls",
            Kind::Section(&TLS),
            "For https: whom to trust, and who we are.",
        ),
        Key::depends(
            "streams",
            Kind::Count(1, 10_000),
            "by family: llama.cpp its slots (4 while unknown), ollama 1, lmstudio 4, else 16",
            "Requests in flight there at most.",
        ),
        Key::or(
            "prompt_bytes_in_flight",
            Kind::Size(KIB, TIB),
            "64MiB",
            "Bytes of prompts in flight there at most.",
        ),
        Key::optional(
            "health",
            Kind::Section(&HEALTH),
            "Ask regularly whether it is well.",
        ),
        Key::optional(
            "pressure",
            Kind::Section(&PRESSURE),
            "Read its queue depth and KV-cache use, where the family has them.",
        ),
        Key::optional(
            "headers",
            Kind::Section(&HEADERS),
            "More headers to let through, by name.",
        ),
    ],
};

static TLS: Table = Table {
    title: "an upstream's `tls`",
    keys: &[
        Key::optional(
            "ca_file",
            Kind::Path,
            "PEM file of the authorities to trust, in place of the system's.",
        ),
        Key::optional(
            "cert_file",
            Kind::Path,
            "PEM file of our client certificate.",
        ),
        Key::optional(
            "key_file",
            Kind::Path,
            "PEM file of its private key, mode 0400.",
        ),
        Key::depends(
            "server_name",
            Kind::Text(&rules::SERVER_NAME),
            "the host of `url`",
            "The name asked for and verified, where it is not the URL's host.",
        ),
    ],
};

static HEALTH: Table = Table {
    title: "`health`",
    keys: &probe("/health", "10s"),
};

static PRESSURE: Table = Table {
    title: "`pressure`",
    keys: &probe("/metrics", "5s"),
};

const fn probe(path: &'static str, every: &'static str) -> [Key; 2] {
    [
        Key::or(
            "path",
            Kind::Text(&rules::PROBE_PATH),
            path,
            "The path to GET, from the server's root rather than from `url`.",
        ),
        Key::or(
            "every",
            Kind::Duration(millis(100), hours(1)),
            every,
            "The time between two of them.",
        ),
    ]
}

static HEADERS: Table = Table {
    title: "`headers`",
    keys: &[
        Key::or(
            "request",
            Kind::List(&Kind::Text(&rules::REQUEST_HEADER)),
            "[]",
            "Request headers of the client that this server gets too.",
        ),
        Key::or(
            "response",
            Kind::List(&Kind::Text(&rules::RESPONSE_HEADER)),
            "[]",
            "Headers of this server that the client gets too.",
        ),
    ],
};
