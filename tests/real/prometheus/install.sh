#!/usr/bin/env bash
# Makes sure that prometheus and promtool are there; prints a folder to put in front of PATH, or nothing where
# none is needed. Debian's package is unpacked under target/prometheus and not installed: it would start a service.
set -euo pipefail
cd "$(dirname "$0")/../../.."
home=$PWD/target/prometheus

main() {
    if have prometheus && have promtool; then return; fi
    if [ ! -x "$home/usr/bin/promtool" ]; then unpack >&2; fi
    echo "$home/usr/bin"
}

unpack() {
    if ! have apt-get || ! have dpkg; then
        echo "prometheus and promtool are missing (macOS: brew install prometheus)"
        return 1
    fi
    rm -rf "$home"
    mkdir -p "$home"
    cd "$home"
    if ! apt-get download -qq prometheus; then
        as_root apt-get update -qq
        apt-get download -qq prometheus
    fi
    dpkg -x prometheus_*.deb .
    rm prometheus_*.deb
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

have() {
    command -v "$1" >/dev/null
}

main
