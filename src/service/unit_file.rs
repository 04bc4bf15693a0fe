//! Fills a template of systemd.
//!
//! A line that asks for something that isn't there is left out. Values are escaped for the place they stand in, so that
//! a path with spaces, quotes, `%` or `$` in it is still that path (systemd.service(5), "Command lines").

use super::fill::{fill as fill_string, BadTemplate, Filled};
use super::values::Values;

/// What needs no quotes.
const PLAIN: &str = "/._@:+,=~-";

/// The filled template, with the mark as its only comment.
///
/// # Errors
/// See [`BadTemplate`].
pub fn fill(template: &str, values: &Values, mark: &str) -> Result<String, BadTemplate> {
    let mut text = format!("# {mark}\n");
    for line in template.lines().filter(|line| !line.starts_with('#')) {
        if let Some(line) = filled(line, values)? {
            text.push_str(&line);
            text.push('\n');
        }
    }
    Ok(text)
}

/// Seconds from SIGTERM to SIGKILL, as a written file has it.
pub fn exit_seconds(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let seconds = lines.find_map(|line| line.strip_prefix("TimeoutStopSec="))?;
    seconds.parse().ok()
}

/// None where the line is left out.
fn filled(line: &str, values: &Values) -> Result<Option<String>, BadTemplate> {
    match line.split_once('=') {
        Some((key, command)) if key.starts_with("Exec") => {
            let mut words = Vec::new();
            for (index, word) in command.split(' ').enumerate() {
                let Some(value) = word_of(word, values)? else {
                    return Ok(None);
                };
                match value {
                    Word::Written(word) => words.push(word),
                    // The program's own path knows no variables, so a `$` in it is only that.
                    Word::Value(value) => words.push(quoted(&value, index > 0)),
                    Word::Several(all) => words.extend(all.iter().map(|one| quoted(one, true))),
                }
            }
            Ok(Some(format!("{key}={}", words.join(" "))))
        }
        Some((key, value)) => Ok(word_of(value, values)?.map(|value| match value {
            Word::Written(value) => format!("{key}={value}"),
            Word::Value(value) => format!("{key}={}", value.replace('%', "%%")),
            Word::Several(values) => format!("{key}={}", values.join(" ").replace('%', "%%")),
        })),
        None => Ok(Some(line.to_owned())),
    }
}

enum Word {
    /// As the template has it, systemd's own characters included.
    Written(String),
    Value(String),
    Several(Vec<String>),
}

fn word_of(word: &str, values: &Values) -> Result<Option<Word>, BadTemplate> {
    if !word.contains("{{") {
        return Ok(Some(Word::Written(word.to_owned())));
    }
    Ok(match fill_string(word, values)? {
        Filled::Text(text) => Some(Word::Value(text)),
        Filled::Number(number) => Some(Word::Value(number.to_string())),
        Filled::Words(words) => Some(Word::Several(words)),
        Filled::LeftOut => None,
    })
}

fn quoted(value: &str, knows_variables: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '%' => text.push_str("%%"),
            '$' if knows_variables => text.push_str("$$"),
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::super::values::Value;
    use super::*;

    const TEMPLATE: &str = "# why\n[Service]\nExecStart={{PATH}} serve --config {{PATH}}\nExecReload=/bin/kill -HUP $MAINPID\n\
        User={{USER}}\nTimeoutStopSec={{SECONDS}}\n\n[Install]\nWantedBy=x.target\n";

    fn filled(path: &str, user: Value) -> String {
        let path = Value::Text(path.to_owned());
        let seconds = Value::Number(25);
        let values = Values::from_pairs(&[("PATH", path), ("USER", user), ("SECONDS", seconds)]);
        fill(TEMPLATE, &values, "the mark").unwrap()
    }

    #[test]
    fn a_line_without_its_value_is_left_out() {
        let text = "# the mark\n[Service]\nExecStart=/x serve --config /x\nExecReload=/bin/kill -HUP $MAINPID\n\
            TimeoutStopSec=25\n\n[Install]\nWantedBy=x.target\n";
        assert_eq!(filled("/x", Value::LeftOut), text);
        assert_eq!(exit_seconds(text), Some(25));
        assert!(filled("/x", Value::Text("us".to_owned())).contains("\nUser=us\n"));
    }

    #[test]
    fn what_systemd_would_act_upon_is_escaped() {
        for (path, program, argument) in [
            ("/a b", r#""/a b""#, r#""/a b""#),
            ("/50%", r#""/50%%""#, r#""/50%%""#),
            ("/$HOME", r#""/$HOME""#, r#""/$$HOME""#),
            (r#"/a"\"#, r#""/a\"\\""#, r#""/a\"\\""#),
            ("/a;b", r#""/a;b""#, r#""/a;b""#),
            ("/ä", r#""/ä""#, r#""/ä""#),
        ] {
            let text = filled(path, Value::LeftOut);
            let line = format!("\nExecStart={program} serve --config {argument}\n");
            assert!(text.contains(&line), "{text}");
        }
    }
}
