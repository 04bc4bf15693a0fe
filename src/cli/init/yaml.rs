//! The words of the configuration: short, with what a reader needs beside it.

use std::fmt::Write;

use super::plan::{Kind, Plan, PlannedRoute, PlannedTarget, PlannedUpstream};

const HEAD: &str = "\
# Written by `sidegate init`. Everything that isn't here has a default:
#
#   sidegate check              says everything that is wrong, with line and column
#   sidegate check --explain    says every value and where it comes from
#   sidegate schema             prints all keys with their meaning, for editors too
#
# A saved change takes at once. No secret belongs in here.
";

/// The file. Plain text is written rather than a tree dumped, for the sake of the comments.
pub fn text(plan: &Plan) -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n# The servers behind the gateway.\nupstreams:\n");
    plan.upstreams
        .iter()
        .for_each(|one| upstream(&mut text, one));
    text.push_str("\n# What clients put into \"model\", and who serves it. `sidegate token new --scopes invoke:NAME` lets a caller in.\nroutes:\n");
    plan.routes.iter().for_each(|one| route(&mut text, one));
    text
}

fn upstream(text: &mut String, upstream: &PlannedUpstream) {
    let PlannedUpstream {
        name, url, family, ..
    } = upstream;
    // Writing to a string can't fail.
    let _ = writeln!(text, "  {}:", key(name));
    let _ = writeln!(text, "    url: {}", quoted(url));
    let _ = writeln!(text, "    family: {}", family.as_str());
    match &upstream.key_file {
        Some(file) => {
            let _ = writeln!(text, "    key_file: {}", quoted(file));
        }
        None if upstream.lacks_key => {
            text.push_str(
                "    # It wants a key: put it into a file of mode 0400 and name that here.\n",
            );
            let _ = writeln!(text, "    # key_file: ~/.sidegate/keys/{name}");
        }
        None => {}
    }
}

fn route(text: &mut String, route: &PlannedRoute) {
    if route.kind == Kind::Rest {
        text.push_str("  # Every other name, passed on as it stands.\n");
    }
    let aliases: Vec<String> = route.aliases.iter().map(|alias| quoted(alias)).collect();
    let _ = writeln!(text, "  {}:", key(&route.name));
    let _ = writeln!(text, "    alias: [{}]", aliases.join(", "));
    text.push_str("    targets:\n");
    route.targets.iter().for_each(|one| target(text, one));
}

fn target(text: &mut String, target: &PlannedTarget) {
    let _ = write!(text, "      - {{upstream: {}", key(&target.upstream));
    if let Some(model) = &target.model {
        let _ = write!(text, ", model: {}", quoted(model));
    }
    if let Some(context) = target.context {
        let _ = write!(text, ", context: {context}");
    }
    text.push_str("}\n");
}

/// A name of ours: bare where nothing else than a word can be meant.
fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let means_more = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&name);
    match plain && !means_more {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A text of somebody else's. Every JSON string is one of YAML's double-quoted ones.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fingerprint::{may_be_named, Model, Models};
    use crate::cli::init::plan::plan;
    use crate::cli::init::wishes::Server;
    use crate::config::{self, Config, Environment, Family};
    use proptest::prelude::*;

    fn server(url: &str, family: Family, models: Models) -> Server {
        Server {
            url: url.to_owned(),
            family,
            models,
            key_file: None,
        }
    }

    fn model(name: &str, context: Option<u64>) -> Model {
        Model {
            name: name.to_owned(),
            context,
            embeds: name.contains("embed"),
            loaded: None,
        }
    }

    fn read(text: &str) -> (Config, Vec<String>) {
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        let loaded = config::load_text("test", text, &environment)
            .unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        let warnings = loaded.warnings.iter().map(|one| one.to_string()).collect();
        (loaded.config, warnings)
    }

    #[test]
    fn the_file_is_short_and_our_own_check_finds_nothing() {
        let plan = plan(vec![
            server(
                "http://127.0.0.1:8000/v1",
                Family::Vllm,
                Models::Listed(vec![model("Qwen/Qwen3-32B", Some(32768))]),
            ),
            server(
                "http://127.0.0.1:8080/v1",
                Family::LlamaCpp,
                Models::Listed(vec![model("/srv/nomic-embed.gguf", None)]),
            ),
        ]);
        let text = text(&plan);
        let body = text.strip_prefix(HEAD).unwrap();
        assert_eq!(
            body,
            r#"
# The servers behind the gateway.
upstreams:
  vllm:
    url: "http://127.0.0.1:8000/v1"
    family: vllm
  llama.cpp:
    url: "http://127.0.0.1:8080/v1"
    family: llama.cpp

# What clients put into "model", and who serves it. `sidegate token new --scopes invoke:NAME` lets a caller in.
routes:
  chat:
    alias: ["Qwen/Qwen3-32B", "default"]
    targets:
      - {upstream: vllm, model: "Qwen/Qwen3-32B", context: 32768}
  nomic-embed:
    alias: ["nomic-embed"]
    targets:
      - {upstream: llama.cpp, model: "/srv/nomic-embed.gguf"}
"#
        );
        let (config, warnings) = read(&text);
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(config.routes[0].targets[0].context, Some(32768));
    }

    #[test]
    fn a_server_that_wants_a_key_gets_a_line_that_says_where() {
        let mut wanting = server("http://127.0.0.1:8000/v1", Family::Vllm, Models::KeyWanted);
        let told = text(&plan(vec![wanting.clone()]));
        assert!(
            told.contains("# key_file: ~/.sidegate/keys/vllm\n"),
            "{told}"
        );
        let (config, _) = read(&told);
        assert_eq!(config.routes[0].aliases, ["*"]);
        wanting.key_file = Some("~/keys/vllm".to_owned());
        let (config, _) = read(&text(&plan(vec![wanting])));
        assert_eq!(
            config.upstreams[0].key_file.as_deref(),
            Some(std::path::Path::new("/home/us/keys/vllm"))
        );
    }

    fn models() -> impl Strategy<Value = Models> {
        let name = prop_oneof![
            "[^\\p{Cc}*]{1,40}",
            Just("default".to_owned()),
            Just("chat".to_owned()),
            Just("none".to_owned()),
            Just("null".to_owned()),
            Just("/a/x.gguf".to_owned()),
            Just("/b/x.gguf".to_owned()),
            Just("/b/x .gguf".to_owned()),
            Just(".gguf".to_owned()),
            "sk-[a-z]{8,12}",
            Just("x".to_owned()),
            "[a-c]",
        ];
        let name = name.prop_filter("is never read", |name| may_be_named(name));
        let listed = prop::collection::btree_set(name, 0..12)
            .prop_map(|names| Models::Listed(names.iter().map(|name| model(name, None)).collect()));
        prop_oneof![4 => listed, 1 => Just(Models::KeyWanted), 1 => Just(Models::Unsaid)]
    }

    proptest! {
        #[test]
        fn whatever_servers_say_comes_back_as_it_was(all in prop::collection::vec((models(), 0..9usize), 1..5)) {
            let servers = all.into_iter().zip(9000..).map(|((models, family), port)| {
                server(&format!("http://127.0.0.1:{port}/v1"), Family::ALL[family], models)
            });
            let plan = plan(servers.collect());
            prop_assume!(!plan.routes.is_empty());
            let text = text(&plan);
            let environment = Environment::from_pairs([("HOME", "/home/us")]);
            match config::load_text("test", &text, &environment) {
                Ok(loaded) => {
                    let models: Vec<_> = loaded.config.routes.iter().flat_map(|route| &route.targets).map(|target| target.model.clone()).collect();
                    let planned: Vec<_> = plan.routes.iter().flat_map(|route| &route.targets).map(|target| target.model.clone()).collect();
                    prop_assert_eq!(models, planned);
                }
                // A model whose name looks like a key is refused, and so is nothing else.
                Err(mistakes) => prop_assert!(mistakes.to_string().contains("secret"), "{}\n{}", mistakes, text),
            }
        }
    }
}
