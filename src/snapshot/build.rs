//! Makes a snapshot of a checked configuration and the files it names, or says everything that is wrong with them.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{HeaderName, HeaderValue};

use super::{ClientTls, Runtime, Snapshot, TargetState, Upstream};
use crate::admit::Admission;
use crate::attempt::{Pace, Resolver};
use crate::breaker::{Breakers, Key, Slot};
use crate::caller::{HostRule, TokenTable};
use crate::clock;
use crate::config::{self, read_key, read_private, Config, Family};
use crate::http_client::Client;
use crate::limits::Pool;
use crate::record::{trace, Metrics, Skilled};
use crate::skill::{self, Manifest, Skills};

/// The key before what is said about the token file.
const TOKEN_FILE: &str = "callers.token_file";

/// What a snapshot is made of beside the configuration.
pub struct Ingredients<'a> {
    pub generation: u64,
    pub now: SystemTime,
    /// The address that is really bound.
    pub listen: SocketAddr,
    pub metrics: &'a Metrics,
    pub breakers: &'a Breakers,
    pub admission: &'a Arc<Admission>,
    pub previous: Option<&'a Snapshot>,
}

/// Why there is no snapshot: every reason, each a text for the operator.
#[derive(Debug)]
pub struct BuildError(pub Vec<String>);

/// What the files that a configuration names are like: texts for the operator.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    /// No snapshot comes of them.
    pub mistakes: Vec<String>,
    /// It works, and may surprise.
    pub warnings: Vec<String>,
}

/// Builds a snapshot; warnings are left to [`examine`].
pub fn build(config: Config, with: &Ingredients<'_>) -> Result<Snapshot, BuildError> {
    let mut findings = Findings::default();
    let tokens = tokens(&config, &mut findings).unwrap_or_default();
    let upstreams = upstreams(&config, (with.admission, with.previous), &mut findings);
    let skills = skills(&config, &mut findings);
    if !findings.mistakes.is_empty() {
        return Err(BuildError(findings.mistakes));
    }
    Ok(assemble(config, tokens, (upstreams, skills), with))
}

/// Reads every file that a snapshot would be made of, and says all that is to be said about them.
pub fn examine(config: &Config, now: SystemTime) -> Findings {
    let mut findings = Findings::default();
    let tokens = tokens(config, &mut findings);
    let skills = skills(config, &mut findings);
    if let Some(tokens) = tokens {
        let doubts = doubts(config, &tokens, &skills, now);
        findings.warnings.extend(doubts);
    }
    upstreams(
        config,
        (&Admission::new(&config.lanes), None),
        &mut findings,
    );
    findings
}

/// The upstreams whose files are sound, ready to be spoken to by a command; the others' mistakes are [`examine`]'s.
pub fn sound_upstreams(config: &Config) -> Vec<Arc<Upstream>> {
    let admission = Admission::new(&config.lanes);
    upstreams(config, (&admission, None), &mut Findings::default())
}

fn doubts(config: &Config, tokens: &TokenTable, skills: &Skills, now: SystemTime) -> Vec<String> {
    let known: Vec<&str> = skills.names().collect();
    let routes: Vec<&str> = config
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    let lines = tokens.warnings().into_iter().chain(tokens.expired(now));
    let texts = lines
        .map(|line| line.to_string())
        .chain(tokens.check_routes(&routes))
        .chain(tokens.check_skills(&known));
    let path = config.callers.token_file.display();
    texts
        .map(|text| format!("{TOKEN_FILE}: {path}: {text}"))
        .chain(limits_of_nobody(config, tokens))
        .collect()
}

/// A name that nobody has limits nobody, and whoever was meant goes on without a limit.
fn limits_of_nobody(config: &Config, tokens: &TokenTable) -> Vec<String> {
    let known: Vec<&str> = tokens.callers().collect();
    let limited = config.callers.limits.keys();
    limited
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| {
            format!(
                "callers.limits.{name}: the token file names no such caller, so that nobody is limited by it; there are {}",
                known.join(", ")
            )
        })
        .collect()
}

fn assemble(
    config: Config,
    tokens: TokenTable,
    (upstreams, skills): (Vec<Arc<Upstream>>, Skills),
    with: &Ingredients<'_>,
) -> Snapshot {
    let names: Vec<&str> = tokens.callers().collect();
    let may_invoke =
        |caller: usize, route: usize| match (names.get(caller), config.routes.get(route)) {
            (Some(name), Some(route)) => tokens.may_invoke(name, &route.name),
            _ => false,
        };
    let skilled: Vec<Skilled<'_>> = skills.iter().map(|skill| skilled(skill)).collect();
    let handles = with.metrics.bind(&config, &names, &skilled, &may_invoke);
    let caller_places: HashMap<String, usize> = names
        .iter()
        .enumerate()
        .map(|(place, name)| ((*name).to_owned(), place))
        .collect();
    // Half, but room for one body in any case: one caller's flood leaves the other half to everybody else.
    let limits = &config.limits;
    let one_body = limits.request_body.min(limits.bodies_in_flight);
    let of_caller = (limits.bodies_in_flight / 2).max(one_body);
    let made_at = with
        .now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    Snapshot {
        generation: with.generation,
        made_at,
        hosts: HostRule::new(with.listen, &config.callers.allowed_hosts),
        targets: target_states(&config, with.previous, with.breakers),
        turns: config.routes.iter().map(|_| AtomicUsize::new(0)).collect(),
        caller_bodies: names.iter().map(|_| Pool::new(of_caller)).collect(),
        caller_places,
        upstreams,
        skills,
        handles,
        tokens,
        config,
    }
}

fn skilled(skill: &Manifest) -> Skilled<'_> {
    Skilled {
        name: &skill.name,
        route: skill.route,
        has_budget: skill.budget.is_some(),
    }
}

fn skills(config: &Config, findings: &mut Findings) -> Skills {
    let found = skill::load_for(config);
    let texts = |list: Vec<config::Mistake>| list.into_iter().map(|mistake| mistake.to_string());
    findings.mistakes.extend(texts(found.mistakes));
    findings.warnings.extend(texts(found.warnings));
    found.skills
}

fn tokens(config: &Config, findings: &mut Findings) -> Option<TokenTable> {
    let path = &config.callers.token_file;
    let file = match read_private(path) {
        Ok(file) => file,
        Err(error) => {
            findings.mistakes.push(format!("{TOKEN_FILE}: {error}"));
            return None;
        }
    };
    let warning = file
        .warning
        .map(|warning| format!("{TOKEN_FILE}: {warning}"));
    findings.warnings.extend(warning);
    let mistakes = match TokenTable::parse(file.text.expose_secret()) {
        Ok(tokens) => return Some(tokens),
        Err(mistakes) => mistakes,
    };
    let place = path.display();
    let texts = mistakes
        .iter()
        .map(|mistake| format!("{TOKEN_FILE}: {place}: {mistake}"));
    findings.mistakes.extend(texts);
    None
}

fn upstreams(
    config: &Config,
    (admission, previous): (&Arc<Admission>, Option<&Snapshot>),
    findings: &mut Findings,
) -> Vec<Arc<Upstream>> {
    let mut upstreams = Vec::with_capacity(config.upstreams.len());
    let known = previous.and_then(|snapshot| snapshot.upstreams.first());
    let client = known.map_or_else(
        || Arc::new(Client::new()),
        |known| Arc::clone(&known.client),
    );
    for (index, upstream) in config.upstreams.iter().enumerate() {
        let name = &upstream.name;
        let mut warnings = Vec::new();
        let budget = budget_rule(config, index);
        let shared = (&client, admission, previous);
        match self::upstream(upstream, budget, shared, &mut warnings) {
            Ok(upstream) => upstreams.push(Arc::new(upstream)),
            Err(mistakes) => {
                let mistakes = mistakes
                    .iter()
                    .map(|mistake| format!("upstreams.{name}: {mistake}"));
                findings.mistakes.extend(mistakes);
            }
        }
        let warnings = warnings
            .iter()
            .map(|warning| format!("upstreams.{name}: {warning}"));
        findings.warnings.extend(warnings);
    }
    upstreams
}

fn upstream(
    config: &config::Upstream,
    budget: config::RetryBudget,
    (client, admission, previous): (&Arc<Client>, &Arc<Admission>, Option<&Snapshot>),
    warnings: &mut Vec<String>,
) -> Result<Upstream, Vec<String>> {
    let authorization = config.key_file.as_deref().map(|path| {
        let key = read_key(path).map_err(|error| error.to_string())?;
        warnings.extend(key.warning);
        let text = match config.family {
            Family::Anthropic => key.text.expose_secret().to_owned(),
            _ => format!("Bearer {}", key.text.expose_secret()),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| format!("{} holds bytes that no header may have", path.display()))?;
        value.set_sensitive(true);
        Ok::<_, String>(value)
    });
    let (authorization, tls) = match (authorization.transpose(), ClientTls::load(&config.tls)) {
        (Ok(authorization), Ok(tls)) => (authorization, tls),
        (authorization, tls) => {
            return Err(authorization.err().into_iter().chain(tls.err()).collect());
        }
    };
    let url = &config.url;
    let host = host_header(url);
    let names = |list: &[String]| -> Vec<HeaderName> {
        list.iter()
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
            .collect()
    };
    // A name keeps the kind of address it had: the resolver that knows it lives on as long as the address is the same.
    let known = previous.and_then(|snapshot| {
        snapshot
            .upstreams
            .iter()
            .find(|upstream| upstream.config.url == *url)
    });
    let resolver = match known {
        Some(upstream) => Arc::clone(&upstream.resolver),
        None => Arc::new(Resolver::new(&url.host, url.port)),
    };
    let same = known.filter(|upstream| upstream.config.name == config.name);
    let (runtime, places) = match same {
        Some(upstream) => (Arc::clone(&upstream.runtime), Arc::clone(&upstream.places)),
        None => (
            Arc::new(Runtime::new(budget.clone())),
            Arc::new(admission.add_upstream()),
        ),
    };
    runtime.retry_budget.set_rule(budget, clock::now());
    Ok(Upstream {
        runtime,
        places,
        name: config.name.as_str().into(),
        traced: Arc::new(trace::Server::new(&config.name, config.family, url)),
        resolver,
        client: Arc::clone(client),
        host: HeaderValue::from_str(&host)
            .map_err(|_| vec!["the url's host can't be a header".to_owned()])?,
        group_key: group_key(config, &authorization),
        authorization,
        tls,
        extra_request_headers: names(&config.request_headers),
        extra_response_headers: names(&config.response_headers),
        config: config.clone(),
    })
}

/// The retry budget belongs to an upstream, its rule to routes: the first route that names the upstream has its way.
fn budget_rule(config: &Config, upstream: usize) -> config::RetryBudget {
    let names_it = |route: &&config::Route| route.targets.iter().any(|t| t.upstream == upstream);
    let route = config
        .routes
        .iter()
        .find(names_it)
        .or(config.routes.first());
    route.map_or(UNUSED_BUDGET, |route| route.retry.budget.clone())
}

/// For an upstream that no route names.
const UNUSED_BUDGET: config::RetryBudget = config::RetryBudget {
    percent: 20,
    floor: 10,
    window: Duration::from_secs(10),
};

/// The states of all targets. What an earlier snapshot knows of the same model goes on.
fn target_states(
    config: &Config,
    previous: Option<&Snapshot>,
    breakers: &Breakers,
) -> Vec<Vec<TargetState>> {
    let mut paces: HashMap<(String, Option<String>), Arc<Pace>> = HashMap::new();
    if let Some(previous) = previous {
        for (route, states) in previous.config.routes.iter().zip(&previous.targets) {
            for (target, state) in route.targets.iter().zip(states) {
                paces.insert(model_key(&previous.config, target), Arc::clone(&state.pace));
            }
        }
    }
    let mut state = |target: &config::Target| {
        let pace = paces.entry(model_key(config, target)).or_default();
        TargetState {
            pace: Arc::clone(pace),
            breaker: breaker(config, target, breakers),
        }
    };
    config
        .routes
        .iter()
        .map(|route| route.targets.iter().map(&mut state).collect())
        .collect()
}

/// A target whose upstream is missing can't exist; it would get a breaker of nobody's.
fn breaker(config: &Config, target: &config::Target, breakers: &Breakers) -> Slot {
    let nowhere = config::UpstreamUrl {
        https: false,
        host: String::new(),
        port: 0,
        base_path: String::new(),
    };
    let upstream = config.upstreams.get(target.upstream);
    let url = upstream.map_or(&nowhere, |upstream| &upstream.url);
    breakers.slot(&Key::new(url, target.model.as_deref()))
}

fn model_key(config: &Config, target: &config::Target) -> (String, Option<String>) {
    let upstream = config.upstreams.get(target.upstream);
    let address = upstream.map_or_else(String::new, |u| u.url.to_string());
    (address, target.model.clone())
}

fn host_header(url: &config::UpstreamUrl) -> String {
    let host = if url.host.contains(':') {
        format!("[{}]", url.host)
    } else {
        url.host.clone()
    };
    let usual = if url.https { 443 } else { 80 };
    if url.port == usual {
        host
    } else {
        format!("{host}:{}", url.port)
    }
}

/// Pingora's pool goes by address and name only: this keeps apart what else must not be shared.
fn group_key(config: &config::Upstream, authorization: &Option<HeaderValue>) -> u64 {
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    config.name.hash(&mut hasher);
    config.tls.ca_file.hash(&mut hasher);
    config.tls.cert_file.hash(&mut hasher);
    authorization
        .as_ref()
        .map(HeaderValue::as_bytes)
        .hash(&mut hasher);
    hasher.finish()
}
