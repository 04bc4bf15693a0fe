//! The end of `sidegate init`: the first token, and what to do next.

use std::path::Path;

use super::{failure, usual_file, Stop};
use crate::caller::{
    change_token_file, list, new_entry, read_token_file, secret_from, EditError, NewToken, Scopes,
};
use crate::cli::output::{complain, print};
use crate::cli::{random, Context, Exit};
use crate::config::Config;

/// Everything that a client needs, and nothing that an operator does.
const SCOPES: &str = "invoke:*,models";

/// Whether a caller may be called so: asked before anything is written.
///
/// # Errors
/// It may not, as a sentence.
pub fn check_caller(name: &str) -> Result<(), String> {
    let scopes = Scopes::default();
    let token = NewToken {
        name,
        scopes: &scopes,
        expires: None,
        skill: None,
        secret: "",
    };
    match new_entry("", token) {
        Err(error @ EditError::BadName) => Err(format!("--caller: {error}")),
        // What else it would say is about the rest of the line, which is none yet.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Makes the token where there is none, and says what comes next.
///
/// # Errors
/// The configuration is written by now; the token could not be.
pub fn end(context: &Context, file: &Path, config: &Config, caller: &str) -> Result<Exit, Stop> {
    let token_file = &config.callers.token_file;
    let old = read_token_file(token_file).map_err(|error| failure(error.to_string()))?;
    let named = old.as_deref().map(list).unwrap_or_default();
    // One line with a secret alone is what OpenClaw reads too: a second line would lock it out.
    let is_new = old.is_none_or(|text| text.trim().is_empty());
    let secret = match is_new {
        true => Some(make_token(token_file, caller)?),
        false => {
            let names: Vec<&str> = named.iter().map(|row| row.name.as_str()).collect();
            let path = token_file.display();
            complain(&format!(
                "kept {path} as it is (callers: {}); `sidegate token new` adds one",
                names.join(", ")
            ));
            None
        }
    };
    complain(&next(context, file, config, secret.is_some()));
    match secret {
        Some(secret) => hand_over(&secret, caller),
        None => Ok(Exit::Done),
    }
}

fn make_token(file: &Path, caller: &str) -> Result<String, Stop> {
    let scopes = Scopes::parse(SCOPES).map_err(|texts| (Exit::Internal, texts.join("; ")))?;
    let secret = secret_from(random::secret_bytes().map_err(|text| (Exit::Internal, text))?);
    let token = NewToken {
        name: caller,
        scopes: &scopes,
        expires: None,
        skill: None,
        secret: &secret,
    };
    change_token_file(file, |text| new_entry(text, token)).map_err(|error| {
        failure(format!(
            "the configuration is written, but there is no token yet: {error}"
        ))
    })?;
    complain(&format!("wrote {}", file.display()));
    Ok(secret)
}

/// Prints the secret last, so that it stands right above the prompt.
fn hand_over(secret: &str, caller: &str) -> Result<Exit, Stop> {
    complain(&format!(
        "the secret of `{caller}` follows, this one time: only its hash is kept"
    ));
    print(&format!("{secret}\n"))
        .map(|()| Exit::Done)
        .map_err(|error| {
            let advice = format!("`sidegate token rotate {caller} --overlap 0s` makes another one");
            failure(format!(
                "the secret could not be printed and is lost: {error}; {advice}"
            ))
        })
}

/// The next three commands, to be pasted.
fn next(context: &Context, file: &Path, config: &Config, is_new: bool) -> String {
    let usual = usual_file(context).is_some_and(|usual| usual == file);
    let sidegate = match usual {
        true => "sidegate".to_owned(),
        false => format!(
            "sidegate --config {}",
            shell_word(&file.display().to_string())
        ),
    };
    let secret = if is_new {
        "the secret below"
    } else {
        "a caller's secret"
    };
    let listen = config.listen;
    format!(
        "\nnext, with {secret} in place of sg_…:\n\
         \x20 {sidegate} serve\n\
         \x20 SIDEGATE_TOKEN=sg_… {sidegate} smoke\n\
         \x20 export OPENAI_BASE_URL=http://{listen}/v1 OPENAI_API_KEY=sg_…\n"
    )
}

fn shell_word(text: &str) -> String {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    match plain {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_survives_the_shell() {
        assert_eq!(shell_word("/a/b-c.yaml"), "/a/b-c.yaml");
        assert_eq!(shell_word("/a b/it's"), r"'/a b/it'\''s'");
    }

    #[test]
    fn the_first_token_may_call_and_list_but_not_administer() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run/token");
        let secret = make_token(&file, "agent").unwrap();
        let text = read_token_file(&file).unwrap().unwrap();
        let rows = list(&text);
        assert_eq!((rows.len(), rows[0].name.as_str()), (1, "agent"));
        assert_eq!(rows[0].scopes.to_string(), SCOPES);
        assert!(!text.contains(&secret));
        let (exit, why) = make_token(&file, "agent").unwrap_err();
        assert!(
            exit == Exit::Failure && why.contains("no token yet"),
            "{why}"
        );
    }
}
