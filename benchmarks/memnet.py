"""What a training step of MemNet costs beside that of a transformer with as many parameters.

    python benchmarks/memnet.py [--lengths 128 512 2048] [--batch 8] [--size 2] [--rounds 5]
                                [--window 16] [--slots 64]

The first table is of this window and so many slots for each of two memory heads, by default those
of `MemNetConfig`; the second of the shape that the continual experiment has, at 512 tokens: short
segments and many slots, so more steps one after the other, and larger ones.

Both see all of the sequence: the transformer by full attention, MemNet by its window and memory,
with all of its losses. Steps alternate, and ratios are of the fastest of each, in processor time.
Memory is what the forward pass keeps for the backward pass, counted, not sampled.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from memgraft.experiments.systems import Learner, learner
from memgraft.memnet.baselines import count
from memgraft.memnet.config import MemNetConfig

# The shape of `memgraft.experiments.continual`.
CONTINUAL = {"window": 8, "slots": 256, "memory_heads": 1, "key_width": 64}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 2048])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=MemNetConfig.window)
    parser.add_argument("--slots", type=int, help="of each memory head; by default by the size")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    slots = {"slots": arguments.slots} if arguments.slots else {}
    given = MemNetConfig.of_size(arguments.size, window=arguments.window, **slots)
    many = MemNetConfig.of_size(arguments.size, **CONTINUAL)
    for config, lengths in ((given, arguments.lengths), (many, [512])):
        Console().print(measured(config, lengths, arguments.batch, arguments.rounds))


def measured(config: MemNetConfig, lengths: list[int], batch: int, rounds: int) -> Table:
    """What steps cost at these lengths, a row each."""
    peers = {name: learner(name, config) for name in ("memnet", "transformer-full")}
    sizes = ", ".join(f"{name} {count(model):,}" for name, model in peers.items())
    shape = f"window {config.window}, {config.memory_heads} x {config.slots} slots"
    table = Table(title=f"a training step, batch {batch}, {shape}; parameters: {sizes}")
    for column in (
        "tokens",
        "memnet, ms",
        "transformer, ms",
        "ratio",
        "MiB kept",
        "bytes per token",
    ):
        table.add_column(column, justify="right")
    for length in lengths:
        generator = torch.Generator().manual_seed(length)
        ids = torch.randint(config.vocabulary, (batch, length), generator=generator)
        steps = [stepper(model, ids) for model in peers.values()]
        own, peer = fastest(steps, rounds)
        kept = bytes_kept(peers["memnet"], ids)
        table.add_row(
            f"{length:,}",
            f"{1000 * own:,.0f}",
            f"{1000 * peer:,.0f}",
            f"{own / peer:.2f}",
            f"{kept / 2**20:,.1f}",
            f"{kept / ids.numel():,.0f}",
        )
    return table


def stepper(model: Learner, ids: Tensor) -> Callable[[], None]:
    """One step of training on these ids: loss, gradients, AdamW."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        loss, _ = model.loss(ids[:, :-1], ids[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def fastest(steps: list[Callable[[], None]], rounds: int) -> list[float]:
    """Seconds of processor time, the least of some rounds, after one to warm up."""
    best = [float("inf")] * len(steps)
    for turn in range(rounds + 1):
        for place, step in enumerate(steps):
            started = time.process_time()
            step()
            if turn:
                best[place] = min(best[place], time.process_time() - started)
    return best


def bytes_kept(model: Learner, ids: Tensor) -> int:
    """What the forward pass keeps for the backward pass, each storage once."""
    kept: dict[int, int] = {}
    held = []

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        held.append(tensor)  # while it is held, no other storage takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model.loss(ids[:, :-1], ids[:, 1:])
    return sum(kept.values())


if __name__ == "__main__":
    main()
