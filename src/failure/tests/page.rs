//! `docs/failures.md` holds the generated tables; `SIDEGATE_BLESS=1 cargo test` writes them anew.

use super::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/failures.md");
const BEGIN: &str = "<!-- generated from src/failure: begin -->\n";
const END: &str = "<!-- generated from src/failure: end -->\n";

#[test]
fn the_documentation_has_the_tables_of_the_code() {
    let page = std::fs::read_to_string(PATH).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (tables, after) = rest.split_once(END).unwrap();
    let expected = table_markdown();
    if std::env::var_os("SIDEGATE_BLESS").is_some() {
        let page = format!("{before}{BEGIN}{expected}{END}{after}");
        return std::fs::write(PATH, page).unwrap();
    }
    assert_eq!(tables, expected);
}

#[test]
fn the_tables_have_every_code_and_even_columns() {
    let tables = table_markdown();
    for code in Code::ALL {
        let row = format!("\n| `{}` | ", code.as_str());
        assert!(tables.contains(&row), "{code:?}");
    }
    for table in tables.split("\n\n") {
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let expected = columns(table.lines().next().unwrap());
        for line in table.lines() {
            assert_eq!(columns(line), expected, "{line}");
        }
    }
}
