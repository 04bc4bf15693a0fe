//! The heads and bodies that [`super`] sends.

pub const BODY: &str = r#"{"model":"m","messages":[]}"#;

/// The lines of a request's head, and the bytes behind it.
pub struct Case {
    pub name: &'static str,
    first_line: &'static str,
    /// Beside authorization and content type.
    lines: &'static [&'static str],
    body: &'static str,
}

pub const POST: &str = "POST /v1/chat/completions HTTP/1.1";
pub const HOST: &str = "host: localhost";
pub const LENGTH: &str = "content-length: 27";
pub const CHUNKED: &str = "transfer-encoding: chunked";
pub const IN_CHUNKS: &str = "1b\r\n{\"model\":\"m\",\"messages\":[]}\r\n0\r\n\r\n";

pub const fn case(name: &'static str, lines: &'static [&'static str], body: &'static str) -> Case {
    Case {
        name,
        first_line: POST,
        lines,
        body,
    }
}

/// Well-formed enough for a parser, but not for us.
pub const REFUSED_BY_US: &[Case] = &[
    case(
        "a length beside chunks",
        &[HOST, LENGTH, CHUNKED],
        IN_CHUNKS,
    ),
    case(
        "chunks beside a length",
        &[HOST, CHUNKED, LENGTH],
        IN_CHUNKS,
    ),
    case("two equal lengths", &[HOST, LENGTH, LENGTH], BODY),
    case("a list of lengths", &[HOST, "content-length: 27, 27"], BODY),
    case(
        "two codings",
        &[HOST, "transfer-encoding: gzip, chunked"],
        IN_CHUNKS,
    ),
    case(
        "chunks twice in a line",
        &[HOST, "transfer-encoding: chunked, chunked"],
        IN_CHUNKS,
    ),
    case("chunks in two lines", &[HOST, CHUNKED, CHUNKED], IN_CHUNKS),
    case("no host", &[LENGTH], BODY),
    case(
        "an upgrade",
        &[HOST, LENGTH, "connection: upgrade", "upgrade: websocket"],
        BODY,
    ),
    case(
        "an upgrade to h2c",
        &[
            HOST,
            LENGTH,
            "connection: upgrade, http2-settings",
            "upgrade: h2c",
        ],
        BODY,
    ),
    case(
        "a twin of content-length",
        &[HOST, LENGTH, "Content_Length: 3"],
        BODY,
    ),
    case(
        "a twin of transfer-encoding",
        &[HOST, LENGTH, "transfer_encoding: chunked"],
        BODY,
    ),
    case(
        "a twin of authorization's kind",
        &[HOST, LENGTH, "X_Api_Key: secret"],
        BODY,
    ),
    case(
        "a twin of a header of ours",
        &[HOST, LENGTH, "X_Sidegate_Route: other"],
        BODY,
    ),
    case(
        "half a twin",
        &[HOST, LENGTH, "X-Sidegate_Lane: batch"],
        BODY,
    ),
    case(
        "a twin of the id",
        &[HOST, LENGTH, "x_correlation_id: mine"],
        BODY,
    ),
    case(
        "a header line that ends in LF alone",
        &[HOST, "x-a: 1\nx-b: 2", LENGTH],
        BODY,
    ),
    case(
        "a chunk size that is negative",
        &[HOST, CHUNKED],
        "-1\r\n{}\r\n0\r\n\r\n",
    ),
    case(
        "a chunk size beyond all numbers",
        &[HOST, CHUNKED],
        "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ),
    case(
        "a chunk that is longer than it says",
        &[HOST, CHUNKED],
        "2\r\n{}{}\r\n0\r\n\r\n",
    ),
];

/// No HTTP, by the parser's own judgement: a bare 400 (405 for CONNECT), no line in the log.
pub const REFUSED_BY_THE_PARSER: &[Case] = &[
    case(
        "two different lengths",
        &[HOST, LENGTH, "content-length: 3"],
        BODY,
    ),
    case("a signed length", &[HOST, "content-length: +27"], BODY),
    case(
        "an unknown coding",
        &[HOST, "transfer-encoding: xchunked"],
        IN_CHUNKS,
    ),
    case(
        "chunks that are not the last coding",
        &[HOST, "transfer-encoding: chunked, identity"],
        IN_CHUNKS,
    ),
    case(
        "a space before the colon",
        &[HOST, "content-length : 27"],
        BODY,
    ),
    case("a folded line", &[HOST, "x-a: 1\r\n 2", LENGTH], BODY),
    case("a NUL in a value", &[HOST, LENGTH, "x-a: \0"], BODY),
    case(
        "a lone CR in a value",
        &[HOST, LENGTH, "x-a: 1\rx-b: 2"],
        BODY,
    ),
    case("two hosts", &[HOST, "host: 127.0.0.1", LENGTH], BODY),
    Case {
        name: "chunks in HTTP/1.0",
        first_line: "POST /v1/chat/completions HTTP/1.0",
        lines: &[HOST, CHUNKED],
        body: IN_CHUNKS,
    },
    Case {
        name: "a host and a port",
        first_line: "CONNECT localhost:80 HTTP/1.1",
        lines: &["host: localhost:80"],
        body: "",
    },
    Case {
        name: "another host in the target",
        first_line: "POST http://evil.example/v1/chat/completions HTTP/1.1",
        lines: &[HOST, LENGTH],
        body: BODY,
    },
];

/// The target names scheme and host itself, or nothing that is a path.
pub const NO_PATH: &[Case] = &[
    Case {
        name: "absolute form",
        first_line: "POST http://localhost/v1/chat/completions HTTP/1.1",
        lines: &[HOST, LENGTH],
        body: BODY,
    },
    Case {
        name: "a star",
        first_line: "OPTIONS * HTTP/1.1",
        lines: &[HOST],
        body: "",
    },
];

impl Case {
    pub fn bytes(&self, token: &str) -> String {
        let lines = self.lines.join("\r\n");
        format!(
            "{}\r\n{lines}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\r\n{}",
            self.first_line, self.body
        )
    }
}
