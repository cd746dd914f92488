#!/usr/bin/env bash
# Trains the memory encoder that ships for SmolLM2-135M-Instruct. Resumes where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
memgraft train injection --model smollm2-135m --out "${1:-runs/smollm2-135m}" \
    --steps "${2:-4000}" --batch-size 32 --stack 16 --lr 1e-3 --locality 0.1
