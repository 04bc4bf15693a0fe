#!/usr/bin/env bash
# One real OpenClaw agent turn through the gateway to a real llama.cpp server, judged by the access log.
#
#     run.sh             OpenClaw -> sidegate -> llama.cpp     SIDEGATE=path of the binary
#     run.sh --direct    OpenClaw -> llama.cpp, to see that the stage itself stands
#
# Everything is kept under target/openclaw (700 MB from npm on the first run), OpenClaw's home included.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/real/openclaw
home=$PWD/target/openclaw
python=$PWD/target/real/venv/bin/python
context=65536
direct=${1:-}
started=()

main() {
    tests/real/install.sh
    install_openclaw
    PATH=$(node_folder):$PATH
    rm -rf "$home/run"
    mkdir -p "$home/run/home/.openclaw" "$home/run/logs"
    umask 077
    token_file=$home/run/home/.openclaw/token
    "$python" -c 'import secrets; print(secrets.token_urlsafe(32))' >"$token_file"
    chmod 0400 "$token_file"
    trap stop EXIT

    start_llamacpp
    if [ "$direct" = --direct ]; then
        base_port=$llama_port
    else
        start_sidegate
        base_port=$data_port
    fi
    take_one_turn
    if [ "$direct" = --direct ]; then
        "$python" "$here/judge.py" "$home/run/turn.json"
    else
        "$python" "$here/judge.py" "$home/run/turn.json" "$home/run/state/logs/access.jsonl"
    fi
}

install_openclaw() {
    wanted=$(cksum <"$here/package-lock.json")
    if [ "$(cat "$home/stamp" 2>/dev/null || true)" != "$wanted" ]; then
        rm -rf "$home"
        mkdir -p "$home"
        cp "$here/package.json" "$here/package-lock.json" "$home/"
        # Without install scripts: they look for a newer Node than the machine may have, and nothing needs them.
        (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        echo "$wanted" >"$home/stamp"
    fi
}

# OpenClaw needs Node 22.22.3 or newer; the one that npm brought for this machine.
node_folder() {
    for folder in "$home"/node_modules/node-linux-*/bin "$home"/node_modules/node-bin-*/bin; do
        if [ -x "$folder/node" ]; then
            echo "$folder"
            return
        fi
    done
    echo "no Node for this machine under target/openclaw/node_modules" >&2
    return 1
}

start_llamacpp() {
    key=()
    if [ "$direct" = --direct ]; then key=(--api-key "$(cat "$token_file")"); fi
    "$python" tests/real/llamacpp.py 0 2 "$context" ${key[@]+"${key[@]}"} \
        </dev/null >"$home/run/llamacpp.out" 2>"$home/run/llamacpp.log" &
    started+=($!)
    wait_for "llama.cpp to listen" grep -q '^listening on' "$home/run/llamacpp.out"
    llama_port=$(sed -n 's/^listening on //p' "$home/run/llamacpp.out")
}

start_sidegate() {
    sidegate=${SIDEGATE:-$(first_of target/release/sidegate target/debug/sidegate)}
    cat >"$home/run/sidegate.yaml" <<YAML
listen: 127.0.0.1:0
admin: 127.0.0.1:0
state_dir: $home/run/state
callers: {token_file: $token_file}
upstreams:
  llama: {url: "http://127.0.0.1:$llama_port/v1", family: llama.cpp}
routes:
  openclaw:
    alias: [tiny]
    targets: [{upstream: llama, model: tiny, context: $context}]
YAML
    "$sidegate" serve --config "$home/run/sidegate.yaml" </dev/null >"$home/run/sidegate.log" 2>&1 &
    started+=($!)
    wait_for "sidegate to be ready" test -s "$home/run/state/run/ports.json"
    data_port=$("$python" -c 'import json, sys; print(json.load(sys.stdin)["listen"].rsplit(":", 1)[1])' \
        <"$home/run/state/run/ports.json")
}

# The token is read by OpenClaw itself from the file that the gateway reads.
take_one_turn() {
    cat >"$home/run/home/.openclaw/openclaw.json" <<JSON
{
  "gateway": {"mode": "local"},
  "update": {"checkOnStart": false},
  "secrets": {"providers": {"sidegate": {"source": "file", "path": "$token_file", "mode": "singleValue"}}},
  "models": {
    "mode": "replace",
    "providers": {
      "sidegate": {
        "baseUrl": "http://127.0.0.1:$base_port/v1",
        "apiKey": {"source": "file", "provider": "sidegate", "id": "value"},
        "api": "openai-completions",
        "timeoutSeconds": 600,
        "models": [{
          "id": "tiny", "name": "Tiny", "reasoning": false, "input": ["text"],
          "contextWindow": $context, "maxTokens": 64,
          "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
        }]
      }
    }
  },
  "agents": {"defaults": {"model": {"primary": "sidegate/tiny"}, "skipBootstrap": true}}
}
JSON
    openclaw config validate
    openclaw agent --local --agent main --message "say hello" --json --timeout 120 >"$home/run/turn.json"
}

openclaw() {
    env -u OPENAI_API_KEY -u OPENAI_BASE_URL HOME="$home/run/home" \
        node "$home/node_modules/openclaw/openclaw.mjs" "$@" 2>>"$home/run/openclaw.log"
}

first_of() {
    for file in "$@"; do
        if [ -x "$file" ]; then
            echo "$file"
            return
        fi
    done
    echo "no sidegate binary: build it, or name it in SIDEGATE" >&2
    return 1
}

wait_for() {
    what=$1
    shift
    deadline=$((SECONDS + 30))
    until "$@" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "waited 30 s for $what; see target/openclaw/run" >&2
            return 1
        fi
        sleep 0.1
    done
}

stop() {
    for process in ${started[@]+"${started[@]}"}; do kill "$process" 2>/dev/null || true; done
    wait
}

main
