//! The servers behind the gateway.

use super::callers::distinct;
use super::listeners::Listeners;
use crate::config::error::Place;
use crate::config::model::{Family, Probe, Route, Upstream, UpstreamTls, UpstreamUrl};
use crate::config::reader::{Found, Section};
use std::path::PathBuf;

/// An upstream beside the section it was read from, for what is found out about it later.
pub struct Checked<'a> {
    pub upstream: Upstream,
    pub section: Section<'a>,
    /// Whether its address could be read.
    pub sound: bool,
    streams: Place,
}

pub fn read<'a>(file: &Section<'a>, listeners: &Listeners) -> Vec<Checked<'a>> {
    let mut upstreams = Vec::new();
    for (name, section) in file.named("upstreams") {
        let checked = upstream(name, section, listeners);
        warn_twin(&checked, &upstreams);
        upstreams.push(checked);
    }
    upstreams
}

fn warn_twin(new: &Checked, others: &[Checked]) {
    let same = |other: &&Checked| other.sound && other.upstream.url == new.upstream.url;
    if let Some(other) = others.iter().find(same).filter(|_| new.sound) {
        let text = format!(
            "is the address of upstream `{}` too: they share their breakers, but each counts its own `streams`",
            other.upstream.name
        );
        let place = new.section.place_of("url");
        new.section.warn("url", &place, text);
    }
}

fn upstream<'a>(name: &str, section: Section<'a>, listeners: &Listeners) -> Checked<'a> {
    let url = section.get::<UpstreamUrl>("url");
    let family = section.get::<Family>("family");
    let key_file = section.optional::<PathBuf>("key_file");
    check_url(&section, &url, listeners);
    check_key(&section, &url, key_file.as_ref());
    let (usual, why) = usual_streams(family.value);
    let streams = section.get_or::<u32>("streams", usual, why);
    let headers = section.section("headers");
    let upstream = Upstream {
        name: name.to_string(),
        tls: tls(&section, &url),
        key_file: key_file.map(|found| found.value),
        streams: streams.value,
        streams_are_its_own: family.value == Family::LlamaCpp && !streams.place.is_written(),
        prompt_bytes_in_flight: section.get("prompt_bytes_in_flight").value,
        health: probe(&section, "health"),
        pressure: pressure(&section, &family),
        request_headers: distinct(&headers, "request"),
        response_headers: distinct(&headers, "response"),
        family: family.value,
        url: url.value,
    };
    Checked {
        upstream,
        sound: url.sound,
        streams: streams.place,
        section,
    }
}

/// What the families run at a time where nobody told them otherwise.
fn usual_streams(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::LlamaCpp => ("4", "of family llama.cpp while its slots are unknown"),
        Family::Ollama => ("1", "of family ollama"),
        Family::LmStudio => ("4", "of family lmstudio"),
        Family::Vllm
        | Family::Mlx
        | Family::Sglang
        | Family::Openai
        | Family::Anthropic
        | Family::Other => ("16", ""),
    }
}

fn check_url(section: &Section, url: &Found<UpstreamUrl>, listeners: &Listeners) {
    if !url.sound {
        return;
    }
    if let Some((name, address)) = listeners.own(&url.value) {
        let text = format!(
            "`{}` is our own `{name}` ({address}), so that requests would go in circles; name the server \
             behind the gateway",
            url.printed
        );
        section.mistake("url", &url.place, text);
    } else if url.value.base_path.is_empty() && url.place.is_written() {
        let text = format!(
            "`{}` has no path, and most servers answer below `/v1`",
            url.printed
        );
        section.warn("url", &url.place, text);
    }
}

fn check_key(section: &Section, url: &Found<UpstreamUrl>, key_file: Option<&Found<PathBuf>>) {
    let Some(key_file) = key_file.filter(|found| found.sound && url.sound) else {
        return;
    };
    if !url.value.https && !url.value.is_loopback() {
        let text = format!(
            "the key would be sent in the clear to {}; use https, or a loopback address such as the end \
             of a tunnel",
            url.printed
        );
        section.mistake("key_file", &key_file.place, text);
    }
}

fn tls(section: &Section, url: &Found<UpstreamUrl>) -> UpstreamTls {
    let server_name = |section: &Section| {
        let name = section.get_or::<String>("server_name", &url.value.host, "the host of `url`");
        Some(name.value)
    };
    if url.sound && !url.value.https {
        if section.has("tls") {
            let place = section.place_of("tls");
            let text = format!("is for https, and `url` is {}", url.printed);
            section.mistake("tls", &place, text);
        }
        section.explain_none("tls");
        return UpstreamTls::default();
    }
    let tls = section.section("tls");
    let ca_file = tls.optional("ca_file").map(|found| found.value);
    let cert_file = tls.optional::<PathBuf>("cert_file");
    let key_file = tls.optional::<PathBuf>("key_file");
    for (one, other, found, missing) in [
        ("cert_file", "key_file", &cert_file, &key_file),
        ("key_file", "cert_file", &key_file, &cert_file),
    ] {
        if let (Some(found), None) = (found, missing) {
            let text = format!("is of no use without `{other}` beside it");
            tls.mistake(one, &found.place, text);
        }
    }
    UpstreamTls {
        ca_file,
        cert_file: cert_file.map(|found| found.value),
        key_file: key_file.map(|found| found.value),
        server_name: server_name(&tls),
    }
}

fn probe(section: &Section, name: &'static str) -> Option<Probe> {
    let probe = section.optional_section(name)?;
    Some(Probe {
        path: probe.get("path").value,
        every: probe.get("every").value,
    })
}

fn pressure(section: &Section, family: &Found<Family>) -> Option<Probe> {
    let pressure = probe(section, "pressure")?;
    let has_numbers = match family.value {
        Family::Vllm | Family::LlamaCpp | Family::Sglang => true,
        Family::Mlx
        | Family::LmStudio
        | Family::Ollama
        | Family::Openai
        | Family::Anthropic
        | Family::Other => false,
    };
    if family.sound && !has_numbers {
        let place = section.place_of("pressure");
        let text = format!("family {} has no such numbers", family.printed);
        section.warn("pressure", &place, text);
    }
    Some(pressure)
}

/// What only the routes show.
pub fn warn(upstreams: &[Checked], routes: &[Route]) {
    for (index, checked) in upstreams.iter().enumerate() {
        let section = &checked.section;
        let users: Vec<&Route> = routes
            .iter()
            .filter(|route| route.targets.iter().any(|target| target.upstream == index))
            .collect();
        if users.is_empty() {
            section
                .reader
                .warn(&section.place, &section.path, "no route uses this upstream");
        }
        if checked.upstream.streams == 1 && !users.is_empty() {
            let text =
                "there is a single place, so that nothing can be kept for interactive work: it is \
                        served first whenever the place falls free";
            section.warn("streams", &checked.streams, text);
        }
        let bytes = checked.upstream.prompt_bytes_in_flight;
        if let Some(route) = users.iter().find(|route| route.max_prompt_bytes > bytes) {
            let text = format!("a prompt may be larger than this on route `{}`", route.name);
            let place = section.place_of("prompt_bytes_in_flight");
            section.warn("prompt_bytes_in_flight", &place, text);
        }
    }
}

/// The names there are, for messages.
pub fn names<'a>(upstreams: &'a [Checked]) -> impl Iterator<Item = &'a str> {
    upstreams
        .iter()
        .map(|checked| checked.upstream.name.as_str())
}
