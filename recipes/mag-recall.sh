#!/usr/bin/env bash
# Trains small models from scratch on associative recall and measures them over distance: window
# attention with a linear memory, with an MLP memory, alone, and full attention, three seeds each.
# Two processes share the work, one thread each. Resumes where it was stopped; ends with report.md.
# Usage: recipes/mag-recall.sh [OUT] [more options of "memgraft train recall"]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-runs/mag-recall}
export OMP_NUM_THREADS=1
# The linear and the MLP memory take the most time, so each process has one of them.
memgraft train recall --out "$out" --models linear,window --no-report "${@:2}" &
other=$!
trap 'kill "$other" 2>/dev/null || true' EXIT
memgraft train recall --out "$out" --models mlp,full --no-report "${@:2}"
wait "$other"
# All is there by now: this only writes the report.
memgraft train recall --out "$out" "${@:2}"
