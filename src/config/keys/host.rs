//! Keys about this machine: its ports, folders, logs and neighbours.

use super::{hours, minutes, GIB, KIB};
use crate::config::kind::{Key, Kind, Table};
use crate::config::rules;
use crate::config::words::words;
use log::LevelFilter;
use std::time::Duration;

pub const LISTEN: Key = Key::or(
    "listen",
    Kind::Address,
    "127.0.0.1:8787",
    "Where clients connect. An address that is not loopback needs `tls` beside it. Takes a restart.",
);

pub const TLS: Key = Key::optional(
    "tls",
    Kind::Section(&LISTENER_TLS),
    "The data listener's certificate. Files are named here, never shown.",
);

pub const ADMIN: Key = Key::or(
    "admin",
    Kind::Address,
    "127.0.0.1:8788",
    "Health, metrics and status. Loopback only. Takes a restart.",
);

pub const STATE_DIR: Key = Key::or(
    "state_dir",
    Kind::Folder,
    "~/.sidegate",
    "What the gateway keeps: breakers, its control socket, the last good configuration. One gateway \
     at a time. Takes a restart.",
);

pub const THREADS: Key = Key::or(
    "threads",
    Kind::Count(1, 256),
    "2",
    "Worker threads of the data listener. Takes a restart.",
);

pub const DRAIN: Key = Key::or(
    "drain",
    Kind::Duration(Duration::ZERO, hours(1)),
    "15s",
    "How long streams may go on after SIGTERM.",
);

pub const SKILLS: Key = Key::optional("skills", Kind::Section(&SKILLS_TABLE), "The skill gate.");

pub const LOGS: Key = Key::optional("logs", Kind::Section(&LOGS_TABLE), "The log files.");

pub const DISK: Key = Key::optional(
    "disk",
    Kind::Section(&DISK_TABLE),
    "The disks that `sidegate disk` and the metrics watch.",
);

pub const TELEMETRY: Key = Key::optional(
    "telemetry",
    Kind::Section(&TELEMETRY_TABLE),
    "Where spans go, if anywhere.",
);

pub const SHARED: Key = Key::optional(
    "shared",
    Kind::Section(&SHARED_TABLE),
    "Budgets and rates that are counted across hosts.",
);

static LISTENER_TLS: Table = Table {
    title: "the listener's `tls`",
    keys: &[
        Key::required(
            "cert_file",
            Kind::Path,
            "PEM file of the certificate and its chain.",
        ),
        Key::required(
            "key_file",
            Kind::Path,
            "PEM file of the private key, mode 0400.",
        ),
        Key::optional(
            "client_ca_file",
            Kind::Path,
            "PEM file of the authorities whose client certificates are required.",
        ),
    ],
};

static SKILLS_TABLE: Table = Table {
    title: "`skills`",
    keys: &[Key::depends(
        "dir",
        Kind::Folder,
        "`skills` below `state_dir`",
        "The folder of the skills' manifests.",
    )],
};

static LOGS_TABLE: Table = Table {
    title: "`logs`",
    keys: &[
        Key::depends(
            "dir",
            Kind::Folder,
            "`logs` below `state_dir`",
            "The folder of the log files, made with mode 0700.",
        ),
        Key::or(
            "max_bytes",
            Kind::Size(KIB, 64 * GIB),
            "64MiB",
            "A log file is rotated at this size.",
        ),
        Key::or(
            "max_age",
            Kind::Duration(minutes(1), hours(8760)),
            "24h",
            "A log file is rotated at the end of each such period, counted in UTC: 24h is midnight.",
        ),
        Key::or(
            "keep",
            Kind::Count(0, 1000),
            "7",
            "Rotated files kept of each log.",
        ),
        Key::or(
            "level",
            Kind::Choice(words::<LevelFilter>),
            "info",
            "The least important lines that reach `gateway.jsonl`.",
        ),
    ],
};

static DISK_TABLE: Table = Table {
    title: "`disk`",
    keys: &[
        Key::depends(
            "watch",
            Kind::List(&Kind::Folder),
            "`~`, `~/.cache/huggingface` and `logs.dir`",
            "Folders whose volumes are watched.",
        ),
        Key::or(
            "alert_percent",
            Kind::Count(1, 100),
            "80",
            "A volume this full is a finding.",
        ),
    ],
};

static TELEMETRY_TABLE: Table = Table {
    title: "`telemetry`",
    keys: &[Key::optional(
        "otlp",
        Kind::Url,
        "Base address of an OTLP/HTTP collector.",
    )],
};

static SHARED_TABLE: Table = Table {
    title: "`shared`",
    keys: &[Key::optional(
        "redis",
        Kind::Text(&rules::REDIS),
        "A Redis without a password, such as one on loopback or behind a tunnel.",
    )],
};
