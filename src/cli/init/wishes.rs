//! The servers that somebody named: read from the options, and asked themselves where that is possible.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::look::find;
use super::{Arguments, Stop};
use crate::cli::fingerprint::{may_be_named, Answer, Identity, Model, Models};
use crate::cli::output::complain;
use crate::cli::Exit;
use crate::config::{Family, Word};

/// A server as it will be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub url: String,
    pub family: Family,
    pub models: Models,
    pub key_file: Option<String>,
}

/// A server as it was named. What isn't said is asked of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub url: String,
    pub family: Option<Family>,
    pub models: Vec<String>,
    pub key_file: Option<String>,
}

/// What the options say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    pub servers: Vec<Named>,
}

impl Wishes {
    /// # Errors
    /// What can't be meant, as a sentence.
    pub fn read(arguments: &Arguments) -> Result<Wishes, String> {
        let Arguments {
            family,
            models,
            key_file,
            ..
        } = arguments;
        let detailed = family.is_some() || !models.is_empty() || key_file.is_some();
        if detailed && arguments.servers.len() > 1 {
            let text = "--family, --model and --key-file are about one --server; there are several";
            return Err(text.to_owned());
        }
        if let Some(name) = models.iter().find(|name| !may_be_named(name)) {
            return Err(format!(
                "--model: `{}` is no model's name",
                name.escape_debug()
            ));
        }
        let family = family.as_deref().map(read_family).transpose()?;
        let named = |url: &String| -> Result<Named, String> {
            Ok(Named {
                family,
                models: models.clone(),
                key_file: key_file.clone(),
                ..Named::try_new(url)?
            })
        };
        let servers = arguments
            .servers
            .iter()
            .map(named)
            .collect::<Result<_, _>>()?;
        Ok(Wishes { servers })
    }
}

impl Named {
    /// An address alone. One without a path gets `/v1`, below which most servers answer.
    ///
    /// # Errors
    /// It is no address, as a sentence.
    pub fn try_new(text: &str) -> Result<Named, String> {
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
            let shown = text.escape_debug();
            return Err(format!(
                "`{shown}` is no address; one is http://127.0.0.1:8000/v1"
            ));
        };
        let url = match rest.trim_end_matches('/').contains('/') {
            true => text.to_owned(),
            false => format!("{}/v1", text.trim_end_matches('/')),
        };
        Ok(Named {
            url,
            family: None,
            models: Vec::new(),
            key_file: None,
        })
    }

    /// Where to ask, when that is this host or an address in numbers. Names are looked up by the gateway alone.
    fn address(&self) -> Option<SocketAddr> {
        let rest = self.url.strip_prefix("http://")?;
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = match authority.contains("]:") || authority.matches(':').count() == 1 {
            true => authority.to_owned(),
            false => format!("{authority}:80"),
        };
        let (host, port) = with_port.rsplit_once(':')?;
        let host = match host {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.trim_matches(['[', ']']).parse().ok()?,
        };
        Some(SocketAddr::new(host, port.parse().ok()?))
    }
}

/// Asks the servers for what wasn't said about them.
///
/// # Errors
/// There is nothing to be known of one, or it is none.
pub fn asked<A>(named: Vec<Named>, ask: A) -> Result<Vec<Server>, Stop>
where
    A: Fn(SocketAddr, &str) -> Option<Answer> + Sync,
{
    named
        .into_iter()
        .map(|named| complete(named, &ask))
        .collect()
}

fn complete<A>(named: Named, ask: &A) -> Result<Server, Stop>
where
    A: Fn(SocketAddr, &str) -> Option<Answer> + Sync,
{
    let said = Models::Listed(named.models.iter().map(|name| plain(name)).collect());
    let settled = named.family.is_some() && !named.models.is_empty();
    let found = match settled {
        true => None,
        false => named.address().and_then(|address| find(address, ask)),
    };
    let (family, models) = match found.map(|found| found.identity) {
        Some(Identity::Server { family, models }) => (family, models),
        Some(Identity::Stranger) => {
            let text = format!(
                "what answers at {} is no model server; if it is, --family and --model say so",
                named.url
            );
            return Err((Exit::Failure, text));
        }
        None => {
            if !settled {
                complain(&format!(
                    "note: {} was not asked or doesn't answer",
                    named.url
                ));
            }
            (Family::Other, Models::Unsaid)
        }
    };
    Ok(Server {
        family: named.family.unwrap_or(family),
        models: match named.models.is_empty() {
            true => models,
            false => said,
        },
        url: named.url,
        key_file: named.key_file,
    })
}

fn plain(name: &str) -> Model {
    Model {
        name: name.to_owned(),
        context: None,
        embeds: false,
        loaded: None,
    }
}

fn read_family(word: &str) -> Result<Family, String> {
    Family::from_word(word).ok_or_else(|| {
        let all = Family::ALL.map(Family::as_str).join(", ");
        format!("--family: `{}` is none of {all}", word.escape_debug())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(url: &str) -> Named {
        Named::try_new(url).unwrap()
    }

    #[test]
    fn an_address_without_a_path_gets_the_usual_one() {
        assert_eq!(
            named("http://127.0.0.1:8000").url,
            "http://127.0.0.1:8000/v1"
        );
        assert_eq!(
            named("https://api.example.com/").url,
            "https://api.example.com/v1"
        );
        assert_eq!(named("http://h/api/v1").url, "http://h/api/v1");
        for wrong in ["127.0.0.1:8000", "ftp://x", "http://", ""] {
            assert!(Named::try_new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_addresses_in_numbers_and_this_host_are_asked() {
        let address = |url| named(url).address().map(|address| address.to_string());
        assert_eq!(
            address("http://localhost:1234/v1").as_deref(),
            Some("127.0.0.1:1234")
        );
        assert_eq!(
            address("http://[::1]:8000/v1").as_deref(),
            Some("[::1]:8000")
        );
        assert_eq!(
            address("http://10.0.0.7/v1").as_deref(),
            Some("10.0.0.7:80")
        );
        assert_eq!(address("http://box.example.com:8000/v1"), None);
        assert_eq!(address("https://127.0.0.1:8000/v1"), None);
    }

    #[test]
    fn what_was_said_wins_over_what_the_server_says() {
        let list = r#"{"data":[{"id":"theirs","owned_by":"vllm"}]}"#;
        let ask = |_, _: &str| Some(Answer::plain(200, list));
        let said = Named {
            models: vec!["ours".to_owned()],
            ..named("http://127.0.0.1:1/v1")
        };
        let servers = asked(vec![said, named("http://127.0.0.1:2/v1")], ask).unwrap();
        assert_eq!(servers[0].models, Models::Listed(vec![plain("ours")]));
        assert_eq!(servers[0].family, Family::Vllm);
        assert_eq!(servers[1].models, Models::Listed(vec![plain("theirs")]));
    }

    #[test]
    fn a_stranger_is_refused_unless_everything_was_said() {
        let ask = |_, _: &str| Some(Answer::plain(200, "<html>"));
        let (exit, text) = asked(vec![named("http://127.0.0.1:1/v1")], ask).unwrap_err();
        assert_eq!(exit, Exit::Failure);
        assert!(text.contains("is no model server"), "{text}");
        let said = Named {
            family: Some(Family::Mlx),
            models: vec!["m".to_owned()],
            ..named("http://127.0.0.1:1/v1")
        };
        assert_eq!(asked(vec![said], ask).unwrap()[0].family, Family::Mlx);
    }

    #[test]
    fn a_server_that_is_down_is_written_down_all_the_same() {
        let servers = asked(vec![named("http://127.0.0.1:1/v1")], |_, _| None).unwrap();
        assert_eq!(servers[0].models, Models::Unsaid);
        assert_eq!(servers[0].family, Family::Other);
    }
}
