#!/usr/bin/env bash
# Trains the memory encoder for SmolLM2-135M-Instruct, which ships. Resumes where it was stopped.
# Usage: recipes/smollm2-135m.sh [OUT] [more options of "memgraft train injection"]
set -euo pipefail
cd "$(dirname "$0")/.."
source recipes/launch.sh
out=${1:-runs/smollm2-135m}
# 0.5 GB and 70 MB per fact: more would fit, but larger steps are fewer steps.
facts=$(facts_per_gpu 32 64 128 256)
train "$facts" --model smollm2-135m --out "$out" --epochs 2.56 --stack 16 --lr 1e-3 --locality 0.05 "${@:2}"
