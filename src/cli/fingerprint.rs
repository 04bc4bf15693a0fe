//! What a server is, by what it answers to a few harmless questions.
//!
//! Every family answers `GET /v1/models`; most say there whose it is, the rest have a path that no other one has. `init`
//! looks for servers by this, and `doctor` whether one is what the configuration says.

mod answer;
mod model;
mod sign;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Family;

pub use answer::Answer;
pub use model::{may_be_named, Model};
pub use sign::{path_of, sign, Sign, PATHS};

/// What every server is asked first. Who doesn't answer this isn't asked anything else.
pub const FIRST: &str = "/v1/models";

/// What a server answered, by path; one that got no answer is absent.
pub type Answers = BTreeMap<&'static str, Answer>;

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Server {
        family: Family,
        models: Models,
    },
    /// It speaks HTTP, but is no model server: a web page, a tunnel's end, another program.
    Stranger,
}

/// What a server says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Models {
    /// In the server's order, but what is loaded first.
    Listed(Vec<Model>),
    /// It says so only to who has its key.
    KeyWanted,
    /// It doesn't say so now: it may be loading.
    Unsaid,
}

/// Decides by the answers alone.
pub fn identify(answers: &Answers) -> Identity {
    let Some(first) = answers.get(FIRST) else {
        return Identity::Stranger;
    };
    let list = model::list(first);
    let sign = sign(first, |_, path| answers.get(path)).map(|sign| sign.family);
    // Who lists models that nobody owns is some model server.
    match (sign.or(list.map(|_| Family::Other)), refused(first)) {
        (Some(family), true) => server(family, Models::KeyWanted),
        (Some(family), false) => {
            let models = list.map(|list| model::read(list, answers));
            server(family, models.map_or(Models::Unsaid, Models::Listed))
        }
        // Who asks for a key here is somebody's model server.
        (None, true) => server(Family::Other, Models::KeyWanted),
        (None, false) => Identity::Stranger,
    }
}

fn server(family: Family, models: Models) -> Identity {
    Identity::Server { family, models }
}

/// The body of a good answer, where it is JSON.
fn json<'a>(answers: &'a Answers, path: &str) -> Option<&'a Value> {
    answers.get(path)?.good_json()
}

/// Whether the first question was refused for want of a key, and not by a page for people.
fn refused(first: &Answer) -> bool {
    matches!(first.status, 401 | 403) && !first.is_html
}

#[cfg(test)]
mod tests;
