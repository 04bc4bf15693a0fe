//! One piece of advice for every code, whatever software is behind it.
//!
//! The first text is the step that helps soonest, a sentence without its full stop, which the message repeats; the
//! second goes on after "; ".

use super::{Advice, Case};
use crate::failure::Code;

macro_rules! advice {
    ($($case:expr, $act:literal => $more:literal;)*) => {
        /// One entry a case, whatever the family.
        pub(super) const ADVICE: &[(Case, Advice)] =
            &[$(($case, Advice { act: $act, more: $more }),)*];
    };
}

advice! {
    Case::HtmlPage,
        "Check where the upstream's `url` leads"
        => "a web page answered instead of a model server: a login page, a CDN's error, or an old SSH \
            tunnel that ends at something else; `sidegate doctor` asks that address";
    Case::Loading,
        "Wait {wait} and resend"
        => "the model is still loading, which takes minutes for large weights; `sidegate status` shows \
            when the server is ready";
    Case::Code(Code::InvalidToken),
        "Send `authorization: Bearer <token>` with a current token"
        => "`sidegate token list` shows the callers and their expiry, `sidegate token new NAME --scopes \
            invoke:<route>` makes one; a model server's own key is none of them";
    Case::Code(Code::MissingToken),
        "Send `authorization: Bearer <token>` with a current token"
        => "`sidegate token list` shows the callers and their expiry, `sidegate token new NAME --scopes \
            invoke:<route>` makes one; a model server's own key is none of them";
    Case::Code(Code::ExpiredToken),
        "Send `authorization: Bearer <token>` with a current token"
        => "`sidegate token list` shows the callers and their expiry, `sidegate token new NAME --scopes \
            invoke:<route>` makes one; a model server's own key is none of them";
    Case::Code(Code::InsufficientScope),
        "Ask the operator for a token with the scope"
        => "`sidegate token list` shows what each caller may do: `invoke:<route>`, `lane:<lane>`, \
            `models`; scopes can be added in the token file, which is read again by itself";
    Case::Code(Code::HostDenied),
        "Call the gateway as localhost or 127.0.0.1"
        => "or add the host name that you use to `{key}` and save the file; other names are refused \
            because a web page could rebind one to this port";
    Case::Code(Code::OriginDenied),
        "Call from a program, not from a web page"
        => "or add the page's origin, as scheme://host:port, to `{key}` and save the file";
    Case::Code(Code::UnknownModel),
        "Ask for one of the models that GET /v1/models lists"
        => "`sidegate routes` shows every alias; an operator can add this name to a route's `alias`, or a \
            route with the alias \"*\" that takes any name through";
    Case::Code(Code::UnknownPath),
        "Let the client's base URL end in /v1"
        => "served below it are chat/completions, completions, responses, messages, embeddings, rerank, \
            score and models; audio and images are not; health checks belong to the admin port";
    Case::Code(Code::MethodNotAllowed),
        "Use POST for calls and GET for /v1/models"
        => "health checks and browsers belong to the admin port: /livez, /readyz, /status";
    Case::Code(Code::InvalidRequest),
        "Correct the request{place}"
        => "it must be one JSON object with a `model`; keys that steer where a call goes, such as \
            `base_url`, `api_key`, `extra_headers` or `fallbacks`, must be taken out of it";
    Case::Code(Code::DuplicateKey),
        "Send each key only once{place}"
        => "two parsers would disagree about which value counts, so equal values are refused too; look for \
            an extra body that the client merges into its own";
    Case::Code(Code::SchemaViolation),
        "Send what the skill's manifest allows{place}"
        => "a manifest decides route, lane, tools and the form of a request: `sidegate skills` shows each \
            skill's, and the file that an operator can change";
    Case::Code(Code::SkillUnknown),
        "Name an existing skill in `x-sidegate-skill`"
        => "`sidegate skills` lists them; a new one is a manifest in the folder `skills.dir`";
    Case::Code(Code::UnsupportedMediaType),
        "Send JSON with -H 'content-type: application/json'"
        => "`curl -d` alone calls its body a form, so it needs that option; a compressed body \
            (`content-encoding`) is not taken either";
    Case::Code(Code::BodyTooLarge),
        "Send a smaller request"
        => "shorten the conversation, send fewer or smaller attachments, or split the batch; an operator \
            can raise `{key}`";
    Case::Code(Code::HeadersTooLarge),
        "Send fewer or shorter headers"
        => "cookies and tracing baggage are the usual ones; an operator can raise `{key}`";
    Case::Code(Code::RequestTimeout),
        "Send the whole request without a pause"
        => "its head or body stopped on the way: look at the client's network, and for a `content-length` \
            larger than what is sent";
    Case::Code(Code::ContextLengthExceeded),
        "Shorten the conversation or ask for fewer tokens"
        => "or split the work, or use an alias with a larger window: `sidegate routes` shows each target's \
            `context`; an operator can add a larger model as a later tier";
    Case::Code(Code::ContentPolicyViolation),
        "Change what the request asks for"
        => "the same request will be refused again, so it was tried nowhere else; an operator sees the \
            reason with `sidegate explain {id}`";
    Case::Code(Code::UpstreamRejected),
        "Take out what this model server does not support"
        => "a parameter, a tool or a kind of content is the usual reason; an operator sees the server's \
            own words with `sidegate explain {id}`";
    Case::Code(Code::RateLimited),
        "Wait {wait} and resend"
        => "send fewer calls in parallel, or split batch work off to a second alias; an operator can add a \
            target to the route";
    Case::Code(Code::BudgetExhausted),
        "Wait until the budget renews{renews}"
        => "a lower `max_tokens` helps, because the whole limit is reserved before sending; an operator \
            can raise the budget or rate in `{key}`";
    Case::Code(Code::LaneFull),
        "Wait {wait} and resend"
        => "send fewer calls in parallel, or split batch work off to an alias on the batch lane; an \
            operator can raise `{key}` or add a target";
    Case::Code(Code::QueueTimeout),
        "Wait {wait} and resend"
        => "every place was busy: send fewer calls in parallel, or split batch work off to a second alias; \
            an operator can raise `{key}` or add a target";
    Case::Code(Code::CircuitOpen),
        "Wait {wait} and resend"
        => "`sidegate doctor` finds what is wrong with the server, `sidegate breakers` shows how long it \
            is left alone (`{key}`), `sidegate breakers reset` lets calls through at once";
    Case::Code(Code::NoUpstream),
        "Wait {wait} and resend"
        => "`sidegate routes` shows the route's targets and what keeps each from serving, `sidegate \
            doctor` finds why; an operator can add a target as a later tier";
    Case::Code(Code::UpstreamOverloaded),
        "Wait {wait} and resend"
        => "send fewer calls in parallel, or split batch work off to a second alias; an operator can lower \
            the upstream's `streams`, so that calls wait here, or add a target";
    Case::Code(Code::RetryBudgetExhausted),
        "Wait {wait} and resend"
        => "so many calls fail that retries would only add load (`{key}`); `sidegate status` shows the \
            upstream, `sidegate doctor` finds what is wrong with it";
    Case::Code(Code::UpstreamUnreachable),
        "Start the model server or correct the upstream's `url`"
        => "`sidegate doctor` tells which; look whether the server listens on that port, whether an old \
            SSH tunnel was to carry it, and whether its certificate is valid";
    Case::Code(Code::UpstreamError),
        "Resend once, then look into the model server's log"
        => "an operator sees what it answered with `sidegate explain {id}`; out of memory is the usual \
            reason for a failure in mid-work";
    Case::Code(Code::UpstreamProtocolError),
        "Check that the upstream's `url` leads to a model server"
        => "an old SSH tunnel or another program may hold that port, or http and https be mixed up; if it \
            worked before, the server crashed: `sidegate doctor` tells";
    Case::Code(Code::UpstreamTruncated),
        "Resend, and look into the model server's log"
        => "a crash, a restart or a dropped tunnel ends answers early; an operator sees the attempts with \
            `sidegate explain {id}`";
    Case::Code(Code::UpstreamAuthFailed),
        "Have the operator rotate the upstream's key"
        => "put the new one into the upstream's `key_file`, which is read again by itself, then run \
            `sidegate doctor`; the client's own token is not the reason";
    Case::Code(Code::UpstreamModelMissing),
        "Load the model, or correct the target's `model`"
        => "`sidegate doctor` compares the `model` of each target with what its server lists";
    Case::Code(Code::UpstreamRedirect),
        "Put the final address into the upstream's `url`"
        => "redirects are not followed, because they would carry key and prompt elsewhere; http for https, \
            a missing /v1 or a login page are the usual reasons";
    Case::Code(Code::ResponseSchemaViolation),
        "Resend, and ask in the prompt for what the skill accepts{place}"
        => "raise `max_tokens` when the answer was cut; `sidegate skills` lists the skills, an operator \
            can loosen the response schema in the manifest";
    Case::Code(Code::UpstreamConnectTimeout),
        "Check the network to the model server"
        => "its host may be asleep, behind a firewall, or at the far end of an old SSH tunnel: `sidegate \
            doctor` tells; only for a distant server raise `{key}`";
    Case::Code(Code::UpstreamHeaderTimeout),
        "Send fewer calls in parallel or a shorter prompt"
        => "many servers answer nothing until the prompt is read: measure how long a good call takes to \
            begin, then raise the route's `{key}`";
    Case::Code(Code::UpstreamFirstTokenTimeout),
        "Shorten the prompt or send fewer calls in parallel"
        => "measure the first token (`sidegate_time_to_first_token_seconds`), then raise the route's \
            `{key}`";
    Case::Code(Code::UpstreamIdleTimeout),
        "Resend with fewer calls in parallel"
        => "the server stopped between two tokens: look for a hang or for swapping in its log; raise the \
            route's `{key}` only when its gaps were measured to be longer";
    Case::Code(Code::UpstreamPlainTimeout),
        "Ask for a stream, or for a shorter answer"
        => "with \"stream\": true progress keeps the call alive, a plain answer must be whole in time; \
            send embeddings in smaller batches; an operator can raise the route's `{key}`";
    Case::Code(Code::DeadlineExceeded),
        "Ask for less, or allow the call more time"
        => "queue, retries and answer together took too long; the earlier of the route's `{key}` and the \
            client's own timeout decides, so raise both";
    Case::Code(Code::StreamInterrupted),
        "Send the request again"
        => "what has come is only a part: don't use it as the answer; with `commit: whole` on the route \
            such a call is repeated unseen";
    Case::Code(Code::Draining),
        "Wait {wait} and resend"
        => "the gateway is being stopped or restarted; if it does not come back, `sidegate service status` \
            tells why";
    Case::Code(Code::TooManyConnections),
        "Wait {wait} and resend"
        => "keep one HTTP client and its connections instead of a new one for each call; an operator can \
            raise `{key}` and the limit of file descriptors";
    Case::Code(Code::LoopDetected),
        "Point the upstream's `url` at the model server"
        => "it leads back to this gateway; an exported `OPENAI_BASE_URL` is the usual reason: `sidegate \
            check --explain` shows where each value came from";
    Case::Code(Code::Internal),
        "Resend once, and tell the operator"
        => "`sidegate explain {id}` shows how far the request came, `sidegate doctor --snapshot FILE` \
            writes a report that is safe to share";
    Case::Code(Code::ClientClosed),
        "Raise the client's own timeout if it left too early"
        => "nothing else needs doing: the work at the model server was ended with the connection";
}
