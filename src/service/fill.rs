//! Puts values in the place of `{{NAME}}` in one string of a template.

use std::fmt;

use super::values::{Value, Values};

/// What became of the string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    Text(String),
    /// The string was one placeholder and nothing else, and that is a number.
    Number(u64),
    /// The string was one placeholder and nothing else, and stands for any number of words.
    Words(Vec<String>),
    /// It asks for something that isn't there, so the entry it stands in isn't either.
    LeftOut,
}

/// Why a template can't be filled: a mistake in the template itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadTemplate {
    Unknown(String),
    Unclosed(String),
    /// It can't be read as what it should be.
    Unreadable(String),
}

/// Fills one string. What a value has in it is never looked at again.
///
/// # Errors
/// See [`BadTemplate`].
pub fn fill(template: &str, values: &Values) -> Result<Filled, BadTemplate> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let closed = after.split_once("}}");
        let (name, after) = closed.ok_or_else(|| BadTemplate::Unclosed(template.to_owned()))?;
        text.push_str(before);
        match values.get(name) {
            None => return Err(BadTemplate::Unknown(name.to_owned())),
            Some(Value::LeftOut) => return Ok(Filled::LeftOut),
            Some(Value::Number(number)) if text.is_empty() && after.is_empty() => {
                return Ok(Filled::Number(*number))
            }
            Some(Value::Number(number)) => text.push_str(&number.to_string()),
            Some(Value::Words(words)) if text.is_empty() && after.is_empty() => {
                return Ok(Filled::Words(words.clone()))
            }
            Some(Value::Words(_)) => {
                let why = format!("{{{{{name}}}}} stands for several words, so it stands alone");
                return Err(BadTemplate::Unreadable(why));
            }
            Some(Value::Text(value)) => text.push_str(value),
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(Filled::Text(text))
}

impl fmt::Display for BadTemplate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadTemplate::Unknown(name) => write!(out, "nothing is known as {{{{{name}}}}}"),
            BadTemplate::Unclosed(text) => write!(out, "a placeholder has no end in `{text}`"),
            BadTemplate::Unreadable(why) => write!(out, "it cannot be read: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(name: &str) -> Values {
        Values::from_pairs(&[
            ("NAME", Value::Text(name.to_owned())),
            ("COUNT", Value::Number(25)),
            ("NOTHING", Value::LeftOut),
            (
                "WORDS",
                Value::Words(vec!["a b".to_owned(), name.to_owned()]),
            ),
        ])
    }

    fn text(text: &str) -> Result<Filled, BadTemplate> {
        Ok(Filled::Text(text.to_owned()))
    }

    #[test]
    fn values_stand_where_their_names_stood() {
        let fill = |template| fill(template, &values("x"));
        assert_eq!(fill("plain"), text("plain"));
        assert_eq!(fill("{{NAME}}/{{NAME}}.log"), text("x/x.log"));
        assert_eq!(fill("{{COUNT}} s"), text("25 s"));
        assert_eq!(fill("{{COUNT}}"), Ok(Filled::Number(25)));
        assert_eq!(fill("{{NAME}}{{COUNT}}"), text("x25"));
    }

    #[test]
    fn a_string_that_asks_for_nothing_is_left_out() {
        assert_eq!(fill("a{{NOTHING}}b", &values("x")), Ok(Filled::LeftOut));
    }

    #[test]
    fn words_stay_words_and_stand_alone() {
        let words = Filled::Words(vec!["a b".to_owned(), "x".to_owned()]);
        assert_eq!(fill("{{WORDS}}", &values("x")), Ok(words));
        let refused = fill("--{{WORDS}}", &values("x")).unwrap_err();
        assert!(refused.to_string().ends_with("so it stands alone"));
    }

    #[test]
    fn a_template_that_asks_for_the_unknown_is_refused() {
        let said = |template| fill(template, &values("x")).unwrap_err().to_string();
        assert_eq!(said("{{OTHER}}"), "nothing is known as {{OTHER}}");
        assert_eq!(said("a {{NAME"), "a placeholder has no end in `a {{NAME`");
    }

    proptest! {
        /// Also a value that looks like a placeholder.
        #[test]
        fn any_value_arrives_unchanged(value in ".*") {
            prop_assert_eq!(fill("{{NAME}}", &values(&value)), Ok(Filled::Text(value)));
            prop_assert_eq!(fill("{{NAME}}", &values("{{COUNT}}")), Ok(Filled::Text("{{COUNT}}".to_owned())));
        }
    }
}
