//! The files that we ship, held against the key tables.

use super::*;

#[test]
fn the_shipped_files_load_without_a_warning() {
    let mut names = Vec::new();
    for entry in fs::read_dir(root("conf")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
            && is_configuration(&path)
        {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            let loaded =
                load_text(&name, &text, &at_home()).unwrap_or_else(|wrong| panic!("{wrong}"));
            assert_eq!(loaded.warnings, [], "{name}");
            names.push(name);
        }
    }
    names.sort();
    assert_eq!(names, ["minimal.yaml", "sidegate.yaml"]);
}

/// Rules for other programs may stand beside them.
fn is_configuration(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    text.starts_with("# yaml-language-server: $schema=./sidegate.schema.json\n")
}

#[test]
fn the_complete_file_mentions_every_key() {
    let text = fs::read_to_string(root("conf/sidegate.yaml")).unwrap();
    let mut seen = 0;
    keys::visit(&keys::FILE, &mut |table| {
        for key in table.keys {
            let mention = format!("{}:", key.name);
            assert!(text.contains(&mention), "{} of {}", key.name, table.title);
            seen += 1;
        }
    });
    assert!(seen > 90, "only {seen} keys");
}

#[test]
fn the_complete_file_shows_the_defaults() {
    let complete = loaded(&fs::read_to_string(root("conf/sidegate.yaml")).unwrap());
    let minimal = loaded(MINIMAL);
    for (complete_path, minimal_path) in [
        ("routes.chat.timeouts", "routes.chat.timeouts"),
        ("routes.chat.retry", "routes.chat.retry"),
        ("retry", "retry"),
        ("breaker", "breaker"),
        ("lanes", "lanes"),
        ("limits", "limits"),
        ("logs", "logs"),
        ("skills", "skills"),
        ("disk", "disk"),
        ("listen", "listen"),
        ("admin", "admin"),
        ("state_dir", "state_dir"),
        ("threads", "threads"),
        ("drain", "drain"),
        ("upstreams.vllm-a.health", "upstreams.a.health"),
    ] {
        for row in minimal
            .origins
            .iter()
            .filter(|row| row.path.starts_with(minimal_path))
        {
            if row.value == "none" {
                continue;
            }
            let path = row.path.replacen(minimal_path, complete_path, 1);
            assert_eq!(origin(&complete, &path).value, row.value, "{path}");
        }
    }
}

#[test]
fn the_checker_reads_every_key_of_the_tables() {
    let text = fs::read_to_string(root("conf/sidegate.yaml")).unwrap();
    let tls = "tls: {cert_file: /c, key_file: /k, client_ca_file: /a}\n";
    let upstream_tls = "server_name: api.example.com\n      ca_file: /c\n      cert_file: /c\n      key_file: /k\n";
    let text = text.replacen("server_name: api.example.com ", upstream_tls, 1);
    let loaded = loaded(&format!("{text}{tls}"));
    let read: BTreeSet<String> = loaded
        .origins
        .iter()
        .map(|row| generic(&row.path))
        .collect();
    let mut wanted = BTreeSet::new();
    leaves(&keys::FILE, "", &mut wanted);
    let missing: Vec<_> = wanted.difference(&read).collect();
    assert!(missing.is_empty(), "never read: {missing:?}");
}

/// A path with the names and numbers that operators choose taken out.
fn generic(path: &str) -> String {
    let mut parts: Vec<String> = path.split('.').map(str::to_string).collect();
    let chosen = match parts.first().map(String::as_str) {
        Some("upstreams" | "routes") => Some(1),
        Some("callers") if parts.get(1).is_some_and(|part| part == "limits") => Some(2),
        _ => None,
    };
    if let Some(part) = chosen.and_then(|index| parts.get_mut(index)) {
        *part = "*".to_string();
    }
    parts.join(".").replace("[0]", "[*]").replace("[1]", "[*]")
}

fn leaves(table: &'static Table, path: &str, paths: &mut BTreeSet<String>) {
    for key in table.keys {
        let path = if path.is_empty() {
            key.name.to_string()
        } else {
            format!("{path}.{}", key.name)
        };
        match key.kind {
            Kind::Section(below) => leaves(below, &path, paths),
            Kind::Named(below) => leaves(below, &format!("{path}.*"), paths),
            Kind::Items(below) => leaves(below, &format!("{path}[*]"), paths),
            _ => {
                paths.insert(path);
            }
        }
    }
}

#[test]
fn every_default_of_the_tables_can_be_read() {
    keys::visit(&keys::FILE, &mut |table| {
        for key in table.keys {
            if let Fallback::Value(text) = key.fallback {
                let node = super::super::file::literal(text);
                let read = super::super::parse::parse(&key.kind, &node, Some("/home/op"));
                assert!(read.is_ok(), "{} of {}: {read:?}", key.name, table.title);
            }
        }
    });
}

#[test]
fn the_shipped_schema_is_that_of_the_tables() {
    let path = root("conf/sidegate.schema.json");
    let made = format!(
        "{}\n",
        serde_json::to_string_pretty(&json_schema()).unwrap()
    );
    if std::env::var_os("SIDEGATE_BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(
        kept == made,
        "run the tests with SIDEGATE_BLESS=1 to write {}",
        path.display()
    );
}

#[test]
fn the_schema_knows_every_key_of_the_complete_file() {
    let text = fs::read_to_string(root("conf/sidegate.yaml")).unwrap();
    let file: Value = serde_yaml::from_str(&text).unwrap();
    let keys = walk(&file, &json_schema(), "");
    assert!(keys > 100, "only {keys} keys");
}

/// Follows the file through the schema and counts its keys.
fn walk(value: &Value, schema: &Value, path: &str) -> usize {
    match value {
        Value::Object(entries) => {
            let mut count = 0;
            for (name, value) in entries {
                let own = schema
                    .get("properties")
                    .and_then(|properties| properties.get(name));
                let below = own.or_else(|| schema.get("additionalProperties"));
                let below = below.filter(|below| below.is_object());
                let below = below.unwrap_or_else(|| panic!("{path}.{name} is not in the schema"));
                count += 1 + walk(value, below, &format!("{path}.{name}"));
            }
            count
        }
        Value::Array(items) => {
            let below = schema
                .get("items")
                .unwrap_or_else(|| panic!("{path} is no list"));
            items.iter().map(|item| walk(item, below, path)).sum()
        }
        _ => 0,
    }
}
