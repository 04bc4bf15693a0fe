//! The token file of a test's gateway.

use std::path::{Path, PathBuf};

use crate::support::tls;

#[derive(Debug, Clone)]
pub struct Caller {
    pub name: String,
    pub secret: String,
    /// What stands behind the secret: scopes and further columns.
    pub columns: String,
}

impl Caller {
    pub fn new(name: &str, secret: &str, columns: &str) -> Self {
        Caller {
            name: name.into(),
            secret: secret.into(),
            columns: columns.into(),
        }
    }
}

pub fn file(home: &Path) -> PathBuf {
    home.join("token")
}

/// Writes the whole file, mode 0400.
pub fn write(home: &Path, callers: &[Caller]) {
    let line = |caller: &Caller| format!("{} {} {}\n", caller.name, caller.secret, caller.columns);
    tls::write(
        home,
        "token",
        &callers.iter().map(line).collect::<String>(),
        0o400,
    );
}
