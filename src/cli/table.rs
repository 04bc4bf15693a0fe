//! Columns that stand below each other.

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells; the first one is the heading.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heading: &[&str]) -> Table {
        let mut table = Table::default();
        table.add(heading.iter().map(|cell| (*cell).to_owned()));
        table
    }

    pub fn add(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Lines without spaces at their ends.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let cells = row.iter().enumerate();
            let padded: Vec<String> = cells
                .map(|(column, cell)| format!("{cell:width$}", width = self.width(column)))
                .collect();
            text.push_str(padded.join(GAP).trim_end());
            text.push('\n');
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

/// A value that may not be there.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["A", "LONG", "C"]);
        table.add(["über".to_owned(), or_dash(None::<u8>), "x".to_owned()]);
        assert_eq!(table.text(), "A     LONG  C\nüber  -     x\n");
    }

    #[test]
    fn an_empty_last_cell_leaves_no_spaces() {
        let mut table = Table::new(&["A", "B"]);
        table.add(["a".to_owned(), String::new()]);
        assert_eq!(table.text(), "A  B\na\n");
    }
}
