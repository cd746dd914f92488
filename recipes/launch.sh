# shellcheck shell=bash
# What the recipes share: facts per step by GPU memory, and the launch on every GPU there is.

# MiB of the smallest GPU, 0 without one. Cards sold as 24, 48 and 80 GB report from 22,500,
# 45,500 and 79,500 on.
gpu_memory() {
    if command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits | sort -n | sed -n 1p
    else
        echo 0
    fi
}

# facts_per_gpu NONE A B C: NONE without a GPU, A, B and C for 24, 48 and 80 GB. BATCH overrides.
facts_per_gpu() {
    local memory
    memory=$(gpu_memory)
    if [[ -n ${BATCH:-} ]]; then echo "$BATCH"
    elif ((memory >= 79000)); then echo "$4"
    elif ((memory >= 45000)); then echo "$3"
    elif ((memory >= 22000)); then echo "$2"
    elif ((memory == 0 && $1 > 0)); then echo "$1"
    else
        echo "this recipe has no batch size for a GPU of $memory MiB; set BATCH=16 or more" >&2
        return 1
    fi
}

# train FACTS_PER_GPU OPTIONS: memgraft train injection, in one process per GPU.
train() {
    local facts=$1 gpus=1
    shift
    if command -v nvidia-smi >/dev/null; then gpus=$(nvidia-smi --list-gpus | wc -l); fi
    if ((gpus > 1)); then
        accelerate launch --multi_gpu --num_processes "$gpus" --num_machines 1 \
            --mixed_precision no --dynamo_backend no \
            -m memgraft train injection --batch-size $((facts * gpus)) "$@"
    else
        memgraft train injection --batch-size "$facts" "$@"
    fi
}
