#!/usr/bin/env bash
# Prints where a program is. A missing one comes from Debian's packages where we may install them.
#
#     package.sh PROGRAM PACKAGE
#
# Nothing that the package brings is started: tests start what they need themselves.
set -euo pipefail
program=$1
package=$2

main() {
    if ! have "$program"; then install >&2; fi
    command -v "$program"
}

install() {
    if ! have apt-get; then
        give_up "$program is missing (macOS: brew install $package)"
    fi
    echo "no $program here: installing Debian's $package"
    as_root apt-get update -qq
    as_root apt-get install -y -qq --no-install-recommends "$package"
}

# RUNLEVEL=1: services of packages are not started then.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive "$@" </dev/null
    else
        sudo -n env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive "$@" </dev/null ||
            give_up "$program is missing, and this user may not install it (apt-get install $package)"
    fi
}

have() { command -v "$1" >/dev/null 2>&1; }

give_up() {
    echo "package.sh: $*" >&2
    exit 1
}

main
