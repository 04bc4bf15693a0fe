//! What the demo says to the person who started it: lines that can be pasted as they stand.

use std::net::SocketAddr;
use std::path::Path;

use super::lesson::{LESSONS, PLAIN};
use crate::server::Ports;

/// The whole text. `wished` are the ports that the demo would have taken had they been free.
pub fn text(ports: &Ports, wished: &Ports, secret: &str, folder: &Path) -> String {
    let Ports { listen, admin } = *ports;
    let ask =
        |options: &str, model: &str, stream: bool| curl(options, listen, secret, model, stream);
    let mut text = format!(
        "sidegate demo: two stand-in upstreams behind http://{listen}/v1 (admin: http://{admin}). Ctrl-C ends it.\n"
    );
    text.push_str(&moved(listen, wished.listen));
    text.push_str(&moved(admin, wished.admin));
    text.push_str(&format!(
        "\nPaste this into another terminal and watch the words come:\n\n{}\n\
         \nAn upstream fails and the other one serves (look at x-sidegate-upstream and x-sidegate-attempts):\n\n{}\n\
         \nEverything fails and one summary says what to do:\n\n{}\n\
         \nA skill's manifest wants JSON of one form, and its answers are held against that (without `response_format` there is \
         none, and a summary says so):\n\n{}\n\
         \nWhat the gateway knows of itself:\n\n{}\n",
        ask("-sN", PLAIN, true),
        ask("-si", "demo-503", false),
        ask("-s", "demo-error", false),
        skilled(listen, secret),
        format_args!("curl -s http://{admin}/status"),
    ));
    text.push_str("\nModel names to try:\n\n");
    let width = LESSONS
        .iter()
        .map(|lesson| lesson.model.len())
        .max()
        .unwrap_or(0);
    for lesson in &LESSONS {
        text.push_str(&format!("  {:width$}  {}\n", lesson.model, lesson.shows));
    }
    let folder = folder.display();
    text.push_str(&format!(
        "\nConfiguration and logs are in {folder} until it ends; a change that you save there serves at once.\n\
         `sidegate --config {folder}/sidegate.yaml routes` shows what every name means; `status` and `reload` work too.\n"
    ));
    text
}

fn moved(got: SocketAddr, wished: SocketAddr) -> String {
    if got == wished {
        return String::new();
    }
    format!(
        "Port {} is taken, so it is {} this time.\n",
        wished.port(),
        got.port()
    )
}

fn skilled(listen: SocketAddr, secret: &str) -> String {
    format!(
        r#"curl -s http://{listen}/v1/chat/completions -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' -H 'x-sidegate-skill: report' -d '{{"response_format":{{"type":"json_object"}},"messages":[{{"role":"user","content":"Who are you?"}}]}}'"#
    )
}

fn curl(options: &str, listen: SocketAddr, secret: &str, model: &str, stream: bool) -> String {
    let stream = if stream { r#","stream":true"# } else { "" };
    format!(
        r#"curl {options} http://{listen}/v1/chat/completions -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' -d '{{"model":"{model}"{stream},"messages":[{{"role":"user","content":"Hello!"}}]}}'"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(listen: u16, admin: u16) -> Ports {
        Ports {
            listen: ([127, 0, 0, 1], listen).into(),
            admin: ([127, 0, 0, 1], admin).into(),
        }
    }

    #[test]
    fn a_port_that_was_taken_is_named() {
        let folder = Path::new("demo");
        let moved = text(&ports(4000, 8788), &ports(8787, 8788), "sg_x", folder);
        assert!(moved.contains("Port 8787 is taken, so it is 4000 this time."));
        assert!(!moved.contains("Port 8788"));
        let wished = text(&ports(8787, 8788), &ports(8787, 8788), "sg_x", folder);
        assert!(!wished.contains("is taken"));
    }

    #[test]
    fn every_line_to_paste_is_one_line_with_the_token() {
        let text = text(&ports(1, 2), &ports(1, 2), "sg_secret", Path::new("demo"));
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("curl "))
            .collect();
        assert_eq!(lines.len(), 5);
        assert!(lines[0].contains("Bearer sg_secret") && lines[0].contains(r#""stream":true"#));
        for lesson in &LESSONS {
            assert!(text.contains(lesson.shows));
        }
    }
}
