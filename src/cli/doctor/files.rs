//! The configuration and every file that it names.

use super::{Check, Facts, Finding};
use crate::config::{Config, Environment, Loaded, Mistake, Place};
use crate::server;
use crate::snapshot::{self, Findings};

/// What stands between a mistake and the command that mends it.
const RUN: &str = "; run: ";

pub fn check(facts: &Facts) -> Vec<Finding> {
    let source = &facts.context.source;
    let loaded = match &facts.loaded {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            let remedy =
                "mend it, then `sidegate check`; what depends on it was not looked at".to_owned();
            let finding = |mistake: &Mistake| {
                Finding::failure(Check::Configuration, mistake.to_string(), remedy.clone())
            };
            return mistakes.iter().map(finding).collect();
        }
    };
    let mut findings = configuration(loaded, &source.to_string());
    findings.extend(environment(&facts.context.environment, loaded));
    let seen = snapshot::examine(&loaded.config, facts.now);
    let config = &loaded.config;
    let of_tokens = |text: &str| text.starts_with("callers.token_file");
    let good = format!("{} is ours alone", config.callers.token_file.display());
    findings.extend(named(Check::TokenFile, &seen, of_tokens, good));
    let keys = |text: &str| !of_tokens(text);
    let good = "those of all upstreams are ours alone".to_owned();
    findings.extend(named(Check::KeyFiles, &seen, keys, good));
    findings.extend(listener_tls(config));
    findings
}

fn configuration(loaded: &Loaded, source: &str) -> Vec<Finding> {
    let warnings = loaded
        .warnings
        .iter()
        // What the environment says has a check of its own.
        .filter(|warning| !is_of_environment(warning));
    let remedy = "edit it, or leave it as it is if it is meant so";
    let findings: Vec<_> = warnings
        .map(|warning| Finding::warning(Check::Configuration, warning.to_string(), remedy))
        .collect();
    match findings.is_empty() {
        true => vec![Finding::ok(
            Check::Configuration,
            format!("{source} is sound"),
        )],
        false => findings,
    }
}

fn is_of_environment(warning: &Mistake) -> bool {
    matches!(warning.place, Place::Variable(_))
}

fn environment(environment: &Environment, loaded: &Loaded) -> Vec<Finding> {
    let mut findings = Vec::new();
    let config = &loaded.config;
    let base_url = environment.base_url().unwrap_or_default();
    let is_loop = points_at_us(base_url, config);
    // That it is ignored is good news then.
    let is_said_better = |it: &Mistake| is_loop && it.place == Place::Variable("OPENAI_BASE_URL");
    let warnings = loaded.warnings.iter().filter(|it| is_of_environment(it));
    for warning in warnings.filter(|it| !is_said_better(it)) {
        let remedy = "unset it in the environment of the gateway";
        findings.push(Finding::warning(
            Check::Environment,
            warning.to_string(),
            remedy,
        ));
    }
    if is_loop {
        let listen = config.listen;
        let evidence = format!(
            "OPENAI_BASE_URL points at this gateway ({listen}): right for agents; for the gateway it would be a loop, \
             and it is the configuration file alone that keeps it from being one"
        );
        let remedy = "keep it out of the environment that starts the gateway";
        findings.push(Finding::warning(Check::Environment, evidence, remedy));
    }
    if findings.is_empty() {
        let evidence = "nothing in it is ignored or points at ourselves";
        findings.push(Finding::ok(Check::Environment, evidence));
    }
    findings
}

/// Loopback has many names; the port is what tells.
fn points_at_us(base_url: &str, config: &Config) -> bool {
    let authority = base_url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let Some((host, port)) = authority.rsplit_once(':') else {
        return false;
    };
    let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&host)
        || host == config.listen.ip().to_string();
    is_here && port == config.listen.port().to_string()
}

/// What was said of one kind of files; the text says itself which one and how to mend it.
fn named(
    check: Check,
    seen: &Findings,
    is_of_it: impl Fn(&str) -> bool,
    good: String,
) -> Vec<Finding> {
    let of_it = |texts: &[String]| -> Vec<(String, String)> {
        let texts = texts.iter().filter(|text| is_of_it(text));
        texts.map(|text| remedied(text)).collect()
    };
    let failures = of_it(&seen.mistakes).into_iter();
    let failures = failures.map(|(evidence, remedy)| Finding::failure(check, evidence, remedy));
    let warnings = of_it(&seen.warnings).into_iter();
    let warnings = warnings.map(|(evidence, remedy)| Finding::warning(check, evidence, remedy));
    let findings: Vec<Finding> = failures.chain(warnings).collect();
    match findings.is_empty() {
        true => vec![Finding::ok(check, good)],
        false => findings,
    }
}

/// Evidence and remedy.
fn remedied(text: &str) -> (String, String) {
    if let Some((evidence, command)) = text.split_once(RUN) {
        return (evidence.to_owned(), command.to_owned());
    }
    match text.split_once(", run: ") {
        Some((evidence, command)) => (evidence.to_owned(), command.to_owned()),
        None => (
            text.to_owned(),
            "mend the file, then `sidegate check`".to_owned(),
        ),
    }
}

fn listener_tls(config: &Config) -> Vec<Finding> {
    let Some(tls) = &config.tls else {
        return Vec::new();
    };
    let mistakes = server::listener_tls_mistakes(tls);
    if mistakes.is_empty() {
        let evidence = format!("{} and its key can be used", tls.cert_file.display());
        return vec![Finding::ok(Check::ListenerTls, evidence)];
    }
    let finding = |text: &String| {
        let (evidence, remedy) = remedied(text);
        Finding::failure(Check::ListenerTls, evidence, remedy)
    };
    mistakes.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_command_that_mends_is_told_from_what_is_wrong() {
        let (evidence, remedy) = remedied("a has mode 0644; run: chmod 0400 a");
        assert_eq!(
            (evidence.as_str(), remedy.as_str()),
            ("a has mode 0644", "chmod 0400 a")
        );
        let (evidence, remedy) = remedied("line 1: no scope");
        assert_eq!(evidence, "line 1: no scope");
        assert!(remedy.contains("sidegate check"));
    }

    #[test]
    fn our_own_address_is_known_by_all_its_names() {
        let yaml = "upstreams: {a: {url: 'http://127.0.0.1:1/v1', family: vllm}}\n\
                    routes: {chat: {alias: [m], targets: [{upstream: a, model: m}]}}\n";
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        let config = config::load_text("test", yaml, &environment)
            .unwrap()
            .config;
        for (url, ours) in [
            ("http://127.0.0.1:8787/v1", true),
            ("http://localhost:8787", true),
            ("http://127.0.0.1:8000/v1", false),
            ("https://api.example.com/v1", false),
            ("http://api.example.com:8787/v1", false),
            ("", false),
        ] {
            assert_eq!(points_at_us(url, &config), ours, "{url}");
        }
    }
}
