#!/usr/bin/env bash
# Trains the memory branch that ships for SmolLM2-135M-Instruct: one linear memory beside the
# attention of layer 18, window 256. About an hour of one core; goes on where it was stopped.
# Usage: recipes/mag-smollm2-135m.sh [OUT] [more options of "memgraft train mag"]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/mag-smollm2-135m}
memgraft train mag --out "$out" --model smollm2-135m --layers 18 --window 256 \
    --readout 1100 --phases 0a,0b --scale 0.03125 --steps 900 "${@:2}"
