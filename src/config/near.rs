//! The name that was probably meant.

const CANDIDATES: usize = 1000;

/// What other gateways and SDKs call our keys.
const ELSEWHERE: [(&str, &str); 9] = [
    ("base_url", "url"),
    ("api_base", "url"),
    ("endpoint", "url"),
    ("provider", "family"),
    ("max_connections", "streams"),
    ("max_concurrency", "streams"),
    ("retries", "retry"),
    ("circuit_breaker", "breaker"),
    ("model_name", "alias"),
];

/// The nearest of `names`, where one is near enough to be worth offering.
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(given);
    let known_as = ELSEWHERE.iter().find(|(theirs, _)| *theirs == wanted);
    // More names than anybody reads: comparing with all of them would be slow and no help.
    let names = names.into_iter().take(CANDIDATES);
    let allowed = 1 + wanted.chars().count() / 4;
    names
        .map(|name| match known_as {
            Some((_, ours)) if *ours == name => (0, name),
            _ => (strsim::osa_distance(&wanted, &folded(name)), name),
        })
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// "; did you mean `x`?", or nothing.
pub fn did_you_mean<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(given, names) {
        Some(name) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}

/// Names that differ in case or in `-` and `_` only are the same to a person.
fn folded(name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        let names = ["timeouts", "targets", "url"];
        assert_eq!(nearest("tiemouts", names), Some("timeouts"));
        assert_eq!(nearest("Targets", names), Some("targets"));
        assert_eq!(nearest("base_url", names), Some("url"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("xy", ["a"]), None);
    }
}
