#!/usr/bin/env bash
# Installs everything that the stage with real parts runs, under target/real: a Python environment with
# llama.cpp's server and the SDKs, the npm SDK, and the tiny model. A second run finds its stamp and ends.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=target/real
here=tests/real

main() {
    mkdir -p "$home"
    python=$(find_python)
    wanted=$(content_hash)
    if [ "$(cat "$home/stamp" 2>/dev/null || true)" = "$wanted" ]; then
        return
    fi
    rm -f "$home/stamp"
    install_python
    install_node
    "$home/venv/bin/python" "$here/make_model.py" "$home/tiny.gguf"
    echo "$wanted" >"$home/stamp"
}

# The system's own where it is new enough (numpy's pin needs 3.11), else a newer one beside it.
find_python() {
    for name in python3 python3.11 python3.12 python3.13 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "the stage with real parts needs Python 3.11 or newer" \
        "(Debian: apt-get install python3 python3-venv)" >&2
    return 1
}

# Of what decides about the result. `cksum` is everywhere; sha256sum isn't on macOS.
content_hash() {
    cat "$here/install.sh" "$here/requirements.txt" "$here/package-lock.json" "$here/make_model.py" |
        cksum | tr -d '\n'
    "$python" --version
}

install_python() {
    rm -rf "$home/venv"
    if ! "$python" -m venv "$home/venv"; then
        echo "no venv module: installing Debian's python3-venv" >&2
        rm -rf "$home/venv"
        as_root apt-get update -qq
        as_root apt-get install -y -qq python3-venv
        "$python" -m venv "$home/venv"
    fi
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement "$here/requirements.txt"
}

install_node() {
    if ! command -v npm >/dev/null; then
        echo "the stage with real parts needs Node 20 or newer with npm" \
            "(Debian: apt-get install nodejs npm)" >&2
        return 1
    fi
    mkdir -p "$home/node"
    cp "$here/package.json" "$here/package-lock.json" "$home/node/"
    (cd "$home/node" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

main
