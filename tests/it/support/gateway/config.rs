//! The configuration file of a test's gateway, kept as a value so that a test can change one key of it.
//!
//! It is written as JSON, which YAML has inside it; tests about YAML itself bring their own text.

use std::path::{Path, PathBuf};

use serde_json::{json, Value};

/// The keys of [`base`] that make the clocks quicker than shipped.
pub const SCALED: &[&str] = &["drain", "retry", "breaker", "routes_defaults"];

pub fn state_dir(home: &Path) -> PathBuf {
    home.join(".sidegate")
}

pub fn file(home: &Path) -> PathBuf {
    home.join("sidegate.yaml")
}

/// The folder of the upstreams' keys: outside `state_dir`, which is searched for canaries.
pub fn keys(home: &Path) -> PathBuf {
    let folder = home.join("keys");
    std::fs::create_dir_all(&folder).expect("a folder for keys");
    folder
}

/// Everything but upstreams and routes.
pub fn base(home: &Path) -> Value {
    json!({
        "listen": "127.0.0.1:0",
        "admin": "127.0.0.1:0",
        "state_dir": state_dir(home),
        "drain": "2s",
        // How full the machine's disk is must not decide what a test finds in the logs.
        "disk": {"alert_percent": 100},
        "callers": {"token_file": super::tokens::file(home)},
        "upstreams": {},
        "routes": {},
        "retry": {"base": "20ms", "cap": "200ms"},
        "breaker": {"cool_down": "2s"},
        "routes_defaults": {"timeouts": {"connect": "500ms", "header": "1s", "first_token": "1s",
                                         "first_token_max": "5s", "idle": "700ms", "plain": "3s", "total": "8s"}},
    })
}

/// Sets or removes the value at a dotted path; numbers are places in a list.
pub fn set(config: &mut Value, path: &str, value: Option<Value>) {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut place = config;
    for key in parents.split('.').filter(|key| !key.is_empty()) {
        place = match key.parse::<usize>() {
            Ok(index) if place.is_array() => &mut place[index],
            _ => &mut place[key],
        };
    }
    match (value, last.parse::<usize>()) {
        (Some(value), Ok(index)) if place.is_array() => place[index] = value,
        (Some(value), _) => place[last] = value,
        (None, _) => drop(place.as_object_mut().and_then(|object| object.remove(last))),
    }
}

/// The value at a dotted path.
pub fn look<'a>(config: &'a Value, path: &str) -> Option<&'a Value> {
    config.pointer(&format!("/{}", path.replace('.', "/")))
}

/// What has been written to the file, and the highest retry ceiling of all of it.
pub struct Written {
    config: Value,
    retry_max: u64,
}

impl Written {
    pub fn new(config: Value) -> Self {
        let mut written = Written {
            config,
            retry_max: 0,
        };
        written.note();
        written
    }

    pub fn look(&self, path: &str) -> Option<&Value> {
        look(&self.config, path)
    }

    pub fn retry_max(&self) -> u64 {
        self.retry_max
    }

    pub fn edit(&mut self, path: &str, value: Value, home: &Path) {
        set(&mut self.config, path, Some(value));
        self.save(home);
    }

    /// Saves text of the test's own; later edits begin with the last value that was no text.
    pub fn replace(&mut self, yaml: &str, home: &Path) {
        self.retry_max = self.retry_max.max(3);
        save(&file(home), yaml);
    }

    pub fn save(&mut self, home: &Path) {
        self.note();
        let text = serde_json::to_string_pretty(&expanded(&self.config)).expect("a value is JSON");
        save(&file(home), &text);
    }

    fn note(&mut self) {
        let shared = max_of(self.config.get("retry")).unwrap_or(3);
        let routes = self.config.get("routes").and_then(Value::as_object);
        let own = routes.into_iter().flat_map(|routes| routes.values());
        let highest = own
            .map(|route| max_of(route.get("retry")).unwrap_or(shared))
            .max();
        self.retry_max = self.retry_max.max(highest.unwrap_or(shared));
    }
}

fn max_of(retry: Option<&Value>) -> Option<u64> {
    retry?.get("max")?.as_u64()
}

/// `routes_defaults` is the harness's own key: what each route gets where it says nothing itself.
fn expanded(config: &Value) -> Value {
    let mut config = config.clone();
    let Some(defaults) = config
        .as_object_mut()
        .and_then(|object| object.remove("routes_defaults"))
    else {
        return config;
    };
    let routes = config.get_mut("routes").and_then(Value::as_object_mut);
    for route in routes.into_iter().flat_map(|routes| routes.values_mut()) {
        fill_in(route, &defaults);
    }
    config
}

fn fill_in(value: &mut Value, defaults: &Value) {
    let Some(defaults) = defaults.as_object() else {
        return;
    };
    for (key, default) in defaults {
        match value.get_mut(key) {
            Some(own) => fill_in(own, default),
            None => value[key] = default.clone(),
        }
    }
}

/// By rename, as editors do: nobody ever reads half a file.
fn save(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).expect("a file in the home");
    std::fs::rename(&beside, file).expect("a rename in the home");
}
