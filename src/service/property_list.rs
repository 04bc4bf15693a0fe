//! Fills a template of launchd.
//!
//! The library reads the template and writes the result, so that a path with `&` or `<` in it is still that path.

use plist::{Dictionary, Value, XmlWriteOptions};

use super::fill::{fill as fill_string, BadTemplate, Filled};
use super::values::Values;

/// The beginning of every property list, which the mark goes in front of.
const ROOT: &str = "<plist";

/// The filled template, with the mark as its only comment.
///
/// # Errors
/// See [`BadTemplate`].
pub fn fill(template: &str, values: &Values, mark: &str) -> Result<String, BadTemplate> {
    let unreadable = |error: &dyn std::fmt::Display| BadTemplate::Unreadable(error.to_string());
    let root = Value::from_reader_xml(template.as_bytes()).map_err(|error| unreadable(&error))?;
    let filled = entry(root, values)?;
    let filled = filled.ok_or_else(|| unreadable(&"nothing is left of it"))?;
    let mut bytes = Vec::new();
    filled
        .to_writer_xml_with_options(&mut bytes, &XmlWriteOptions::default())
        .map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| unreadable(&error))?;
    match text.split_once(ROOT) {
        Some((head, rest)) => Ok(format!("{head}<!-- {mark} -->\n{ROOT}{rest}\n")),
        None => Err(unreadable(&"the library wrote no property list")),
    }
}

/// Seconds from SIGTERM to SIGKILL, as a written file has it.
pub fn exit_seconds(text: &str) -> Option<u64> {
    let root = Value::from_reader_xml(text.as_bytes()).ok()?;
    let seconds = root.as_dictionary()?.get("ExitTimeOut")?;
    seconds.as_unsigned_integer()
}

/// None where it is left out.
fn entry(value: Value, values: &Values) -> Result<Option<Value>, BadTemplate> {
    match value {
        Value::String(text) => Ok(match fill_string(&text, values)? {
            Filled::Text(text) => Some(Value::String(text)),
            Filled::Number(number) => Some(Value::Integer(number.into())),
            Filled::Words(words) => {
                Some(Value::Array(words.into_iter().map(Value::String).collect()))
            }
            Filled::LeftOut => None,
        }),
        Value::Array(items) => {
            let mut kept = Vec::new();
            for item in items {
                match (matches!(item, Value::String(_)), entry(item, values)?) {
                    // Several words in the place of one.
                    (true, Some(Value::Array(words))) => kept.extend(words),
                    (_, item) => kept.extend(item),
                }
            }
            Ok(Some(Value::Array(kept)))
        }
        Value::Dictionary(items) => {
            let mut kept = Dictionary::new();
            for (key, item) in items {
                if let Some(item) = entry(item, values)? {
                    kept.insert(key, item);
                }
            }
            Ok(Some(Value::Dictionary(kept)))
        }
        // Numbers, truths and the like; the library may learn more kinds.
        other => Ok(Some(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::values::Value as Known;
    use super::*;

    const TEMPLATE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<!-- {{THIS IS NO PLACEHOLDER -->
<key>Path</key><string>{{PATH}}</string>
<key>User</key><string>{{USER}}</string>
<key>ExitTimeOut</key><string>{{SECONDS}}</string>
<key>Words</key><array><string>a</string><string>{{USER}}</string><string>{{PATH}}/x</string></array>
<key>Flag</key><true/>
</dict></plist>"#;

    fn filled(path: &str) -> String {
        let values = Values::from_pairs(&[
            ("PATH", Known::Text(path.to_owned())),
            ("USER", Known::LeftOut),
            ("SECONDS", Known::Number(25)),
        ]);
        fill(TEMPLATE, &values, "the mark").unwrap()
    }

    fn read(text: &str) -> Dictionary {
        let root = Value::from_reader_xml(text.as_bytes()).unwrap();
        root.into_dictionary().unwrap()
    }

    #[test]
    fn what_has_no_value_is_left_out_with_its_key() {
        let written = read(&filled("/x"));
        assert!(!written.contains_key("User"));
        let words = written.get("Words").and_then(Value::as_array).unwrap();
        assert_eq!(words, &[Value::from("a"), Value::from("/x/x")]);
        assert_eq!(written.get("Flag"), Some(&Value::Boolean(true)));
    }

    #[test]
    fn a_number_is_written_as_a_number() {
        let text = filled("/x");
        assert_eq!(read(&text).get("ExitTimeOut"), Some(&Value::from(25u64)));
        assert_eq!(exit_seconds(&text), Some(25));
        assert_eq!(exit_seconds("no property list"), None);
    }

    #[test]
    fn the_mark_is_a_comment_that_readers_pass_over() {
        let text = filled("/x");
        assert_eq!(text.matches("<!-- the mark -->").count(), 1);
        assert!(text.starts_with("<?xml") && text.ends_with("</plist>\n"));
    }

    proptest! {
        #[test]
        fn any_path_arrives_unchanged(path in "/[^\\p{Cc}\u{fffe}\u{ffff}]*") {
            let text = filled(&path);
            let read = read(&text);
            prop_assert_eq!(read.get("Path").and_then(Value::as_string), Some(path.as_str()));
        }
    }
}
