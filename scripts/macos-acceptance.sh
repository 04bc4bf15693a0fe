#!/usr/bin/env bash
# What only a real Mac can show: launchd, shared memory, descriptors, the clock across a sleep, APFS, who holds a port.
#
#     scripts/macos-acceptance.sh                 builds sidegate and tries it
#     scripts/macos-acceptance.sh --binary FILE   tries this one
#     scripts/macos-acceptance.sh --tests         runs the whole test suite here too
#     scripts/macos-acceptance.sh --sleep         one step more: somebody puts the Mac to sleep for a minute or more
#     scripts/macos-acceptance.sh --keep          leaves the folder with logs and files
#
# Each step prints PASS, FAIL or SKIP with its reason. Nothing that is installed is touched: labels, ports and folders are
# this run's own, and the one step that needs sidegate's real labels is skipped where they are in use. All is removed at the
# end, also after Control-C. Exit code 0: nothing failed; 1: something did.
#
# For bash 3, which macOS has.
set -uo pipefail
cd "$(dirname "$0")/.."

label=dev.sidegate.acceptance.$$
domain=gui/$(id -u)
installed=no
loaded=no
children=()
failed=0
why=

main() {
    read_options "$@"
    # Below /tmp, because the path of a Unix socket may have 103 bytes there, and $TMPDIR is long.
    work=$(mktemp -d /tmp/sidegate-acceptance.XXXXXX)
    trap clean EXIT
    trap 'exit 130' INT TERM
    echo "this run: $work, label $label"
    step "the system" the_system
    step "the binary is built and signed" the_binary
    [ "$tests" = yes ] && step "the test suite passes" the_tests
    [ -x "$sidegate" ] || finish
    step "the demo answers, and leaves nothing behind" the_demo
    prepare || { echo "FAIL  preparing: $why"; failed=1; finish; }
    step "the shipped property lists are sound" the_lists
    step "a start in a shell with 256 descriptors raises them" few_descriptors
    step "the breakers' shared memory is shared, and outlives kill -9" shared_breakers
    step "a port in use is exit 71, and it is said by whom" taken_port
    step "the disk's numbers are APFS's own" disk_numbers
    step "the doctor comes to an end" the_doctor
    step "launchd starts the gateway" launchd_starts
    step "launchd gives it descriptors" launchd_descriptors
    step "launchctl kill SIGHUP reloads" launchd_reloads
    step "kickstart -k: it is back within 20 s" launchd_kickstart
    step "kill -9: it is back within 20 s" launchd_kill
    step "a mistake in the configuration is no restart loop" launchd_bad_file
    step "bootout ends it, and it stays away" launchd_bootout
    step "service install, status, uninstall" service_flow
    [ "$sleeps" = yes ] && step "the clock goes on in sleep" the_sleep
    finish
}

read_options() {
    sidegate= tests=no sleeps=no keep=no
    while [ $# -gt 0 ]; do
        case $1 in
            --binary) sidegate=${2:?--binary takes a file}; shift ;;
            --tests) tests=yes ;;
            --sleep) sleeps=yes ;;
            --keep) keep=yes ;;
            *) sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 64 ;;
        esac
        shift
    done
}

# --- How steps are told ---------------------------------------------------------------------------------

# A step returns 0, or calls `fail` or `skip` and returns what that does; it runs in this shell, for its variables.
step() {
    why=
    "$2"
    case $? in
        0) echo "PASS  $1${why:+ ($why)}" ;;
        77) echo "SKIP  $1: $why" ;;
        *) echo "FAIL  $1: ${why:-no reason}"; failed=1 ;;
    esac
}

fail() { why=$*; return 1; }
skip() { why=$*; return 77; }
have() { command -v "$1" >/dev/null 2>&1; }

finish() {
    [ "$failed" = 0 ] && echo "nothing failed" || echo "something failed; --keep leaves the logs"
    exit "$failed"
}

clean() {
    [ "$installed" = yes ] && "$sidegate" --config "$file" service uninstall >/dev/null 2>&1
    [ "$loaded" = yes ] && bootout
    local child
    for child in ${children[@]+"${children[@]}"}; do
        kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
    done
    if [ "$keep" = yes ]; then echo "kept: $work"; else rm -rf "$work"; fi
}

# within SECONDS COMMAND...: until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# --- What the steps stand on ----------------------------------------------------------------------------

# Free ports, a model server that does as a file says, and a configuration that names no place of anybody else.
prepare() {
    have python3 || { fail "python3 is missing (xcode-select --install)"; return; }
    set -- $(python3 -c '
import socket
taken = [socket.socket() for _ in range(5)]
for one in taken: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in taken])')
    port=$1 admin=$2 upstream=$3 port2=$4 admin2=$5
    file=$work/sidegate.yaml
    echo ok >"$work/mood"
    write_server
    python3 "$work/server.py" "$upstream" "$work/mood" &
    children+=($!)
    write_configuration "$port" "$admin" "$work/state" >"$file"
    write_configuration "$port2" "$admin2" "$work/state2" >"$work/second.yaml"
    (umask 077 && "$sidegate" --config "$file" token new acceptance --scopes 'invoke:*,models' >"$work/secret" 2>"$work/token.out") \
        || { fail "token new: $(cat "$work/token.out")"; return; }
    "$sidegate" --config "$file" check >"$work/check.out" 2>&1 || { fail "check: $(cat "$work/check.out")"; return; }
    within 10 curl -sf -m 2 -o "$work/out" "http://127.0.0.1:$upstream/v1/models" || fail "the stand-in server doesn't answer"
}

write_configuration() {
    cat <<YAML
listen: 127.0.0.1:$1
admin: 127.0.0.1:$2
state_dir: $3
drain: 1s
callers: {token_file: $work/token}
upstreams:
  stand-in: {url: "http://127.0.0.1:$upstream/v1", family: other}
routes:
  chat:
    alias: [tiny]
    targets: [{upstream: stand-in, model: tiny}]
    retry: {max: 0}
breaker: {threshold: 1, cool_down: 5m, file: $work/breakers.v1}
disk: {watch: [$work]}
YAML
}

write_server() {
    cat >"$work/server.py" <<'PY'
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if open(sys.argv[2]).read().strip() != "ok":
            return self.answer(503, {"error": {"message": "not now"}})
        message = {"role": "assistant", "content": "ok"}
        self.answer(200, {"id": "1", "object": "chat.completion", "created": 1, "model": "tiny",
                          "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                          "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PY
}

# ask [PORT]: one request; its status is printed.
ask() {
    curl -s -m 20 -o "$work/answer" -w '%{http_code}' -H "authorization: Bearer $(cat "$work/secret")" \
        -H 'content-type: application/json' -d '{"model":"tiny","messages":[{"role":"user","content":"ok"}]}' \
        "http://127.0.0.1:${1:-$port}/v1/chat/completions"
}

answers() { [ "$(ask "$@")" = 200 ]; }
is_ready() { curl -sf -m 2 -o "$work/out" "http://127.0.0.1:${1:-$admin}/readyz"; }
is_alive() { curl -sf -m 2 -o "$work/out" "http://127.0.0.1:$admin/livez"; }
metric() { curl -s -m 2 "http://127.0.0.1:$admin/metrics" | awk -v name="$1" 'index($0, name) == 1 { print $NF; exit }'; }
# The command ends with 1 where one is open, which is no failure here.
breaker_states() { "$sidegate" --config "$file" breakers --json 2>"$work/out" || true; }
is_open() { breaker_states >"$work/breakers.json" && grep -q '"open"' "$work/breakers.json"; }

# serve [FILE]: a gateway of this shell; its pid is in $pid.
serve() {
    "$sidegate" --config "${1:-$file}" serve >>"$work/serve.out" 2>&1 &
    pid=$!
    children+=("$pid")
}

end() {
    kill "${2:--TERM}" "$1" 2>/dev/null
    wait "$1" 2>/dev/null
    return 0
}

# --- The steps ------------------------------------------------------------------------------------------

the_system() {
    have sw_vers || { skip "this is no Mac: $(uname -sm)"; return; }
    why="macOS $(sw_vers -productVersion), $(uname -m), pages of $(getconf PAGESIZE) bytes, $(sysctl -n kern.maxfilesperproc) files a process"
    sysctl -n kern.bootsessionuuid | grep -q '^[0-9A-Fa-f-]\{36\}$' || fail "kern.bootsessionuuid is no UUID, so breakers would not be shared"
}

the_binary() {
    if [ -z "$sidegate" ]; then
        local tools
        tools=$(scripts/setup.sh) || { fail "setup.sh"; return; }
        PATH=${tools:+$tools:}$PATH cargo build --locked --quiet || { fail "cargo build"; return; }
        sidegate=target/debug/sidegate
    fi
    [ -x "$sidegate" ] || { fail "$sidegate can't be run"; return; }
    sidegate=$(cd "$(dirname "$sidegate")" && pwd)/$(basename "$sidegate")
    why=$("$sidegate" --version) || { fail "it doesn't start"; return; }
    have codesign || return 0
    codesign --verify "$sidegate" 2>/dev/null || fail "the signature is not valid: codesign -s - $sidegate"
}

the_tests() { make test >"$work/tests.out" 2>&1 || fail "$(tail -n 3 "$work/tests.out")"; }

the_demo() {
    TMPDIR=$work "$sidegate" demo >"$work/demo.out" 2>&1 &
    local demo=$! line
    children+=("$demo")
    within 20 grep -q '^curl -sN' "$work/demo.out" || { end "$demo"; fail "it prints no curl line: $(cat "$work/demo.out")"; return; }
    line=$(grep -m 1 '^curl -sN' "$work/demo.out")
    eval "$line -m 20" >"$work/demo.answer" 2>&1
    end "$demo"
    grep -q 'data: \[DONE\]' "$work/demo.answer" || { fail "the pasted line gave no whole stream"; return; }
    ls -d "$work"/sidegate-demo* >/dev/null 2>&1 && fail "its folder is left"
    return 0
}

the_lists() {
    have plutil || { skip "no plutil"; return; }
    plutil -lint launchd/*.plist >"$work/lint.out" 2>&1 || fail "$(grep -v ': OK' "$work/lint.out")"
}

# More connections at a time than 256 descriptors would allow.
few_descriptors() {
    (ulimit -S -n 256 && exec "$sidegate" --config "$file" serve) >>"$work/serve.out" 2>&1 &
    local gateway=$!
    children+=("$gateway")
    within 20 is_ready || { end "$gateway"; fail "it doesn't start: $(tail -n 3 "$work/serve.out")"; return; }
    local got
    got=$(ulimit -S -n 2048; python3 - "$port" <<'PY'
import socket, sys
held, good = [], 0
for _ in range(400):
    one = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    one.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
    one.settimeout(5)
    held.append(one)
for one in held:
    try: good += one.recv(64).startswith(b"HTTP/1.1 401")
    except OSError: pass
print(good)
PY
)
    end "$gateway"
    why="$got of 400 connections at a time were answered"
    [ "$got" = 400 ]
}

shared_breakers() {
    serve
    local first=$pid shared
    serve "$work/second.yaml"
    local second=$pid
    within 20 is_ready && within 20 is_ready "$admin2" || { fail "two gateways don't start: $(tail -n 3 "$work/serve.out")"; return; }
    shared=$(metric sidegate_breaker_shared)
    echo down >"$work/mood"
    ask >/dev/null
    echo ok >"$work/mood"
    ask "$port2" >/dev/null
    local seen
    seen=$(grep -o '"code":"[a-z_]*"' "$work/answer" | head -n 1)
    end "$first" -KILL
    is_open && local outlived=yes
    serve
    first=$pid
    within 20 is_ready
    is_open && outlived=${outlived:-no} || outlived=no
    "$sidegate" --config "$file" breakers reset stand-in >"$work/out" 2>&1
    within 10 answers || { end "$first"; end "$second"; fail "no answer after the reset"; return; }
    end "$first"
    end "$second"
    [ "$shared" = 1 ] || { fail "sidegate_breaker_shared is ${shared:-absent}"; return; }
    [ "$seen" = '"code":"circuit_open"' ] || { fail "the other gateway answers $seen, not circuit_open"; return; }
    [ "$outlived" = yes ] || fail "the breaker was closed after kill -9"
}

taken_port() {
    serve
    local first=$pid
    within 20 is_ready || { end "$first"; fail "it doesn't start"; return; }
    "$sidegate" --config "$file" serve >"$work/taken.out" 2>&1
    local code=$? owner
    owner=$(lsof -nP -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | awk 'NR == 2 { print $1 " " $2 }')
    end "$first"
    [ "$code" = 71 ] || { fail "exit $code: $(cat "$work/taken.out")"; return; }
    [[ $owner == sidegate*" $first" ]] || fail "lsof says \`$owner\`, not sidegate $first"
}

# The used share as the container has it: what is free there is free for all of its volumes.
disk_numbers() {
    have diskutil || { skip "no diskutil"; return; }
    serve
    local first=$pid ours apfs
    within 20 is_ready
    within 60 metric_is_there sidegate_disk_used_ratio || { end "$first"; skip "there is no sidegate_disk_used_ratio"; return; }
    ours=$(metric sidegate_disk_used_ratio)
    end "$first"
    diskutil info -plist "$(df "$work" | awk 'NR == 2 { print $1 }')" >"$work/disk.plist"
    apfs=$(python3 - "$work/disk.plist" <<'PY'
import plistlib, sys
disk = plistlib.load(open(sys.argv[1], "rb"))
size = disk.get("APFSContainerSize") or disk["TotalSize"]
free = disk["APFSContainerFree"] if "APFSContainerFree" in disk else disk["FreeSpace"]
print(1 - free / size)
PY
)
    why="ours $ours, diskutil $apfs"
    python3 -c 'import sys; sys.exit(abs(float(sys.argv[1]) - float(sys.argv[2])) > 0.03)' "$ours" "$apfs"
}

metric_is_there() { [ -n "$(metric "$1")" ]; }

the_doctor() {
    "$sidegate" doctor --help >/dev/null 2>&1 || { skip "this sidegate has no doctor"; return; }
    local begun=$SECONDS
    "$sidegate" --config "$file" doctor --json >"$work/doctor.json" 2>"$work/doctor.err"
    local code=$?
    python3 -m json.tool "$work/doctor.json" >/dev/null 2>&1 || { fail "exit $code, and no JSON: $(head -c 300 "$work/doctor.err")"; return; }
    why="exit $code after $((SECONDS - begun)) s"
    [ "$code" -le 2 ]
}

# --- launchd, under a label of our own ------------------------------------------------------------------

is_loaded() { launchctl print "$domain/$label" >"$work/print.out" 2>&1; }
is_gone() { ! is_loaded; }
job_pid() { is_loaded && top_pid <"$work/print.out"; }
# The job's own: deeper in are those of others.
top_pid() { awk '/^\tpid = / { print $3; exit }'; }
other_pid() { local now; now=$(job_pid); [ -n "$now" ] && [ "$now" != "$1" ] && is_ready; }

bootout() {
    launchctl bootout "$domain/$label" >/dev/null 2>&1
    within 60 is_gone && loaded=no
}

launchd_starts() {
    have launchctl || { skip "no launchctl"; return; }
    launchctl print "$domain" >/dev/null 2>&1 || { skip "nobody is logged in at the screen, so $domain isn't there"; return; }
    "$sidegate" service --help >/dev/null 2>&1 || { skip "this sidegate has no service command"; return; }
    local list=$work/$label.plist
    mkdir -m 700 "$work/launchd"
    "$sidegate" --config "$file" service install --print --only gateway >"$list" 2>"$work/out" || { fail "$(cat "$work/out")"; return; }
    plutil -replace Label -string "$label" "$list" \
        && plutil -replace StandardOutPath -string "$work/launchd/out" "$list" \
        && plutil -replace StandardErrorPath -string "$work/launchd/err" "$list" || { fail "plutil"; return; }
    launchctl bootstrap "$domain" "$list" >"$work/out" 2>&1 || { fail "bootstrap: $(cat "$work/out")"; return; }
    loaded=yes
    within 20 is_ready || { fail "not ready: $(tail -n 3 "$work/launchd/err")"; return; }
    within 10 answers || fail "it answers $(ask)"
}

needs_job() { [ "$loaded" = yes ] || skip "launchd has not started it"; }

launchd_descriptors() {
    needs_job || return
    local limit
    limit=$(metric process_max_fds)
    [ -n "$limit" ] || { skip "there is no process_max_fds"; return; }
    why="$limit"
    python3 -c 'import sys; sys.exit(float(sys.argv[1]) < 4096)' "$limit"
}

launchd_reloads() {
    needs_job || return
    local before
    before=$(metric 'sidegate_config_reloads_total{result="ok"}')
    launchctl kill SIGHUP "$domain/$label" || { fail "launchctl kill"; return; }
    within 10 reloaded_since "$before" || fail "no reload was counted"
}

reloaded_since() { [ "$(metric 'sidegate_config_reloads_total{result="ok"}')" != "$1" ]; }

launchd_kickstart() {
    needs_job || return
    local before begun=$SECONDS
    before=$(job_pid)
    launchctl kickstart -k "$domain/$label" >/dev/null || { fail "kickstart"; return; }
    within 20 other_pid "$before" || { fail "still pid $(job_pid)"; return; }
    why="$((SECONDS - begun)) s"
    within 5 answers
}

launchd_kill() {
    needs_job || return
    local before begun=$SECONDS
    before=$(job_pid)
    kill -KILL "$before"
    within 20 other_pid "$before" || { fail "it isn't back: $(grep -E 'state|last exit' "$work/print.out" | head -n 3)"; return; }
    why="$((SECONDS - begun)) s"
    within 5 answers
}

# With --supervised it serves on with the last good file, under the same pid.
launchd_bad_file() {
    needs_job || return
    cp "$file" "$work/good.yaml"
    echo 'nonsense: true' >>"$file"
    launchctl kickstart -k "$domain/$label" >/dev/null
    within 20 is_alive || { cp "$work/good.yaml" "$file"; fail "no admin port: $(tail -n 3 "$work/launchd/err")"; return; }
    local before after
    before=$(job_pid)
    sleep 25
    after=$(job_pid)
    local served=no
    answers && served=yes
    cp "$work/good.yaml" "$file"
    [ -n "$before" ] && [ "$before" = "$after" ] || { fail "it was restarted: pid $before, then $after"; return; }
    why="requests served meanwhile: $served"
    within 20 is_ready
}

launchd_bootout() {
    needs_job || return
    local begun=$SECONDS
    bootout || { fail "still loaded after 60 s"; return; }
    why="$((SECONDS - begun)) s"
    is_alive && fail "something still answers"
    return 0
}

# The real command knows its own labels only, so it is tried where nobody uses them.
service_flow() {
    have launchctl || { skip "no launchctl"; return; }
    launchctl print "$domain" >/dev/null 2>&1 || { skip "$domain isn't there"; return; }
    "$sidegate" service --help >/dev/null 2>&1 || { skip "this sidegate has no service command"; return; }
    local name
    for name in gateway disk; do
        if launchctl print "$domain/dev.sidegate.$name" >/dev/null 2>&1 || launchctl print "system/dev.sidegate.$name" >/dev/null 2>&1 \
            || [ -e ~/Library/LaunchAgents/dev.sidegate.$name.plist ] || [ -e /Library/LaunchDaemons/dev.sidegate.$name.plist ]; then
            skip "dev.sidegate.$name is installed here, and stays as it is"
            return
        fi
    done
    local list=~/Library/LaunchAgents/dev.sidegate.gateway.plist first second
    installed=yes
    "$sidegate" --config "$file" service install >"$work/install.out" 2>&1 || { fail "install: $(cat "$work/install.out")"; return; }
    plutil -lint "$list" >/dev/null || { fail "plutil doesn't like $list"; return; }
    within 20 is_ready || { fail "not ready: $("$sidegate" --config "$file" service status 2>&1)"; return; }
    first=$(launchctl print "$domain/dev.sidegate.gateway" | top_pid)
    "$sidegate" --config "$file" service install >"$work/install2.out" 2>&1 || { fail "installing again: $(cat "$work/install2.out")"; return; }
    second=$(launchctl print "$domain/dev.sidegate.gateway" | top_pid)
    [ "$first" = "$second" ] || { fail "installing again restarted it: pid $first, then $second"; return; }
    "$sidegate" --config "$file" service status >"$work/status.out" 2>&1 || { fail "status: $(cat "$work/status.out")"; return; }
    grep -q "$first" "$work/status.out" || { fail "status doesn't say pid $first"; return; }
    "$sidegate" --config "$file" service uninstall >"$work/out" 2>&1 || { fail "uninstall: $(cat "$work/out")"; return; }
    installed=no
    [ -e "$list" ] && { fail "$list is left"; return; }
    launchctl print "$domain/dev.sidegate.gateway" >/dev/null 2>&1 && { fail "the job is left"; return; }
    [ -d "$work/state" ] || fail "the state is gone too"
}

# --- Sleep ----------------------------------------------------------------------------------------------

# An open breaker's time must go on while the Mac sleeps, and what is open must stay so: it is the same boot.
the_sleep() {
    have pmset || { skip "no pmset"; return; }
    serve
    local gateway=$pid
    within 20 is_ready || { fail "it doesn't start"; return; }
    echo down >"$work/mood"
    ask >/dev/null
    echo ok >"$work/mood"
    local before after slept
    before=$(open_for) || { end "$gateway"; fail "the breaker doesn't open"; return; }
    slept=$(asleep)
    echo "      put this Mac to sleep now (the apple menu, or \`pmset sleepnow\`), for a minute or more; ten minutes are waited"
    local end=$((SECONDS + 600)) moment
    moment=$(boot_clock)
    until [ $(($(asleep) - slept)) -ge 30 ]; do
        [ "$SECONDS" -lt "$end" ] || { end "$gateway"; skip "it did not sleep"; return; }
        sleep 1
    done
    after=$(open_for || echo 0)
    local passed=$(($(boot_clock) - moment))
    within 20 is_ready || { end "$gateway"; fail "it doesn't answer after the sleep"; return; }
    end "$gateway"
    "$sidegate" --config "$file" breakers reset stand-in >"$work/out" 2>&1
    local wanted=$((before - passed))
    [ "$wanted" -lt 0 ] && wanted=0
    why="open for $before s before, $after s after $passed s"
    [ $((after - wanted)) -le 3 ] && [ $((wanted - after)) -le 3 ]
}

# Whole seconds until the next request may try.
open_for() {
    breaker_states | python3 -c '
import json, sys
def find(value):
    if isinstance(value, dict):
        if value.get("state") == "open": yield value
        for one in value.values(): yield from find(one)
    if isinstance(value, list):
        for one in value: yield from find(one)
found = list(find(json.load(sys.stdin)))
if not found: sys.exit(1)
print(int(float(next(number for name, number in found[0].items() if name.endswith("_seconds") and number is not None))))'
}

boot_clock() { python3 -c 'import time; print(int(time.clock_gettime(time.CLOCK_MONOTONIC_RAW)))'; }
asleep() { python3 -c 'import time; print(int(time.clock_gettime(time.CLOCK_MONOTONIC_RAW) - time.clock_gettime(time.CLOCK_UPTIME_RAW)))'; }

main "$@"
