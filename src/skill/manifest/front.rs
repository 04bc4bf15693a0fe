//! The YAML at the top of a skill's `SKILL.md`.

/// What stands in a `SKILL.md` that is meant for us.
pub const OURS: &str = "sidegate";

/// The front matter, with every line at the number that it has in the file; none where there is none.
pub fn matter(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let mut matter = String::from("\n");
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Some(matter);
        }
        matter.push_str(line);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_at_the_second_rule_and_keeps_its_lines() {
        let text = "---\nname: mail\nmetadata: {}\n---\n# Mail\n\n---\nnot: this\n";
        assert_eq!(
            matter(text).as_deref(),
            Some("\nname: mail\nmetadata: {}\n")
        );
        assert_eq!(
            matter("\u{feff}---\r\nname: a\r\n---\r\n").as_deref(),
            Some("\nname: a\r\n")
        );
    }

    #[test]
    fn a_page_without_it_has_none() {
        for text in [
            "",
            "# Mail\n",
            "---\nname: mail\n",
            " ---\nname: a\n---\n",
            "----\na: b\n---\n",
        ] {
            assert_eq!(matter(text), None, "{text:?}");
        }
    }
}
