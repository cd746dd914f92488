#!/usr/bin/env bash
# Trains the memory encoder for Qwen3-1.7B. Resumes where it was stopped.
# Usage: recipes/qwen3-1.7b.sh [OUT] [more options of "memgraft train injection"]
set -euo pipefail
cd "$(dirname "$0")/.."
source recipes/launch.sh
out=${1:-runs/qwen3-1.7b}
# 6 GB and 260 MB per fact; see recipes/README.md.
facts=$(facts_per_gpu 0 32 96 192)
train "$facts" --model Qwen/Qwen3-1.7B --out "$out" --epochs 4 --stack 16 --lr 1e-3 --locality 0.05 "${@:2}"
