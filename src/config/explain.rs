//! Says where each value came from: `check --explain`.

use super::load::Loaded;
use super::reader::Origin;

/// A longer value moves its own line only, not the whole column.
const COLUMN_AT_MOST: usize = 44;

/// One line a value, in the order of the file: path, value, where it came from.
pub fn explain(loaded: &Loaded) -> String {
    let rows = last_of_each(&loaded.origins);
    let paths = width(rows.iter().map(|row| row.path.as_str()));
    let values = width(rows.iter().map(|row| row.value.as_str()));
    let mut text = String::new();
    for row in rows {
        let line = format!("{:paths$}  {:values$}  {}", row.path, row.value, row.from);
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What the environment overrides is explained twice; what holds is said last.
fn last_of_each(origins: &[Origin]) -> Vec<&Origin> {
    let mut rows: Vec<&Origin> = Vec::with_capacity(origins.len());
    let mut index = std::collections::HashMap::new();
    for origin in origins {
        match index
            .get(&origin.path)
            .and_then(|at: &usize| rows.get_mut(*at))
        {
            Some(row) => *row = origin,
            None => {
                index.insert(&origin.path, rows.len());
                rows.push(origin);
            }
        }
    }
    rows
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts
        .map(|text| text.chars().count())
        .filter(|width| *width <= COLUMN_AT_MOST)
        .max()
        .unwrap_or(0)
}
