//! The breakers as people and scripts are shown them: one row for each address and model, whoever names it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::breaker::{whole_seconds, Key, View};
use crate::cli::live::State;
use crate::cli::table::Table;
use crate::config::{print_duration, Config};
use crate::record::labels::BreakerState;
use crate::snapshot::breaker_state;

/// How a target is called whose clients' names pass through.
pub const ANY_MODEL: &str = "*";

/// All breakers that routes name.
#[derive(Debug)]
pub struct Listing {
    pub origin: Origin,
    pub breakers: Vec<Row>,
}

/// Where it was learned.
#[derive(Debug)]
pub enum Origin {
    File(PathBuf),
    /// Nothing has made it yet.
    NoFile(PathBuf),
    Gateway {
        generation: u64,
    },
}

/// One breaker, in the words of `/status`.
#[derive(Debug, PartialEq, Serialize)]
pub struct Row {
    /// Several where they have the same address.
    upstreams: Vec<String>,
    model: String,
    /// `closed`, `open` or `half_open`.
    state: String,
    consecutive_failures: u32,
    /// None for one that isn't open, or whose time is over.
    retry_in_seconds: Option<u64>,
    /// How long the probe that is out may take yet.
    probe_for_seconds: Option<u64>,
    routes: Vec<String>,
}

#[derive(Serialize)]
struct Json<'a> {
    /// None where the gateway that runs was asked instead.
    file: Option<String>,
    file_exists: Option<bool>,
    generation: Option<u64>,
    breakers: &'a [Row],
}

/// A row for each breaker that the configuration's routes name, in their order.
pub fn rows(config: &Config, look: impl Fn(&Key) -> View) -> Vec<Row> {
    let mut rows: Vec<(Key, Row)> = Vec::new();
    for route in &config.routes {
        for target in &route.targets {
            let Some(upstream) = config.upstreams.get(target.upstream) else {
                continue;
            };
            let key = Key::new(&upstream.url, target.model.as_deref());
            if let Some((_, row)) = rows.iter_mut().find(|(known, _)| *known == key) {
                row.is_named_by(&upstream.name, &route.name);
                continue;
            }
            let mut row = Row::of(target.model.as_deref(), &look(&key));
            row.is_named_by(&upstream.name, &route.name);
            rows.push((key, row));
        }
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The same of what a gateway says; it knows no addresses, so each upstream has a row of its own.
pub fn rows_of_gateway(state: &State) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for route in &state.routes {
        for target in &route.targets {
            let model = target.model.as_deref().unwrap_or(ANY_MODEL);
            let known = rows
                .iter_mut()
                .find(|row| row.model == model && row.upstreams.contains(&target.upstream));
            if let Some(row) = known {
                row.is_named_by(&target.upstream, &route.name);
                continue;
            }
            rows.push(Row {
                upstreams: vec![target.upstream.clone()],
                model: model.to_owned(),
                state: target.breaker.state.clone(),
                consecutive_failures: target.breaker.consecutive_failures,
                retry_in_seconds: target.breaker.retry_in_seconds,
                probe_for_seconds: None,
                routes: vec![route.name.clone()],
            });
        }
    }
    rows
}

impl Listing {
    pub fn all_closed(&self) -> bool {
        self.breakers.iter().all(Row::is_closed)
    }

    pub fn json(&self) -> String {
        let (file, file_exists, generation) = match &self.origin {
            Origin::File(file) => (Some(file), Some(true), None),
            Origin::NoFile(file) => (Some(file), Some(false), None),
            Origin::Gateway { generation } => (None, None, Some(*generation)),
        };
        let json = Json {
            file: file.map(|file| file.display().to_string()),
            file_exists,
            generation,
            breakers: &self.breakers,
        };
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    pub fn text(&self) -> String {
        let mut table = Table::new(&["UPSTREAM", "MODEL", "STATE", "FAILURES", "NEXT", "ROUTES"]);
        for row in &self.breakers {
            table.add([
                row.upstreams.join(","),
                row.model.clone(),
                row.state.replace('_', "-"),
                row.consecutive_failures.to_string(),
                row.next(),
                row.routes.join(","),
            ]);
        }
        let origin = match &self.origin {
            Origin::File(file) => format!("breaker file {}", file.display()),
            Origin::NoFile(file) => {
                format!("no breaker file {} yet: all are closed", file.display())
            }
            Origin::Gateway { generation } => {
                format!("from the gateway that runs, generation {generation}")
            }
        };
        format!("{}\n{origin}\n", table.text())
    }
}

impl Row {
    fn of(model: Option<&str>, view: &View) -> Row {
        Row {
            upstreams: Vec::new(),
            model: model.unwrap_or(ANY_MODEL).to_owned(),
            state: breaker_state(view).as_str().to_owned(),
            consecutive_failures: view.failures,
            retry_in_seconds: view.open_for.map(whole_seconds),
            probe_for_seconds: view.probe_for.map(whole_seconds),
            routes: Vec::new(),
        }
    }

    fn is_named_by(&mut self, upstream: &str, route: &str) {
        for (names, name) in [(&mut self.upstreams, upstream), (&mut self.routes, route)] {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.state == BreakerState::Closed.as_str()
    }

    /// What becomes of the next request.
    fn next(&self) -> String {
        let print = |seconds| print_duration(Duration::from_secs(seconds));
        match (self.retry_in_seconds, self.probe_for_seconds) {
            _ if self.is_closed() => "goes".to_owned(),
            (Some(left), _) => format!("refused; probe in {}", print(left)),
            (None, Some(left)) => format!("refused; a probe is out, for {} at most", print(left)),
            (None, None) if self.state == BreakerState::Open.as_str() => "is the probe".to_owned(),
            (None, None) => "refused; a probe is out".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
