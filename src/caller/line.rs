//! The columns of one line of the token file, with their places, for the reader and the editor alike.
//!
//! A comment begins at a column that begins with `#`, so a `#` inside a secret is a part of it.

/// One word and the byte offset of its first character in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    pub start: usize,
    pub text: &'a str,
}

impl Column<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The columns before the comment; a byte order mark, as some editors write it, counts for nothing.
pub fn columns(line: &str) -> Vec<Column<'_>> {
    let content = line.trim_start_matches('\u{feff}');
    let mut start = line.len() - content.len();
    let mut columns = Vec::new();
    for text in content.split(|letter: char| letter.is_ascii_whitespace()) {
        if text.starts_with('#') {
            break;
        }
        if !text.is_empty() {
            columns.push(Column { start, text });
        }
        // Every separator is one byte, because it is ASCII.
        start += text.len() + 1;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        columns(line)
            .into_iter()
            .map(|column| column.text)
            .collect()
    }

    #[test]
    fn white_space_separates_and_a_comment_ends_the_line() {
        assert_eq!(words("  a\t b  c # d e\r\n"), ["a", "b", "c"]);
        assert_eq!(words("a b#c d"), ["a", "b#c", "d"]);
        for nothing in ["", "\n", "   \r\n", "# a b", "\t#a"] {
            assert!(words(nothing).is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        assert_eq!(words("\u{feff}alice s admin"), ["alice", "s", "admin"]);
        assert!(words("\u{feff}# comment").is_empty());
    }

    #[test]
    fn a_column_stands_where_it_says() {
        let line = "\u{feff}  é  second\tthird";
        for column in columns(line) {
            assert_eq!(&line[column.start..column.end()], column.text);
        }
        assert_eq!(columns(line).len(), 3);
    }
}
