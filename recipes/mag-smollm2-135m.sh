#!/usr/bin/env bash
# Trains the branch "smollm2-135m" that ships, for conversation: one linear memory, two heads of 512,
# beside the attention of layer 18 of SmolLM2-135M-Instruct, window 256. About an hour and a quarter of
# one core; goes on where it was stopped.
# Usage: recipes/mag-smollm2-135m.sh [OUT] [more options of "memgraft train mag"]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/mag-smollm2-135m}
train() { memgraft train mag --model smollm2-135m --scale 0.03125 "$@"; }
# Needles and told facts at the memory itself, then needles in long prose, then both.
train --out "$out/1" --layers 18 --window 256 --heads 2 --width 512 --readout 800 --phases 0b,4a \
    --steps 300 "${@:2}"
# More of the last phase, each time with a falling rate.
train --out "$out/2" --start "$out/1/4a/branch" --phases 4a --steps 700 --seed 3 "${@:2}"
train --out "$out/3" --start "$out/2/4a/branch" --phases 4a --steps 700 --seed 4 "${@:2}"
