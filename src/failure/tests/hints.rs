use std::collections::HashSet;

use super::*;

/// Every hint that there is: each code and case, for each family and for none, with the longest facts.
fn all_hints() -> Vec<String> {
    let id = "x".repeat(64);
    let mut hints = Vec::new();
    for &code in Code::ALL {
        for family in Family::ALL.map(Family::as_str).into_iter().chain(["none"]) {
            let about = About {
                provider_family: family,
                correlation_id: &id,
                ..ABOUT
            };
            let place = "a-key-of-a-schema-that-is-as-long-as-a-hint-can-still-show";
            let failure = Failure::new(code)
                .retry_after(Duration::MAX)
                .renews_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_600))
                .pointer(Pointer::new([Segment::SchemaKey(place.into())]));
            for failure in [
                failure.clone(),
                failure.clone().html_page(),
                failure.loading(),
            ] {
                hints.push(hint(&failure, &about));
            }
        }
    }
    hints
}

#[test]
fn hints_are_whole_sentences_of_at_most_300_characters() {
    let hints = all_hints();
    assert_eq!(hints.len(), Code::ALL.len() * 10 * 3);
    for hint in hints {
        assert!(
            hint.chars().count() <= 300,
            "{}: {hint}",
            hint.chars().count()
        );
        assert!(
            hint.starts_with(|first: char| first.is_ascii_uppercase()),
            "{hint}"
        );
        assert!(hint.ends_with('.') && !hint.ends_with(".."), "{hint}");
        assert!(
            !hint.contains(['{', '}', '\n']) && !hint.contains("  "),
            "{hint}"
        );
        assert_eq!(hint.matches('`').count() % 2, 0, "{hint}");
    }
}

#[test]
fn no_code_and_no_case_lacks_its_own_hint() {
    for &code in Code::ALL {
        assert!(hint::of(hint::Case::Code(code), None).is_some(), "{code:?}");
    }
    assert!(hint::of(hint::Case::HtmlPage, None).is_some());
    assert!(hint::of(hint::Case::Loading, None).is_some());
}

#[test]
fn a_family_says_more_than_the_general_hint() {
    let mut differing = HashSet::new();
    for &code in Code::ALL {
        let general = hint::of(hint::Case::Code(code), None);
        for family in Family::ALL {
            if let Some(own) = hint::of(hint::Case::Code(code), Some(family)) {
                assert_ne!(Some(own), general, "{code:?} {family:?}");
                differing.insert(family);
            }
        }
    }
    assert_eq!(differing.len(), Family::ALL.len() - 1, "all but `other`");
}

#[test]
fn no_hint_is_written_twice_for_one_case() {
    let mut seen = HashSet::new();
    for case in hint::cases() {
        assert!(seen.insert(case), "{case:?}");
    }
    assert!(seen.len() > Code::ALL.len());
}

/// Commands with the words that may follow them.
const COMMANDS: &[&str] = &[
    "check --explain",
    "routes",
    "status",
    "explain",
    "breakers",
    "breakers reset",
    "skills",
    "doctor",
    "doctor --snapshot FILE",
    "service status",
    "smoke",
    "token list",
    "token new NAME --scopes invoke:<route>",
];

#[test]
fn hints_name_only_commands_that_exist() {
    let mut named = HashSet::new();
    let id = "x".repeat(64);
    for hint in all_hints() {
        for quoted in hint.split('`').skip(1).step_by(2) {
            if let Some(command) = quoted.strip_prefix("sidegate ") {
                let command = command.trim_end_matches(&id).trim_end().to_owned();
                assert!(COMMANDS.contains(&command.as_str()), "{command}: {hint}");
                named.insert(command);
            }
        }
        let outside: String = hint.split('`').step_by(2).collect();
        assert!(
            !outside.contains("sidegate "),
            "a command without quotes: {hint}"
        );
    }
    assert!(named.len() > 8, "{named:?}");
}

#[test]
fn the_family_of_the_failure_wins_over_that_of_the_request() {
    let failure = Failure::new(Code::UpstreamModelMissing);
    assert!(hint(&failure, &ABOUT).contains("vLLM"));
    let failure = failure.family(Family::Ollama);
    assert!(hint(&failure, &ABOUT).starts_with("Run `ollama pull`"));
}

#[test]
fn what_was_seen_tells_more_than_the_code() {
    let failure = Failure::new(Code::UpstreamProtocolError);
    assert!(hint(&failure, &ABOUT).contains("SSH tunnel"));
    assert!(hint(&failure.html_page(), &ABOUT).contains("a web page answered"));
    let loading = Failure::new(Code::UpstreamOverloaded).loading();
    assert!(hint(&loading, &ABOUT).contains("still loading"));
}

#[test]
fn the_deciding_key_is_named() {
    let full = Failure::new(Code::LaneFull);
    assert!(hint(&full, &ABOUT).contains("`lanes.<lane>.queue`"));
    let full = full.config_key("lanes.batch.queue");
    assert!(hint(&full, &ABOUT).contains("`lanes.batch.queue`"));
    let host = Failure::new(Code::HostDenied);
    assert!(hint(&host, &ABOUT).contains("`callers.allowed_hosts`"));
    let origin = Failure::new(Code::OriginDenied);
    assert!(hint(&origin, &ABOUT).contains("`callers.allowed_origins`"));
}
