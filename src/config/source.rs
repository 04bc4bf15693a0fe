//! Which configuration is meant: the first of five places that has one.

use super::environment::{Environment, CONFIG};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where the configuration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    /// No file anywhere: the environment alone is a whole configuration.
    Environment,
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(out, "{}", path.display()),
            Source::Environment => write!(out, "the environment alone"),
        }
    }
}

/// Looks at `--config`, `$SIDEGATE_CONFIG`, `./sidegate.yaml`, `~/.sidegate/sidegate.yaml`.
///
/// The first two are taken at their word, so that a wrong path is a mistake and not a silent step to
/// the next place. So is a dangling link in the last two.
pub fn find(explicit: Option<&Path>, environment: &Environment, cwd: &Path) -> Source {
    if let Some(path) = explicit {
        return Source::File(cwd.join(path));
    }
    let home = environment.home().map(Path::new);
    if let Some(path) = environment.get(CONFIG) {
        return Source::File(match (path.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => cwd.join(path),
        });
    }
    let places = [
        Some(cwd.join("sidegate.yaml")),
        home.map(|home| home.join(".sidegate/sidegate.yaml")),
    ];
    places
        .into_iter()
        .flatten()
        .find(|path| path.symlink_metadata().is_ok())
        .map_or(Source::Environment, Source::File)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_first_place_that_has_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let cwd = folder.path().join("cwd");
        let home = folder.path().join("home");
        fs::create_dir_all(home.join(".sidegate")).unwrap();
        fs::create_dir_all(&cwd).unwrap();
        let home_text = home.to_str().unwrap();
        let plain = Environment::from_pairs([("HOME", home_text)]);
        let named = Environment::from_pairs([("HOME", home_text), (CONFIG, "~/named.yaml")]);

        assert_eq!(find(None, &plain, &cwd), Source::Environment);
        fs::write(home.join(".sidegate/sidegate.yaml"), "").unwrap();
        let at_home = Source::File(home.join(".sidegate/sidegate.yaml"));
        assert_eq!(find(None, &plain, &cwd), at_home);
        fs::write(cwd.join("sidegate.yaml"), "").unwrap();
        let here = Source::File(cwd.join("sidegate.yaml"));
        assert_eq!(find(None, &plain, &cwd), here);
        let by_name = Source::File(home.join("named.yaml"));
        assert_eq!(find(None, &named, &cwd), by_name);
        let said = Source::File(cwd.join("said.yaml"));
        assert_eq!(find(Some(Path::new("said.yaml")), &named, &cwd), said);
    }

    #[test]
    fn a_dangling_link_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("sidegate.yaml")).unwrap();
        let found = find(None, &Environment::default(), folder.path());
        assert_eq!(found, Source::File(folder.path().join("sidegate.yaml")));
    }
}
