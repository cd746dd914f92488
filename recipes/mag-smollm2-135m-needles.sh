#!/usr/bin/env bash
# Trains the branch "smollm2-135m-needles" that ships: one linear memory, four heads of 128, beside
# the attention of layer 18 of SmolLM2-135M-Instruct, window 256; it finds needles in long prose.
# About an hour of one core; goes on where it was stopped.
# Usage: recipes/mag-smollm2-135m-needles.sh [OUT] [more options of "memgraft train mag"]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/mag-smollm2-135m-needles}
train() { memgraft train mag --model smollm2-135m --scale 0.03125 "$@"; }
train --out "$out/1" --layers 18 --window 256 --readout 400 --phases 0a --steps 240 "${@:2}"
train --out "$out/2" --start "$out/1/0a/branch" --phases 0b --steps 900 "${@:2}"
train --out "$out/3" --start "$out/2/0b/branch" --phases 1a --steps 450 "${@:2}"
train --out "$out/4" --start "$out/3/1a/branch" --phases 1b --steps 260 --lr 2e-3 "${@:2}"
