//! The few questions, for somebody who sits at a terminal.

use std::path::Path;

use super::plan::Plan;
use super::wishes::{Named, Server};

/// Somebody to ask. None is the end of what they say.
pub trait Talk {
    fn say(&mut self, text: &str);
    fn ask(&mut self, question: &str) -> Option<String>;
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Interview {
    Use(Vec<Server>),
    /// Nothing was found; this is where to look.
    Look(Named),
    Stop,
}

/// Which of the servers, or where one is.
pub fn interview(talk: &mut dyn Talk, servers: Vec<Server>) -> Interview {
    match servers.len() {
        0 => where_is_it(talk),
        1 => Interview::Use(servers),
        _ => which(talk, servers),
    }
}

fn where_is_it(talk: &mut dyn Talk) -> Interview {
    talk.say("no model server answers on this host's usual ports");
    loop {
        let Some(line) = talk.ask("Its address, such as http://127.0.0.1:8000/v1 (empty: stop):")
        else {
            return Interview::Stop;
        };
        if line.is_empty() {
            return Interview::Stop;
        }
        match Named::try_new(&line) {
            Ok(named) => return Interview::Look(named),
            Err(text) => talk.say(&text),
        }
    }
}

fn which(talk: &mut dyn Talk, servers: Vec<Server>) -> Interview {
    for (number, server) in (1..).zip(&servers) {
        talk.say(&format!(
            "  {number}  {} ({})",
            server.url,
            server.family.as_str()
        ));
    }
    loop {
        let Some(line) = talk.ask("Which of them? Numbers with commas (empty: all):") else {
            return Interview::Stop;
        };
        if line.is_empty() {
            return Interview::Use(servers);
        }
        match chosen(&line, servers.len()) {
            Some(numbers) => {
                let all = (1..).zip(servers);
                let wanted = all.filter(|(number, _)| numbers.contains(number));
                return Interview::Use(wanted.map(|(_, server)| server).collect());
            }
            None => talk.say(&format!("numbers from 1 to {}, such as 1,2", servers.len())),
        }
    }
}

fn chosen(line: &str, most: usize) -> Option<Vec<usize>> {
    let number = |text: &str| {
        text.trim()
            .parse()
            .ok()
            .filter(|number| (1..=most).contains(number))
    };
    line.split(',').map(number).collect()
}

/// Shows what will be written, and asks whether to.
pub fn agree(talk: &mut dyn Talk, file: &Path, plan: &Plan) -> bool {
    for route in &plan.routes {
        talk.say(&format!(
            "  route {}: {}",
            route.name,
            route.aliases.join(", ")
        ));
    }
    loop {
        let answer = talk.ask(&format!("Write {}? [Y/n]", file.display()));
        match answer.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("" | "y" | "yes") => return true,
            Some("n" | "no") | None => return false,
            Some(_) => talk.say("y or n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fingerprint::Models;
    use crate::config::Family;

    struct Script(Vec<&'static str>, Vec<String>);

    impl Talk for Script {
        fn say(&mut self, text: &str) {
            self.1.push(text.to_owned());
        }
        fn ask(&mut self, _: &str) -> Option<String> {
            (!self.0.is_empty()).then(|| self.0.remove(0).to_owned())
        }
    }

    fn server(port: u16) -> Server {
        Server {
            url: format!("http://127.0.0.1:{port}/v1"),
            family: Family::Vllm,
            models: Models::Unsaid,
            key_file: None,
        }
    }

    fn said(lines: &[&'static str], servers: Vec<Server>) -> Interview {
        interview(&mut Script(lines.to_vec(), Vec::new()), servers)
    }

    #[test]
    fn some_of_several_servers_can_be_chosen() {
        let three = || vec![server(1), server(2), server(3)];
        assert_eq!(said(&[""], three()), Interview::Use(three()));
        assert_eq!(
            said(&["x", "4", "1,", "3, 1"], three()),
            Interview::Use(vec![server(1), server(3)])
        );
        assert_eq!(said(&["0"], three()), Interview::Stop);
    }

    #[test]
    fn where_nothing_was_found_an_address_is_asked_for() {
        let here = Named::try_new("http://127.0.0.1:9/v1").unwrap();
        assert_eq!(
            said(&["nonsense", "http://127.0.0.1:9"], Vec::new()),
            Interview::Look(here)
        );
        assert_eq!(said(&[""], Vec::new()), Interview::Stop);
        assert_eq!(said(&[], Vec::new()), Interview::Stop);
    }

    #[test]
    fn nothing_is_written_without_a_yes() {
        let agreed = |lines: &[&'static str]| {
            let mut script = Script(lines.to_vec(), Vec::new());
            agree(&mut script, Path::new("/x"), &Plan::default())
        };
        assert!(agreed(&[""]) && agreed(&["what", "Y"]));
        assert!(!agreed(&["n"]) && !agreed(&[]));
    }
}
