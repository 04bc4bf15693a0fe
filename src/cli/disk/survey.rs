//! Which folders count, what each takes, and the volumes below them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::weigh::weigh;
use crate::config::Config;
use crate::platform::{top_of_volume, volume_near, Volume};

/// Where the servers of this field keep what they load, below the home folder.
const KNOWN: [(What, &str); 6] = [
    (What::HuggingFace, ".cache/huggingface"),
    (What::Weights, ".ollama/models"),
    (What::Weights, ".lmstudio/models"),
    (What::Weights, ".cache/lm-studio/models"),
    (What::Weights, ".cache/llama.cpp"),
    (What::Weights, "Library/Caches/llama.cpp"),
];

/// What a folder is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Weights,
    HuggingFace,
    Logs,
    /// Named in `disk.watch` only.
    Watched,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            What::Weights => "weights",
            What::HuggingFace => "HF cache",
            What::Logs => "logs",
            What::Watched => "watched",
        }
    }
}

/// Everything that is reported.
#[derive(Debug, Serialize)]
pub struct Survey {
    pub at: String,
    pub alert_percent: u8,
    pub volumes: Vec<VolumeUse>,
    pub folders: Vec<FolderUse>,
}

/// A volume, once, whatever is on it.
#[derive(Debug, Clone, Serialize)]
pub struct VolumeUse {
    /// Its topmost folder.
    pub volume: String,
    #[serde(skip)]
    device: u64,
    pub total_bytes: u64,
    pub used_bytes: u64,
    pub free_bytes: u64,
    /// Of what may be used.
    pub used_percent: f64,
    /// At or above the alert percentage.
    pub alert: bool,
    /// With other volumes of its container: free space doesn't add up.
    pub shares_free_space: bool,
}

#[derive(Debug, Serialize)]
pub struct FolderUse {
    pub path: String,
    pub what: What,
    /// None for one that isn't there, and for one that holds everything else.
    pub bytes: Option<u64>,
    /// Some of it couldn't be looked at, or it has more files than anybody counts.
    pub at_least: bool,
    pub volume: Option<String>,
}

impl Survey {
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The same in one line.
    pub fn line(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// Looks at everything; `at` is the time as it is printed.
pub fn survey(config: &Config, home: Option<&str>, at: String) -> Survey {
    let folders = folders(config, home.map(Path::new));
    let paths: Vec<&Path> = folders.iter().map(|(_, path)| path.as_path()).collect();
    let alert_percent = config.disk.alert_percent;
    let volumes = volumes(&paths, alert_percent);
    let holds_everything = |path: &Path| home.is_some_and(|home| Path::new(home).starts_with(path));
    let folder = |(what, path): (What, PathBuf)| {
        let weight = (path.exists() && !holds_everything(&path)).then(|| weigh(&path));
        FolderUse {
            what,
            bytes: weight.map(|weight| weight.bytes),
            at_least: weight.is_some_and(|weight| !weight.is_whole),
            volume: volume_near(&path).and_then(|on| name_of(&volumes, &on)),
            path: path.display().to_string(),
        }
    };
    let folders = folders.into_iter().map(folder).collect();
    Survey {
        at,
        alert_percent,
        volumes,
        folders,
    }
}

/// The logs, everything that is watched, and of the usual places those that are there; each path once.
fn folders(config: &Config, home: Option<&Path>) -> Vec<(What, PathBuf)> {
    let mut folders = vec![(What::Logs, config.logs.dir.clone())];
    let mut add = |what, path: PathBuf| {
        if folders.iter().all(|(_, known)| *known != path) {
            folders.push((what, path));
        }
    };
    let known = home.into_iter().flat_map(|home| {
        let below = KNOWN.iter().map(|(what, path)| (*what, home.join(path)));
        below.collect::<Vec<_>>()
    });
    for (what, path) in known {
        if path.is_dir() || config.disk.watch.contains(&path) {
            add(what, path);
        }
    }
    for path in &config.disk.watch {
        add(What::Watched, path.clone());
    }
    folders
}

/// The volumes of these paths, each once, in the order of the paths.
pub fn volumes(paths: &[&Path], alert_percent: u8) -> Vec<VolumeUse> {
    let mut volumes: Vec<VolumeUse> = Vec::new();
    for path in paths {
        let Some(on) = volume_near(path) else {
            continue;
        };
        if volumes.iter().all(|known| known.device != on.device) {
            let top = top_of_volume(path).unwrap_or_else(|| path.to_path_buf());
            volumes.push(volume_use(&top, &on, alert_percent));
        }
    }
    volumes
}

fn volume_use(top: &Path, volume: &Volume, alert_percent: u8) -> VolumeUse {
    let used_percent = volume.used_ratio() * 100.0;
    VolumeUse {
        volume: top.display().to_string(),
        device: volume.device,
        total_bytes: volume.total_bytes,
        used_bytes: volume.used_bytes,
        free_bytes: volume.free_bytes,
        used_percent,
        alert: used_percent >= f64::from(alert_percent),
        shares_free_space: volume.shares_free_space,
    }
}

fn name_of(volumes: &[VolumeUse], on: &Volume) -> Option<String> {
    let known = volumes.iter().find(|known| known.device == on.device);
    Some(known?.volume.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Environment};

    fn config(home: &Path, more: &str) -> Config {
        let home = home.display();
        let yaml = format!(
            "state_dir: {home}/.sidegate\n{more}\nupstreams: {{a: {{url: 'http://127.0.0.1:1/v1', family: vllm}}}}\n\
             routes: {{chat: {{alias: [m], targets: [{{upstream: a, model: m}}]}}}}\n"
        );
        let environment = Environment::from_pairs([("HOME", home.to_string().as_str())]);
        config::load_text("test", &yaml, &environment)
            .unwrap()
            .config
    }

    #[test]
    fn a_folder_is_listed_once_with_what_is_known_of_it() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".ollama/models")).unwrap();
        let config = config(home.path(), "");
        let found: Vec<_> = folders(&config, Some(home.path()))
            .into_iter()
            .map(|(what, path)| (what, path.strip_prefix(home.path()).unwrap().to_path_buf()))
            .collect();
        let expected = [
            (What::Logs, PathBuf::from(".sidegate/logs")),
            (What::HuggingFace, PathBuf::from(".cache/huggingface")),
            (What::Weights, PathBuf::from(".ollama/models")),
            (What::Watched, PathBuf::new()),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_home_itself_is_not_weighed_and_one_volume_is_one_row() {
        let home = tempfile::tempdir().unwrap();
        let logs = home.path().join(".sidegate/logs");
        std::fs::create_dir_all(&logs).unwrap();
        std::fs::write(logs.join("access.jsonl"), [0; 10_000]).unwrap();
        let config = config(home.path(), "disk: {alert_percent: 100}");

        let survey = survey(&config, home.path().to_str(), String::new());

        let bytes = |what: What| {
            let mut folders = survey.folders.iter();
            folders.find(|folder| folder.what == what).unwrap().bytes
        };
        assert_eq!(survey.volumes.len(), 1, "{survey:?}");
        assert!(bytes(What::Logs).unwrap() >= 10_000, "{survey:?}");
        assert_eq!(bytes(What::Watched), None, "{survey:?}");
        assert_eq!(bytes(What::HuggingFace), None, "{survey:?}");
        let volume = Some(survey.volumes[0].volume.clone());
        assert!(survey.folders.iter().all(|folder| folder.volume == volume));
    }

    #[test]
    fn the_alert_begins_at_the_percentage_itself() {
        let volume = Volume {
            device: 1,
            total_bytes: 100,
            used_bytes: 80,
            free_bytes: 20,
            shares_free_space: false,
        };
        let alert = |percent| volume_use(Path::new("/"), &volume, percent).alert;
        assert_eq!((alert(79), alert(80), alert(81)), (true, true, false));
    }
}
