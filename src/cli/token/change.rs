//! The three changes of a token file.

use std::time::SystemTime;

use jiff::Timestamp;

use super::taken;
use super::TokenFile;
use crate::caller::{
    change_token_file, new_entry, revoke as without, rotate as rotated, secret_from, EditError,
    NewToken, Scopes, StoreError, TokenTable,
};
use crate::cli::output::{complain, print};
use crate::cli::{random, Context, Exit};
use crate::clock;
use crate::config::{print_duration, read_duration};

#[derive(clap::Args)]
pub struct NewArguments {
    /// Who it is for: what logs, metrics and limits call it.
    name: String,
    /// What it may do, with commas: invoke:ROUTE, invoke:*, lane:interactive, lane:batch, lane:*, models, admin.
    #[arg(long)]
    scopes: String,
    /// When it ends, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "RFC3339")]
    expires: Option<String>,
    /// The skill that all its requests belong to.
    #[arg(long)]
    skill: Option<String>,
}

#[derive(clap::Args)]
pub struct RevokeArguments {
    name: String,
}

#[derive(clap::Args)]
pub struct RotateArguments {
    name: String,
    /// How long the old secrets go on, such as 90s, 15m or 24h; 0s ends them now.
    #[arg(long, default_value = "24h", value_name = "DURATION")]
    overlap: String,
}

pub fn new(context: &Context, file: &TokenFile, arguments: &NewArguments) -> Exit {
    let (scopes, expires) = match read(arguments, clock::wall()) {
        Ok(read) => read,
        Err(texts) => return refuse(&texts),
    };
    let secret = match random::secret_bytes() {
        Ok(bytes) => secret_from(bytes),
        Err(text) => return fail(&text, Exit::Internal),
    };
    let token = NewToken {
        name: &arguments.name,
        scopes: &scopes,
        expires,
        skill: arguments.skill.as_deref(),
        secret: &secret,
    };
    match change_token_file(&file.path, |text| new_entry(text, token)) {
        Ok(()) => {
            warn_of_unknown_routes(file, &scopes);
            warn_of_skill(file, arguments.skill.as_deref(), &scopes);
            hand_over(context, file, &arguments.name, &secret)
        }
        Err(error) => explain(&error),
    }
}

pub fn rotate(context: &Context, file: &TokenFile, arguments: &RotateArguments) -> Exit {
    let overlap = match read_duration(&arguments.overlap) {
        Ok(overlap) => overlap,
        Err(text) => return refuse(&[format!("--overlap: {text}")]),
    };
    let secret = match random::secret_bytes() {
        Ok(bytes) => secret_from(bytes),
        Err(text) => return fail(&text, Exit::Internal),
    };
    let (name, now) = (&arguments.name, clock::wall());
    match change_token_file(&file.path, |text| {
        rotated(text, name, &secret, now, overlap)
    }) {
        Ok(()) => {
            let length = print_duration(overlap);
            complain(&format!("the old secrets of `{name}` go on for {length}"));
            hand_over(context, file, name, &secret)
        }
        Err(error) => explain(&error),
    }
}

pub fn revoke(context: &Context, file: &TokenFile, arguments: &RevokeArguments) -> Exit {
    let name = &arguments.name;
    let mut left = String::new();
    let changed = change_token_file(&file.path, |text| {
        left = without(text, name)?;
        Ok(left.clone())
    });
    if let Err(error) = changed {
        return explain(&error);
    }
    complain(&format!("`{name}` is gone from {}", file.path.display()));
    // A gateway refuses a file with mistakes and goes on with the old one, in which the secret is still good.
    if let Err(mistakes) = TokenTable::parse(&left) {
        complain("BUT NO GATEWAY TAKES THE FILE, so one that runs still lets the secret in. Mend these lines:");
        mistakes
            .iter()
            .for_each(|mistake| complain(&mistake.to_string()));
        return Exit::Configuration;
    }
    taken::tell(context, file)
}

/// Prints a secret, once, after its hash was stored.
fn hand_over(context: &Context, file: &TokenFile, name: &str, secret: &str) -> Exit {
    let path = file.path.display();
    complain(&format!(
        "the secret of `{name}` follows, this one time: {path} keeps only its hash"
    ));
    if let Err(error) = print(&format!("{secret}\n")) {
        let advice = format!("`sidegate token rotate {name} --overlap 0s` makes another one");
        return fail(
            &format!("the secret could not be printed and is lost: {error}; {advice}"),
            Exit::Failure,
        );
    }
    taken::tell(context, file)
}

fn read(
    arguments: &NewArguments,
    now: SystemTime,
) -> Result<(Scopes, Option<SystemTime>), Vec<String>> {
    let mut wrong = Vec::new();
    let scopes = Scopes::parse(&arguments.scopes)
        .map_err(|texts| wrong.extend(texts.iter().map(|text| format!("--scopes: {text}"))));
    let expires = arguments
        .expires
        .as_deref()
        .map(|text| end(text, now))
        .transpose();
    let expires = expires.map_err(|text| wrong.push(format!("--expires: {text}")));
    match (scopes, expires) {
        (Ok(scopes), Ok(expires)) => Ok((scopes, expires)),
        _ => Err(wrong),
    }
}

fn end(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    let example = "such as 2027-01-01T00:00:00Z";
    let time: Timestamp = text
        .parse()
        .map_err(|_| format!("takes a whole time with its offset, {example}"))?;
    match SystemTime::from(time) {
        time if time <= now => Err("is over already".to_owned()),
        time => Ok(time),
    }
}

fn warn_of_unknown_routes(file: &TokenFile, scopes: &Scopes) {
    let Some(routes) = &file.routes else {
        return;
    };
    for route in scopes
        .routes()
        .filter(|route| !routes.iter().any(|known| known == route))
    {
        complain(&format!(
            "warning: there is no route `{route}` (routes: {})",
            routes.join(", ")
        ));
    }
}

fn warn_of_skill(file: &TokenFile, skill: Option<&str>, scopes: &Scopes) {
    let Some(skill) = skill else {
        return;
    };
    if scopes.is_admin() {
        complain(
            "warning: a token that is bound to a skill administers nothing, whatever its scopes",
        );
    }
    let unknown = |skills: &&Vec<String>| !skills.iter().any(|known| known == skill);
    if let Some(skills) = file.skills.as_ref().filter(unknown) {
        let known = match skills.as_slice() {
            [] => "none".to_owned(),
            skills => skills.join(", "),
        };
        complain(&format!(
            "warning: there is no skill `{skill}` yet (skills: {known}); until there is, each request of the token is refused"
        ));
    }
}

fn explain(error: &StoreError) -> Exit {
    let exit = match error {
        StoreError::Edit(EditError::Mistakes(_)) => Exit::Configuration,
        StoreError::Edit(EditError::BadName | EditError::BadSkill) => Exit::Usage,
        _ => Exit::Failure,
    };
    fail(&error.to_string(), exit)
}

fn refuse(texts: &[String]) -> Exit {
    texts
        .iter()
        .for_each(|text| complain(&format!("sidegate: {text}")));
    Exit::Usage
}

fn fail(text: &str, exit: Exit) -> Exit {
    complain(&format!("sidegate: {text}"));
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn arguments(scopes: &str, expires: Option<&str>) -> NewArguments {
        NewArguments {
            name: "agent".to_owned(),
            scopes: scopes.to_owned(),
            expires: expires.map(str::to_owned),
            skill: None,
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let wrong = read(
            &arguments("invoke:*,lane:fast", Some("tomorrow")),
            SystemTime::UNIX_EPOCH,
        )
        .unwrap_err();
        assert_eq!(wrong.len(), 2);
        assert!(
            wrong[0].starts_with("--scopes: scope 2:") && wrong[1].starts_with("--expires: takes")
        );
    }

    #[test]
    fn a_token_that_has_ended_is_not_made() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(2);
        let at = |text| read(&arguments("admin", Some(text)), now);
        assert!(at("1970-01-01T00:00:02Z").is_err());
        assert!(at("1970-01-01T01:00:03+01:00").is_ok());
    }
}
