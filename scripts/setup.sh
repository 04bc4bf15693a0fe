#!/usr/bin/env bash
# Makes sure that a build finds its tools: Rust, a C compiler, and cmake, which zlib-ng's build asks for.
#
#     setup.sh           prints a folder to put in front of PATH, or nothing where none is needed
#     setup.sh --lint    rustfmt and clippy too
#
# A machine that has everything is left at once. What is missing comes from the system's packages where we may
# install them, else (cmake only) from a Python environment below target/. All talk goes to stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$PWD/target/setup

main() {
    found=()
    need_rust
    need_compiler
    need_cmake
    if [ "${1:-}" = --lint ]; then
        need_component fmt rustfmt
        need_component clippy clippy
    fi
    # To bash 3, which macOS has, an empty array is an unset one.
    local IFS=:
    printf '%s' "${found[*]:-}"
}

need_rust() {
    if have cargo; then return; fi
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        found+=("$HOME/.cargo/bin")
        PATH=$HOME/.cargo/bin:$PATH
        return
    fi
    give_up "Rust 1.88 or newer is missing: install it with rustup, or as your system packages it"
}

need_compiler() {
    if have cc; then return; fi
    system_package build-essential || true
    if ! have cc; then
        give_up "a C compiler is missing (Debian: apt-get install build-essential; macOS: xcode-select --install)"
    fi
}

need_cmake() {
    if have cmake; then return; fi
    if [ -x "$venv/bin/cmake" ]; then
        found+=("$venv/bin")
        return
    fi
    say "no cmake here: installing it"
    system_package cmake || true
    if have cmake; then return; fi
    if have brew && brew install --quiet cmake </dev/null >&2; then return; fi
    cmake_from_python
    found+=("$venv/bin")
}

# Debian and its kin; only where nobody has to type a password.
system_package() {
    if ! have apt-get; then return 1; fi
    as_root apt-get update -qq && as_root apt-get install -y -qq --no-install-recommends "$1"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@" </dev/null >&2
    else
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >&2
    fi
}

cmake_from_python() {
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check \
        --only-binary :all: 'cmake>=3.25,<5'; } </dev/null >&2; then
        rm -rf "$venv"
        give_up "cmake is missing (Debian: apt-get install cmake; macOS: brew install cmake)"
    fi
}

need_component() {
    if cargo "$1" --version >/dev/null 2>&1; then return; fi
    if have rustup && rustup component add "$2" </dev/null >&2; then return; fi
    give_up "$2 is missing: rustup component add $2"
}

have() { command -v "$1" >/dev/null 2>&1; }

say() { echo "setup: $*" >&2; }

give_up() {
    say "$*"
    exit 1
}

main "$@"
