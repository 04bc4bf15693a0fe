//! Prometheus' text format, read strictly enough to notice a broken line.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Debug, Clone)]
pub struct Metrics {
    series: Vec<Series>,
    text: String,
}

#[derive(Debug, Clone)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Metrics {
    pub fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parse =
            |line| series(line).unwrap_or_else(|| panic!("not a line of metrics: {line:?}"));
        Metrics {
            series: lines.map(parse).collect(),
            text: text.to_string(),
        }
    }

    /// The text as it was served.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every series of that name which has these labels, whatever others it has.
    pub fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Series> {
        let has = |series: &Series, (key, value): &(&str, &str)| {
            series.labels.get(*key).is_some_and(|it| it == value)
        };
        let fits =
            |series: &&Series| series.name == name && labels.iter().all(|label| has(series, label));
        self.series.iter().filter(fits).collect()
    }

    /// The value of the one series with these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match self.all(name, labels).as_slice() {
            [] => None,
            [series] => Some(series.value),
            several => panic!(
                "{} series of {name} have {labels:?}; name more labels",
                several.len()
            ),
        }
    }

    /// The sum over every series with these labels; 0 where there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.all(name, labels)
            .iter()
            .map(|series| series.value)
            .sum()
    }

    pub fn has(&self, name: &str) -> bool {
        self.series.iter().any(|series| series.name == name)
    }

    /// The help text of a family.
    pub fn help(&self, name: &str) -> Option<&str> {
        let prefix = format!("# HELP {name} ");
        self.text
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
    }
}

fn series(line: &str) -> Option<Series> {
    let (name, mut labels, rest) = match line.split_once('{') {
        None => {
            let (name, rest) = line.split_once(' ')?;
            (name, BTreeMap::new(), rest)
        }
        Some((name, rest)) => {
            let mut labels = BTreeMap::new();
            let rest = take_labels(rest, &mut labels)?;
            (name, labels, rest)
        }
    };
    let value = rest
        .split_whitespace()
        .next()?
        .replace("Inf", "inf")
        .parse()
        .ok()?;
    Some(Series {
        name: name.into(),
        labels: std::mem::take(&mut labels),
        value,
    })
}

/// What stands behind the closing brace.
fn take_labels<'a>(mut rest: &'a str, labels: &mut BTreeMap<String, String>) -> Option<&'a str> {
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        let (key, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = after.char_indices();
        rest = loop {
            match letters.next()? {
                (at, '"') => break &after[at + 1..],
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, letter) => value.push(letter),
            }
        };
        labels.insert(key.to_string(), value);
    }
}
