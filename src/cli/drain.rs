//! `sidegate drain`: the running gateway ends once its requests are done; or an upstream gets no new ones, so that it can be
//! restarted without a failure.

use super::live::{self, Silence};
use super::output::{complain, show};
use super::{Context, Exit};

#[derive(clap::Args)]
pub struct Arguments {
    /// Take this upstream out of use, and leave the gateway running; a restart of the gateway undoes it.
    #[arg(value_name = "UPSTREAM")]
    upstream: Option<String>,
    /// Use the upstream again.
    #[arg(long, requires = "upstream")]
    undo: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    match &arguments.upstream {
        Some(upstream) => of_upstream(context, upstream, arguments.undo),
        None => of_gateway(context),
    }
}

fn of_gateway(context: &Context) -> Exit {
    match live::ask(context, "POST", "/drain") {
        Ok(reply) if reply.status == 200 => {
            show("draining: the gateway ends when its last request is done\n");
            Exit::Done
        }
        Ok(reply) => strange(reply.status),
        Err(silence) => live::explain(context, &silence),
    }
}

fn of_upstream(context: &Context, upstream: &str, undo: bool) -> Exit {
    let method = if undo { "DELETE" } else { "POST" };
    match live::ask(context, method, &format!("/upstreams/{upstream}/drain")) {
        Ok(reply) if reply.status == 200 => told(context, upstream, undo),
        Ok(reply) if reply.status == 404 => {
            complain(&format!(
                "sidegate: there is no upstream `{upstream}`; `sidegate status` lists them"
            ));
            Exit::Usage
        }
        Ok(reply) => strange(reply.status),
        Err(silence) => live::explain(context, &silence),
    }
}

fn told(context: &Context, upstream: &str, undo: bool) -> Exit {
    if undo {
        show(&format!("{upstream} gets requests again\n"));
        return Exit::Done;
    }
    let running = in_flight(context, upstream).unwrap_or(0);
    show(&format!(
        "{upstream} gets no new requests; {running} are still running there. \
         `sidegate drain {upstream} --undo` or a restart of the gateway undoes it\n"
    ));
    Exit::Done
}

fn in_flight(context: &Context, upstream: &str) -> Result<u64, Silence> {
    let state = live::state(context)?;
    Ok(state
        .upstream(upstream)
        .map_or(0, |upstream| upstream.in_flight))
}

fn strange(status: u16) -> Exit {
    complain(&format!(
        "sidegate: the gateway answers {status}; it may be of an older version"
    ));
    Exit::Failure
}
