#!/usr/bin/env bash
# A real OTLP/HTTP receiver on loopback: otlp.sh PORT [its arguments]. It prints every span that it gets as JSON, one a line,
# until it is killed; with --await-span REGEX it ends with 0 once a span's name matches.
#
# Installed from PyPI on first use under target/real/otlp; two tests that start at once wait for each other.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${1:?"usage: otlp.sh PORT [arguments]"}
shift
home=target/real/otlp
# oteltap is what runs; the other two are brought along.
wanted='oteltap==1.0.0 opentelemetry-proto==1.45.2 protobuf==7.36.2'

install() {
    if [ "$(cat "$home/stamp" 2>/dev/null || true)" = "$wanted" ]; then return; fi
    rm -rf "$home/venv"
    python3 -m venv "$home/venv"
    # shellcheck disable=SC2086 # one word a package
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: $wanted
    echo "$wanted" >"$home/stamp"
}

mkdir -p "$home"
# A folder is made by one only; a lock that was left behind by a kill is too old after two minutes.
until mkdir "$home/installing" 2>/dev/null; do
    find "$home/installing" -maxdepth 0 -mmin +2 -exec rmdir {} + 2>/dev/null || true
    sleep 0.2
done
trap 'rmdir "$home/installing" 2>/dev/null || true' EXIT
install >&2
rmdir "$home/installing"
trap - EXIT
exec "$home/venv/bin/python" -u -m oteltap --port "$port" "$@"
