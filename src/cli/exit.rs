//! How a command ends.

use std::process::ExitCode;

/// The exit codes that scripts and supervisors rely on (64 and up as in BSD's sysexits.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// Something was found that needs attention.
    Finding,
    Failure,
    Usage,
    Internal,
    /// A port or the state folder is in use.
    Taken,
    Configuration,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Finding => 1,
            Exit::Failure => 2,
            Exit::Usage => 64,
            Exit::Internal => 70,
            Exit::Taken => 71,
            Exit::Configuration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Prints clap's message; asking for help is no mistake.
pub fn usage(error: &clap::Error) -> Exit {
    let asked = !error.use_stderr();
    // A closed pipe is all that can go wrong here.
    let _ = error.print();
    if asked {
        Exit::Done
    } else {
        Exit::Usage
    }
}
