//! Advice where the software behind an upstream makes a difference: its own options, commands and habits.
//!
//! An entry that says nothing more than the general one doesn't belong here.

use super::{Advice, Case};
use crate::config::Family;
use crate::failure::Code;

/// First steps that several families share with the general advice.
const WAIT: &str = "Wait {wait} and resend";
const SHORTEN: &str = "Shorten the conversation or ask for fewer tokens";
const TAKE_OUT: &str = "Take out what this model server does not support";
const RESEND: &str = "Resend once, then look into the model server's log";
const ROTATE: &str = "Have the operator rotate the upstream's key";
const LIGHTEN: &str = "Shorten the prompt or send fewer calls in parallel";

macro_rules! advice {
    ($($case:expr, $family:ident, $act:expr => $more:literal;)*) => {
        /// One entry a case and family.
        pub(super) const ADVICE: &[(Case, Family, Advice)] =
            &[$(($case, Family::$family, Advice { act: $act, more: $more }),)*];
    };
}

advice! {
    Case::Code(Code::ContextLengthExceeded), Vllm, SHORTEN
        => "or start vLLM with a larger `--max-model-len`, as far as its KV cache allows; an operator can \
            add a larger model as a later tier";
    Case::Code(Code::ContextLengthExceeded), LlamaCpp, SHORTEN
        => "or start llama.cpp with a larger `-c`, which its parallel slots (`-np`) may have to share; an \
            operator can add a larger model as a later tier";
    Case::Code(Code::ContextLengthExceeded), Mlx, SHORTEN
        => "the window is the model's own, and memory ends before it on a small Mac; an operator can add a \
            larger model as a later tier";
    Case::Code(Code::ContextLengthExceeded), LmStudio, SHORTEN
        => "or load the model again with a larger context: `lms load --context-length`, or in the \
            application; an operator can add a larger model as a later tier";
    Case::Code(Code::ContextLengthExceeded), Ollama, SHORTEN
        => "or start Ollama with a larger `OLLAMA_CONTEXT_LENGTH`, whose default depends on the memory; \
            `ollama ps` shows the window in use and whether the model still fits";
    Case::Code(Code::ContextLengthExceeded), Sglang, SHORTEN
        => "or start SGLang with a larger `--context-length`, as far as its memory allows; an operator can \
            add a larger model as a later tier";
    Case::Code(Code::ContextLengthExceeded), Openai, SHORTEN
        => "the hosted model's window is fixed: use an alias whose model has a larger one, `sidegate \
            routes` shows each target's `context`";
    Case::Code(Code::ContextLengthExceeded), Anthropic, SHORTEN
        => "the hosted model's window is fixed: use an alias whose model has a larger one, `sidegate \
            routes` shows each target's `context`";
    Case::Code(Code::UpstreamRejected), Vllm, TAKE_OUT
        => "for tools vLLM must run with `--enable-auto-tool-choice` and `--tool-call-parser`; an operator \
            sees its own words with `sidegate explain {id}`";
    Case::Code(Code::UpstreamRejected), LlamaCpp, TAKE_OUT
        => "for tools llama.cpp must run with `--jinja`, for images with `--mmproj`; an operator sees its \
            own words with `sidegate explain {id}`";
    Case::Code(Code::UpstreamRejected), Ollama, TAKE_OUT
        => "not every model takes tools or images: `ollama show` lists what it can do; an operator sees \
            its own words with `sidegate explain {id}`";
    Case::Code(Code::UpstreamRejected), Sglang, TAKE_OUT
        => "for tools SGLang must run with `--tool-call-parser`; an operator sees its own words with \
            `sidegate explain {id}`";
    Case::Code(Code::UpstreamRejected), Openai, TAKE_OUT
        => "newer models take `max_completion_tokens` instead of `max_tokens` (the target's \
            `max_tokens_field`); an operator sees the provider's words with `sidegate explain {id}`";
    Case::Code(Code::UpstreamRejected), Anthropic, TAKE_OUT
        => "messages need `max_tokens` and the header `anthropic-version`; an operator sees the provider's \
            words with `sidegate explain {id}`";
    Case::Code(Code::RateLimited), Openai, WAIT
        => "the account's limit is reached: the `x-ratelimit-*` headers of good answers show how near it \
            is; send fewer calls in parallel, or have the account's limit raised";
    Case::Code(Code::RateLimited), Anthropic, WAIT
        => "the account's limit is reached, which counts tokens too: send fewer calls in parallel, shorten \
            prompts, or have the account's limit raised";
    Case::Code(Code::UpstreamOverloaded), Vllm, WAIT
        => "send fewer calls in parallel, or split batch work off to a second alias; an operator can raise \
            vLLM's `--max-num-seqs` where memory allows";
    Case::Code(Code::UpstreamOverloaded), LlamaCpp, WAIT
        => "send fewer calls in parallel: each needs one of llama.cpp's slots; an operator can raise \
            `-np`, with `-c` to match, or set the upstream's `streams` to its slots";
    Case::Code(Code::UpstreamOverloaded), Mlx, WAIT
        => "send fewer calls in parallel, or split batch work off to a second alias; an operator can lower \
            the upstream's `streams`, so that calls wait here";
    Case::Code(Code::UpstreamOverloaded), LmStudio, WAIT
        => "send fewer calls in parallel; an operator can raise the model's parallel requests in LM \
            Studio, or lower the upstream's `streams`, so that calls wait here";
    Case::Code(Code::UpstreamOverloaded), Ollama, WAIT
        => "send fewer calls in parallel; an operator can raise Ollama's `OLLAMA_NUM_PARALLEL` or \
            `OLLAMA_MAX_QUEUE`, or lower the upstream's `streams`";
    Case::Code(Code::UpstreamOverloaded), Sglang, WAIT
        => "send fewer calls in parallel, or split batch work off to a second alias; an operator can raise \
            SGLang's `--max-running-requests` where memory allows";
    Case::Code(Code::UpstreamOverloaded), Openai, WAIT
        => "the provider itself is overloaded: its status page tells more; an operator can add a target as \
            a later tier";
    Case::Code(Code::UpstreamOverloaded), Anthropic, WAIT
        => "the provider itself is overloaded: its status page tells more; an operator can add a target as \
            a later tier";
    Case::Code(Code::UpstreamUnreachable), Vllm, "Start vLLM or correct the upstream's `url`"
        => "vLLM listens only after its weights are loaded, so look into its log first; then for an old \
            SSH tunnel on that port; `sidegate doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), LlamaCpp, "Start llama-server or correct the upstream's `url`"
        => "it listens on port 8080 unless told otherwise; look for an old SSH tunnel on that port; \
            `sidegate doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), Mlx, "Start mlx_lm.server or correct the upstream's `url`"
        => "look whether it crashed for want of memory, and for an old SSH tunnel on that port; `sidegate \
            doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), LmStudio, "Start LM Studio's server with `lms server start`"
        => "the application alone does not listen; its port is 1234 unless changed; look for an old SSH \
            tunnel on that port; `sidegate doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), Ollama, "Start Ollama with `ollama serve`"
        => "its port is 11434 unless `OLLAMA_HOST` says otherwise; look for an old SSH tunnel on that \
            port; `sidegate doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), Sglang, "Start SGLang or correct the upstream's `url`"
        => "SGLang listens only after its weights are loaded, so look into its log first; then for an old \
            SSH tunnel on that port; `sidegate doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), Openai, "Check that this host reaches the provider"
        => "name resolution, a firewall or a proxy that intercepts TLS are the usual reasons; `sidegate \
            doctor` tells which";
    Case::Code(Code::UpstreamUnreachable), Anthropic, "Check that this host reaches the provider"
        => "name resolution, a firewall or a proxy that intercepts TLS are the usual reasons; `sidegate \
            doctor` tells which";
    Case::Code(Code::UpstreamError), Vllm, RESEND
        => "once vLLM's engine has died every call fails until it is started again; too little memory is \
            the usual reason: lower `--max-num-seqs` or `--max-model-len`";
    Case::Code(Code::UpstreamError), LlamaCpp, RESEND
        => "too little memory is the usual reason: start llama.cpp with a smaller `-c` or fewer layers on \
            the GPU (`-ngl`)";
    Case::Code(Code::UpstreamError), Mlx, RESEND
        => "too little unified memory is the usual reason: use a smaller or more quantised model, shorter \
            prompts, and lower the upstream's `streams`";
    Case::Code(Code::UpstreamError), LmStudio, RESEND
        => "the model may have crashed or been unloaded: `lms ps` shows what is loaded, `lms load` loads \
            it again";
    Case::Code(Code::UpstreamError), Ollama, RESEND
        => "too little memory is the usual reason: `ollama ps` shows what is loaded; use a smaller model \
            or a smaller `OLLAMA_CONTEXT_LENGTH`";
    Case::Code(Code::UpstreamError), Sglang, RESEND
        => "too little memory is the usual reason: lower SGLang's `--mem-fraction-static` or \
            `--max-running-requests`";
    Case::Code(Code::UpstreamError), Openai, "Resend once"
        => "the provider failed: its status page tells more; an operator sees what it answered with \
            `sidegate explain {id}` and can add a later tier";
    Case::Code(Code::UpstreamError), Anthropic, "Resend once"
        => "the provider failed: its status page tells more; an operator sees what it answered with \
            `sidegate explain {id}` and can add a later tier";
    Case::Code(Code::UpstreamAuthFailed), Vllm, ROTATE
        => "the upstream's `key_file` must hold what vLLM was started with as `--api-key`; it is read \
            again by itself; the client's own token is not the reason";
    Case::Code(Code::UpstreamAuthFailed), LlamaCpp, ROTATE
        => "the upstream's `key_file` must hold what llama.cpp was started with as `--api-key`; it is read \
            again by itself; the client's own token is not the reason";
    Case::Code(Code::UpstreamAuthFailed), Sglang, ROTATE
        => "the upstream's `key_file` must hold what SGLang was started with as `--api-key`; it is read \
            again by itself; the client's own token is not the reason";
    Case::Code(Code::UpstreamAuthFailed), Ollama, "Check what stands between here and Ollama"
        => "Ollama itself asks for no key, so a proxy or a tunnel refused: give the upstream the proxy's \
            key as `key_file`, or its direct `url`";
    Case::Code(Code::UpstreamAuthFailed), Openai, ROTATE
        => "make a new key at the provider, put it into the upstream's `key_file`, run `sidegate doctor`; \
            project, region and model rights count too; the client's own token is not the reason";
    Case::Code(Code::UpstreamAuthFailed), Anthropic, ROTATE
        => "make a new key at the provider, put it into the upstream's `key_file`, run `sidegate doctor`; \
            workspace and model rights count too; the client's own token is not the reason";
    Case::Code(Code::UpstreamModelMissing), Vllm, "Correct the target's `model`"
        => "vLLM serves only what it was started with, under its `--served-model-name`; `sidegate doctor` \
            compares the two";
    Case::Code(Code::UpstreamModelMissing), LlamaCpp, "Correct the target's `model`"
        => "llama.cpp knows the model by its file or `--alias`; `sidegate doctor` compares the `model` of \
            each target with what its server lists";
    Case::Code(Code::UpstreamModelMissing), Mlx, "Correct the target's `model`"
        => "mlx_lm.server wants the repository name or the folder of the weights, exactly; `sidegate \
            doctor` compares it with what the server lists";
    Case::Code(Code::UpstreamModelMissing), LmStudio, "Load the model with `lms load`"
        => "`lms ls` shows the names that LM Studio knows, the target's `model` must be one of them; \
            `sidegate doctor` compares the two";
    Case::Code(Code::UpstreamModelMissing), Ollama, "Run `ollama pull` for the target's `model`"
        => "`ollama list` shows what is there, and the tag after the colon counts; `sidegate doctor` \
            compares each target with it";
    Case::Code(Code::UpstreamModelMissing), Sglang, "Correct the target's `model`"
        => "SGLang serves only what it was started with, under its `--served-model-name`; `sidegate \
            doctor` compares the two";
    Case::Code(Code::UpstreamModelMissing), Openai, "Correct the target's `model`"
        => "the provider may have retired it, or the account may have no right to it; `sidegate doctor` \
            compares it with what the account may use";
    Case::Code(Code::UpstreamModelMissing), Anthropic, "Correct the target's `model`"
        => "the provider may have retired it, or the account may have no right to it; `sidegate doctor` \
            compares it with what the account may use";
    Case::Code(Code::UpstreamFirstTokenTimeout), Vllm, LIGHTEN
        => "calls wait behind others when `vllm:num_requests_waiting` is above 0; else measure the first \
            token, then raise the route's `{key}`";
    Case::Code(Code::UpstreamFirstTokenTimeout), LlamaCpp, LIGHTEN
        => "reading a long prompt takes minutes here: keep its beginning the same so that the slot's cache \
            helps, measure the first token, then raise the route's `{key}`";
    Case::Code(Code::UpstreamFirstTokenTimeout), Mlx, LIGHTEN
        => "reading a long prompt takes minutes on a Mac: keep its beginning the same so that the cache \
            helps, measure the first token, then raise the route's `{key}`";
    Case::Code(Code::UpstreamFirstTokenTimeout), LmStudio, LIGHTEN
        => "LM Studio may first have to load the model (`lms ps` shows it): load it beforehand with a \
            longer idle time, or measure the first token, then raise the route's `{key}`";
    Case::Code(Code::UpstreamFirstTokenTimeout), Ollama, LIGHTEN
        => "Ollama may first have to load the model: keep it loaded with `OLLAMA_KEEP_ALIVE`, or measure \
            the first token, then raise the route's `{key}`";
    Case::Code(Code::UpstreamFirstTokenTimeout), Sglang, LIGHTEN
        => "calls wait behind others when `sglang:num_queue_reqs` is above 0; else measure the first \
            token, then raise the route's `{key}`";
    Case::Loading, Vllm, WAIT
        => "vLLM is still loading its weights and compiling, which takes minutes; its log shows how far it \
            is, `sidegate status` when it is ready";
    Case::Loading, LlamaCpp, WAIT
        => "llama.cpp is still loading the model, and answers 503 until it has it; `sidegate status` shows \
            when it is ready";
    Case::Loading, LmStudio, WAIT
        => "LM Studio is still loading the model: `lms ps` shows it; load it beforehand with a longer idle \
            time, so that no call has to wait for it";
    Case::Loading, Ollama, WAIT
        => "Ollama is still loading the model: `ollama ps` shows it; keep it loaded with \
            `OLLAMA_KEEP_ALIVE`, so that no call has to wait for it";
    Case::Loading, Sglang, WAIT
        => "SGLang is still loading its weights, which takes minutes; its log shows how far it is, \
            `sidegate status` when it is ready";
}
