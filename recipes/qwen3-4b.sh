#!/usr/bin/env bash
# Trains the memory encoder for Qwen3-4B. Resumes where it was stopped.
# Usage: recipes/qwen3-4b.sh [OUT] [more options of "memgraft train injection"]
set -euo pipefail
cd "$(dirname "$0")/.."
source recipes/launch.sh
out=${1:-runs/qwen3-4b}
# 12 GB and 360 MB per fact; see recipes/README.md.
facts=$(facts_per_gpu 0 16 64 128)
train "$facts" --model Qwen/Qwen3-4B --out "$out" --epochs 4 --stack 16 --lr 5e-4 --locality 0.05 "${@:2}"
