#!/usr/bin/env bash
# Type-checks and lints everything (library, program, tests, examples) for macOS on Apple silicon, from any Linux.
#
#     check-macos.sh     exits 0 when all is well, or when a part can't be had: then a line begins with SKIP
#
# CHECK_MACOS_SECONDS is how long it may take altogether; what is compiled by then is kept for the next time.
#
# Two parts are missing on a Linux machine, and both are put below target/macos, without root:
# - Rust's standard library for that system, unless rustup has installed it. It is compiled from its source, which must
#   be of exactly the compiler's version: rustup's rust-src component, else Debian's package of that name. It is done
#   beforehand, not by -Zbuild-std along with the rest: there, build scripts that try the compiler would find no std.
# - a C compiler for that system, because some crates bring C code: zig, a Python package.
#
# Nothing is linked, for Apple's frameworks are to be had on a Mac only, and nothing is run.
set -euo pipefail
cd "$(dirname "$0")/.."
exec </dev/null

triple=aarch64-apple-darwin
seconds_at_most=${CHECK_MACOS_SECONDS:-840}
# For one download.
download_seconds=240
zig=ziglang==0.17.1
zigbuild=cargo-zigbuild==0.24.0
parts=$PWD/target/macos
log=$parts/setup.log

main() {
    if [ "$(uname -s)" = Darwin ]; then
        echo "check-macos: on a Mac, lint and test are this check"
        return
    fi
    mkdir -p "$parts"
    : >"$log"
    version=$(rustc --version | cut -d' ' -f2)
    rustflags=
    need_std
    need_c_compiler
    lint
}

# Sets rustflags where the compiler has to be told where it is.
need_std() {
    if [ -d "$(rustc --print target-libdir --target $triple)" ]; then return; fi
    local sysroot=$parts/sysroot-$version-$(commit)
    if [ ! -d "$sysroot" ]; then
        say "building std $version for $triple"
        need_std_source
        build_std || skip "std $version doesn't build for $triple"
        assemble "$sysroot"
    fi
    rustflags=--sysroot=$sysroot
}

# Two compilers of one version may come from different hands, and don't read each other's libraries.
commit() { rustc --version --verbose | sed -n 's/^commit-hash: *//p' | cut -c1-9; }

# Sets std_source.
need_std_source() {
    std_source=$(rustc --print sysroot)/lib/rustlib/src/rust/library
    if [ -d "$std_source" ]; then return; fi
    std_source=$parts/src-$version
    if [ -d "$std_source" ]; then return; fi
    if ! have apt-get || ! have dpkg-deb; then
        skip "the source of std is missing: rustup component add rust-src"
    fi
    local suite
    for suite in trixie-backports sid; do
        if source_from_debian "$suite" 2>>"$log"; then return; fi
    done
    skip "no rust-src for rustc $version (rustup component add rust-src)"
}

# Only looked at and unpacked: apt's own lists and what is installed stay as they are.
source_from_debian() {
    local apt=$parts/apt mirror package
    rm -rf "$apt"
    # The one that this machine uses already.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    if [ -z "$mirror" ]; then return 1; fi
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$apt/sources.list"
    local options=(
        -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User="$(id -un)"
    )
    quietly within $download_seconds apt-get "${options[@]}" -o APT::Update::Error-Mode=any update || return 1
    package=$(apt-cache "${options[@]}" madison rust-src |
        awk -v version="$version+" 'index($3, version) == 1 && !found++ { print $3 }')
    if [ -z "$package" ]; then return 1; fi
    (cd "$apt" && quietly within $download_seconds apt-get "${options[@]}" download "rust-src=$package") || return 1
    rm -rf "$std_source.part"
    mkdir "$std_source.part"
    dpkg-deb --fsys-tarfile "$apt"/rust-src_*.deb |
        tar -x -C "$std_source.part" --strip-components=5 "./usr/src/rustc-$version/library" || return 1
    mv "$std_source.part" "$std_source"
    rm -rf "$apt"
}

# An empty crate, whose build brings std with it. The two variables are cargo's own means for that on a stable compiler;
# they are for this crate alone, since build scripts of others would take the compiler for a nightly one.
build_std() {
    local crate=$parts/std-build
    mkdir -p "$crate/src"
    printf '[package]\nname = "std-build"\nedition = "2021"\n[workspace]\n' >"$crate/Cargo.toml"
    : >"$crate/src/lib.rs"
    quietly within $(seconds_left) env CARGO_ENCODED_RUSTFLAGS= CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
        RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$std_source" \
        cargo build --manifest-path "$crate/Cargo.toml" --target-dir "$crate/target" --target $triple \
        -Zbuild-std=std,panic_abort,proc_macro,test
}

# A sysroot of our own: this std, and beside it the host's, for macros.
assemble() {
    local new=$1.part host
    host=$(rustc --print sysroot)/lib/rustlib/$(rustc --version --verbose | sed -n 's/^host: *//p')
    rm -rf "$new"
    mkdir -p "$new/lib/rustlib/$triple/lib"
    ln -s "$host" "$new/lib/rustlib/"
    cp "$parts/std-build/target/$triple/debug/deps/"*.rlib "$new/lib/rustlib/$triple/lib/"
    rm -f "$new/lib/rustlib/$triple/lib/"libstd_build-*
    mv "$new" "$1"
    rm -rf "$parts/std-build" "$parts/src-$version"
}

need_c_compiler() {
    local venv=$parts/venv complete=$parts/venv/$zig-$zigbuild
    export PATH=$venv/bin:$PATH
    if [ -e "$complete" ]; then return; fi
    say "installing zig, which compiles C for $triple"
    rm -rf "$venv"
    if ! quietly python3 -m venv "$venv" || ! quietly within $download_seconds \
        "$venv/bin/pip" install --disable-pip-version-check --only-binary :all: $zig $zigbuild; then
        skip "no C compiler for $triple: $zig and $zigbuild can't be installed from Python's packages"
    fi
    touch "$complete"
}

# In the folder of every other build: macros and build scripts are the same there.
lint() {
    export CARGO_ZIGBUILD_CACHE_DIR=$parts/zigbuild ZIG_GLOBAL_CACHE_DIR=$parts/zig ZIG_LOCAL_CACHE_DIR=$parts/zig
    local status=0
    # Stands above every other setting of compiler flags, and may hold a path with blanks.
    within $(seconds_left) env CARGO_ENCODED_RUSTFLAGS="$rustflags" \
        cargo-zigbuild clippy --locked --all-targets --target $triple --target-dir target -- -D warnings || status=$?
    if [ "$status" = 124 ]; then say "not done after $seconds_at_most seconds"; fi
    if [ "$status" = 0 ]; then say "$triple: nothing found"; fi
    return "$status"
}

# timeout puts the command into a process group of its own, which the terminal's Ctrl-C doesn't reach.
within() {
    timeout "$@" &
    trap "kill $! 2>/dev/null; exit 130" INT TERM
    wait $!
}

seconds_left() { echo $((seconds_at_most > SECONDS ? seconds_at_most - SECONDS : 1)); }

# What installers say names this machine and the package mirrors: it is kept for who looks into a SKIP.
quietly() { "$@" >>"$log" 2>&1; }

have() { command -v "$1" >/dev/null 2>&1; }

say() { echo "check-macos: $*"; }

skip() {
    echo "SKIP check-macos: $*; nothing was checked for macOS (target/macos/setup.log says more)"
    exit 0
}

main "$@"
