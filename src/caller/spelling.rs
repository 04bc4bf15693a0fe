//! Names that are well formed, names that were probably meant, and words that are probably secrets.

/// What a message says about [`is_name`].
pub const NAME_ACCEPTS: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ -";

/// What logs and metrics write where there is no caller, route or skill.
const NOBODY: &str = "none";

/// Longer words are cut before they are compared, because the comparison is quadratic.
const COMPARED_CHARACTERS: usize = 64;

/// Whether callers, routes and skills may be called so.
pub fn is_name(word: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=64).contains(&word.len()) && word.bytes().all(inner) && word != NOBODY
}

/// Whether a well-formed name looks like a secret in the wrong column: ours, or long hexadecimal.
pub fn resembles_secret(word: &str) -> bool {
    let ours = word.starts_with("sg_") && word.len() >= 40;
    let hexadecimal = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours || hexadecimal
}

/// The nearest of `names`, where one is near enough to be worth offering.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(given);
    let allowed = 1 + wanted.chars().count() / 4;
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&wanted, &folded(name)), name))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// "; did you mean `x`?", or nothing.
pub fn did_you_mean<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

fn folded(word: &str) -> String {
    let word: String = word.chars().take(COMPARED_CHARACTERS).collect();
    word.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_plain_words() {
        for name in ["agent-7", "a", "A.b_c", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for word in ["", "none", "a b", "a:b", "é", "a\n", &"x".repeat(65)] {
            assert!(!is_name(word), "{word}");
        }
    }

    #[test]
    fn generated_secrets_are_recognised() {
        assert!(resembles_secret(&format!("sg_{}", "A".repeat(43))));
        assert!(resembles_secret(&"0f".repeat(16)));
        for name in [
            "agent-7",
            "sg_short",
            "550e8400-e29b-41d4-a716-446655440000",
            "deadbeef",
        ] {
            assert!(!resembles_secret(name), "{name}");
        }
    }

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("Expire", ["expires", "skill"]), Some("expires"));
        assert_eq!(nearest("colour", ["expires", "skill"]), None);
        assert_eq!(nearest("xy", ["a"]), None);
    }
}
