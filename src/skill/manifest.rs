//! The manifests: one for each skill, read from their folder in one go.
//!
//! A manifest is policy: whoever can write it decides what a tool may do. So it is read only where nobody else can have
//! written it, every mistake in any of them is told at once, and with one mistake none of them holds.

mod budgets;
mod folder;
mod front;
mod keys;
mod open;
mod read;

use super::schema::{Compiler, Schema};
use crate::config::{Budget, Config, Lane, Mistake, Place};
use budgets::Budgets;
use folder::{Kind, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What one skill may do. What isn't said is not restricted.
#[derive(Debug)]
pub struct Manifest {
    pub name: Arc<str>,
    /// For people.
    pub description: Option<String>,
    /// The manifest's file.
    pub file: Arc<str>,
    /// Index into the configuration's routes: the only route that its requests take.
    pub route: Option<usize>,
    /// The only lane that its requests take.
    pub lane: Option<Lane>,
    /// Clamps, beside the route's own.
    pub max_tokens: Option<u64>,
    /// The only tools that may be offered to the model and called by it.
    pub tools: Option<BTreeSet<Arc<str>>>,
    /// What the whole body of a request must be like.
    pub request: Option<Schema>,
    pub response: Response,
    pub budget: Option<Budget>,
}

/// What an answer must be like.
#[derive(Debug, Default)]
pub struct Response {
    pub content: Option<Schema>,
    /// The arguments of calls, by the tool's name.
    pub tools: BTreeMap<Arc<str>, Schema>,
}

/// All skills, by name.
#[derive(Debug, Default)]
pub struct Skills {
    manifests: BTreeMap<Arc<str>, Arc<Manifest>>,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Found {
    /// They hold only where there is no mistake.
    pub skills: Skills,
    /// In the order of the files.
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
    /// Folders of skills whose `SKILL.md` says nothing about this gateway: nobody can name them here.
    pub without_policy: Vec<String>,
}

impl Skills {
    pub fn get(&self, name: &str) -> Option<&Arc<Manifest>> {
        self.manifests.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.manifests.values()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.manifests.keys().map(|name| name.as_ref())
    }
}

/// Reads the manifests of a configuration.
pub fn load_for(config: &Config) -> Found {
    let routes: Vec<&str> = config.routes.iter().map(|route| &*route.name).collect();
    load(&config.skills_dir, &routes)
}

/// Reads all manifests in a folder; one that isn't there holds none. `routes` are the names of the configuration's
/// routes, in its order.
pub fn load(folder: &Path, routes: &[&str]) -> Found {
    let mut loader = Loader {
        routes,
        compiler: Compiler::new(),
        budgets: Budgets::default(),
        found: Found::default(),
    };
    match folder::list(folder) {
        Ok(listed) => {
            loader.found.warnings.extend(listed.warnings);
            loader.found.mistakes.extend(listed.mistakes);
            for source in &listed.sources {
                loader.one(source);
            }
        }
        Err(mistake) => loader.found.mistakes.push(mistake),
    }
    loader.finish()
}

/// The files of a folder that [`load`] would read, and the folder itself: a change of any of them may change a skill.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let listed = folder::list(folder).unwrap_or_default();
    let sources = listed.sources.into_iter().map(|source| source.path);
    std::iter::once(folder.to_owned()).chain(sources).collect()
}

struct Loader<'a> {
    routes: &'a [&'a str],
    compiler: Compiler,
    budgets: Budgets,
    found: Found,
}

impl Loader<'_> {
    fn one(&mut self, source: &Source) {
        let name: Arc<str> = Arc::from(source.path.display().to_string());
        let file = match open::open(source) {
            Ok(file) => file,
            Err(mistake) => return self.found.mistakes.push(mistake),
        };
        let policy = match source.kind {
            Kind::Yaml => Some(file.text.as_str()),
            Kind::Folder => file
                .text
                .contains(front::OURS)
                .then_some(file.text.as_str()),
        };
        let Some(text) = policy else {
            return self.found.without_policy.push(name.to_string());
        };
        if let Err(why) = self.budgets.take_bytes(text.len()) {
            return self
                .found
                .mistakes
                .push(Mistake::new(Place::WholeFile(name), "", why));
        }
        self.found.mistakes.extend(file.unsafe_mode);
        self.found.warnings.extend(file.warning);
        let context = read::Context {
            name: &name,
            routes: self.routes,
            compiler: &self.compiler,
        };
        let outcome = match source.kind {
            Kind::Yaml => read::yaml(&context, text),
            Kind::Folder => read::skill_md(&context, text),
        };
        let mut mistakes = outcome.mistakes;
        mistakes.sort();
        mistakes.dedup();
        self.found.mistakes.extend(mistakes);
        self.found.warnings.extend(outcome.warnings);
        match outcome.manifest {
            Some((manifest, place)) => self.add(manifest, &place),
            None if outcome.is_ours => {}
            None => self.found.without_policy.push(name.to_string()),
        }
    }

    fn add(&mut self, manifest: Manifest, place: &Place) {
        if let Err(why) = self.budgets.take_schemas(&manifest) {
            let whole = Place::WholeFile(Arc::clone(&manifest.file));
            return self.found.mistakes.push(Mistake::new(whole, "", why));
        }
        if let Some(first) = self.found.skills.get(&manifest.name) {
            let text = format!(
                "`{}` is the name of another skill, in {}",
                manifest.name, first.file
            );
            return self
                .found
                .mistakes
                .push(Mistake::new(place.clone(), "skill", text));
        }
        let manifests = &mut self.found.skills.manifests;
        manifests.insert(Arc::clone(&manifest.name), Arc::new(manifest));
    }

    fn finish(self) -> Found {
        let mut found = self.found;
        // Within a file they are in its order already.
        found
            .mistakes
            .sort_by(|one, other| file_of(one).cmp(file_of(other)));
        found
            .warnings
            .sort_by(|one, other| file_of(one).cmp(file_of(other)));
        if !found.mistakes.is_empty() {
            found.skills = Skills::default();
        }
        found
    }
}

fn file_of(mistake: &Mistake) -> &str {
    match &mistake.place {
        Place::File { name, .. } | Place::WholeFile(name) => name,
        Place::Variable(_) | Place::Default(_) => "",
    }
}

#[cfg(test)]
mod tests;
