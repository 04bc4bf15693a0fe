//! `sidegate man`: the manual page, made of the same texts as `--help`.

use std::path::PathBuf;

use super::output::{complain, show};
use super::Exit;

#[derive(clap::Args)]
pub struct Arguments {
    /// Write a page for every command into this folder, in place of printing the first one.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, command: clap::Command) -> Exit {
    let written = match &arguments.folder {
        Some(folder) => std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder))
            .map_err(|error| format!("{}: {error}", folder.display())),
        None => print(command),
    };
    match written {
        Ok(()) => Exit::Done,
        Err(text) => {
            complain(&format!("sidegate: cannot write the manual: {text}"));
            Exit::Failure
        }
    }
}

fn print(command: clap::Command) -> Result<(), String> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| error.to_string())?;
    show(&String::from_utf8_lossy(&page));
    Ok(())
}
