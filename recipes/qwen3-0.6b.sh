#!/usr/bin/env bash
# Trains the memory encoder for Qwen3-0.6B. Resumes where it was stopped.
# Usage: recipes/qwen3-0.6b.sh [OUT] [more options of "memgraft train injection"]
set -euo pipefail
cd "$(dirname "$0")/.."
source recipes/launch.sh
out=${1:-runs/qwen3-0.6b}
# 2.3 GB and 190 MB per fact; see recipes/README.md.
facts=$(facts_per_gpu 0 64 128 256)
train "$facts" --model Qwen/Qwen3-0.6B --out "$out" --epochs 4 --stack 16 --lr 1e-3 --locality 0.05 "${@:2}"
