//! Manifests for tests, from their YAML.

use super::manifest::{load, Found, Manifest, Skills};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

/// One manifest, which is sound; its routes are `chat` and `demo`.
pub fn manifest(yaml: &str) -> Arc<Manifest> {
    let found = loaded(&[format!("skill: one\n{yaml}")]);
    Arc::clone(found.skills.get("one").unwrap())
}

/// Skills of these names that may do anything.
pub fn skills(names: &[&str]) -> Skills {
    let yaml: Vec<String> = names
        .iter()
        .map(|name| format!("skill: {name}\n"))
        .collect();
    loaded(&yaml).skills
}

fn loaded(manifests: &[String]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for (number, yaml) in manifests.iter().enumerate() {
        let file = folder.path().join(format!("{number}.yaml"));
        fs::write(&file, yaml).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    }
    let found = load(folder.path(), &["chat", "demo"]);
    assert_eq!(found.mistakes, [], "{manifests:?}");
    found
}
