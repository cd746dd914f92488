"""What a training step of MemNet costs beside that of a transformer with as many parameters.

    python benchmarks/memnet.py [--lengths 128 512 2048] [--batch 8] [--size 2] [--rounds 5]

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 2048])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = MemNetConfig.of_size(arguments.size)
    peers = {name: learner(name, config) for name in ("memnet", "transformer-full")}
    sizes = ", ".join(f"{name} {count(model):,}" for name, model in peers.items())
    table = Table(title=f"a training step, batch {arguments.batch}; parameters: {sizes}")
    for column in (
        "tokens",
        "memnet, ms",
        "transformer, ms",
        "ratio",
        "MiB kept",
        "bytes per token",
    ):
        table.add_column(column, justify="right")
    for length in arguments.lengths:
        generator = torch.Generator().manual_seed(length)
        ids = torch.randint(config.vocabulary, (arguments.batch, length), generator=generator)
        steps = [stepper(model, ids) for model in peers.values()]
        own, peer = fastest(steps, arguments.rounds)
        kept = bytes_kept(peers["memnet"], ids)
        table.add_row(
            f"{length:,}",
            f"{1000 * own:,.0f}",
            f"{1000 * peer:,.0f}",
            f"{own / peer:.2f}",
            f"{kept / 2**20:,.1f}",
            f"{kept / ids.numel():,.0f}",
        )
    Console().print(table)


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
