#!/usr/bin/env bash
# Sets up a rented GPU machine, trains one preset, and packs what came out into a tar.
# Usage, in a checkout of this repository: recipes/gpu-machine.sh PRESET [OUT] [more options]
# PRESET is the name of a recipe, such as qwen3-4b. Interrupted, it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:?usage: recipes/gpu-machine.sh PRESET [OUT] [more options]}
out=${2:-runs/$preset}

if [[ ! -f recipes/$preset.sh ]]; then
    echo "there is no recipe recipes/$preset.sh" >&2
    exit 2
fi
if ! nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv; then
    echo "nvidia-smi does not work: this machine has no GPU, or no driver for it" >&2
    exit 1
fi

if [[ ! -x .venv/bin/memgraft ]]; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet ".[train]"
fi
export PATH=$PWD/.venv/bin:$PATH
if ! python -c 'import torch; assert torch.cuda.is_available()'; then
    echo "torch sees no GPU: install the build for this driver, see https://pytorch.org" >&2
    exit 1
fi

"recipes/$preset.sh" "$out" "${@:3}"
tar --create --gzip --file "$out.tar.gz" --directory "$out" encoder.safetensors card.json log.jsonl
echo "packed $out.tar.gz"
