//! Reads typed values out of the tree and collects what is found on the way.
//!
//! A section knows its table, so that a key is checked, defaulted and explained in one call. A value
//! that can't be read is reported and replaced by a stand-in: the checker goes on to find the other
//! mistakes, and a configuration with a mistake is never handed out.

mod children;
mod found;
mod open;
mod section;

use super::error::{Mistake, Place};
use super::parse::Problem;
use std::cell::RefCell;

pub use found::{Found, Placed, Typed};
pub use section::Section;

/// A value and where it came from, for `check --explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Dotted, such as `routes.chat.retry.max`.
    pub path: String,
    /// As it would be written; `none` where there is none of it.
    pub value: String,
    pub from: Place,
}

/// What is found while a configuration is read.
#[derive(Debug, Default)]
pub struct Findings {
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
    pub origins: Vec<Origin>,
}

/// Shared by all sections of one reading.
#[derive(Debug)]
pub struct Reader {
    home: Option<String>,
    findings: RefCell<Findings>,
}

impl Reader {
    /// `home` is what `~` stands for.
    pub fn new(home: Option<&str>) -> Reader {
        Reader {
            home: home.map(str::to_string),
            findings: RefCell::default(),
        }
    }

    pub fn into_findings(self) -> Findings {
        self.findings.into_inner()
    }

    pub fn mistake(&self, place: &Place, path: &str, text: impl Into<String>) {
        let mistake = Mistake::new(place.clone(), path, text);
        self.findings.borrow_mut().mistakes.push(mistake);
    }

    pub fn warn(&self, place: &Place, path: &str, text: impl Into<String>) {
        let warning = Mistake::new(place.clone(), path, text);
        self.findings.borrow_mut().warnings.push(warning);
    }

    pub fn explain(&self, path: &str, value: impl Into<String>, from: &Place) {
        self.findings.borrow_mut().origins.push(Origin {
            path: path.to_string(),
            value: value.into(),
            from: from.clone(),
        });
    }

    fn problems(&self, path: &str, problems: Vec<Problem>) {
        for problem in problems {
            let path = format!("{path}{}", problem.suffix);
            self.mistake(&problem.place, &path, problem.text);
        }
    }
}
