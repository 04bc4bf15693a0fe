#!/usr/bin/env bash
# Builds sidegate with the release profile, installs the servers that it stands before, and measures what people feel
# beside a batch flood. README.md beside this file says the rest.
#
#   load-tests/mixed.sh                     about four minutes after the build
#   load-tests/mixed.sh --quick             under one
#   load-tests/mixed.sh --binary sidegate   without a build
#   load-tests/mixed.sh --help              all options
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$root/target/real/venv/bin/python

main() {
    if [ ! -x "$python" ] || [ ! -f "$root/target/real/tiny.gguf" ]; then
        "$root/tests/real/install.sh"
    fi
    if [ "${SIDEGATE_LOAD_BUILD:-yes}" = yes ] && needs_build "$@"; then
        (cd "$root" && cargo build --release --locked --bin sidegate)
    fi
    # -B: nothing is left beside the sources.
    exec "$python" -B "$root/load-tests/mixed/run.py" "$@"
}

needs_build() {
    for argument in "$@"; do
        case $argument in --binary | --binary=* | --help | -h) return 1 ;; esac
    done
}

main "$@"
