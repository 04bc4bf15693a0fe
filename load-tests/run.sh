#!/usr/bin/env bash
# Builds everything that is measured with the release profile and measures it. README.md beside this file says the rest.
#
#   load-tests/run.sh              five rounds, some minutes
#   load-tests/run.sh --quick      two short ones
#   load-tests/run.sh --help       all options
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
if [ "${SIDEGATE_LOAD_BUILD:-yes}" = yes ]; then
    # Apart: together the gateway would be built with the features that only tests ask of its dependencies.
    cargo build --release --locked --bin sidegate
    cargo build --release --locked --example bare-pingora --example load
fi
exec "$target/release/examples/load" run "$@"
