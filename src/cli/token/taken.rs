//! Whether the gateway that runs has taken a change: it would by itself in a moment, but then nobody would know.

use super::TokenFile;
use crate::cli::live::Silence;
use crate::cli::output::complain;
use crate::cli::reload::{self, Reload};
use crate::cli::{Context, Exit};

/// Makes the gateway read the file, and says what came of it.
pub fn tell(context: &Context, file: &TokenFile) -> Exit {
    if !file.is_configured {
        complain("whether a gateway takes it isn't known: the file isn't the configured one");
        return Exit::Done;
    }
    match reload::ask(context) {
        Ok(Reload::Ok(taken)) => {
            let generation = taken.generation;
            complain(&format!(
                "the running gateway has taken it (generation {generation})"
            ));
            Exit::Done
        }
        Ok(Reload::Rejected { mistakes }) => {
            complain("BUT THE RUNNING GATEWAY HAS NOT TAKEN IT. Mend this:");
            mistakes.iter().for_each(|mistake| complain(mistake));
            Exit::Configuration
        }
        Err(Silence::Nobody { .. }) => {
            complain("no gateway runs; the next one to start takes it");
            Exit::Done
        }
        Err(silence @ (Silence::Held { .. } | Silence::Waiting { .. })) => {
            complain(&format!("{silence}; the next one to serve takes it"));
            Exit::Done
        }
        Err(silence @ (Silence::Strange { .. } | Silence::Elsewhere { .. })) => {
            complain(&format!(
                "whether the running gateway has taken it isn't known: {silence}"
            ));
            Exit::Failure
        }
    }
}
