"""The neural memory: speed beside its peers, what a long stream costs, and the base's attention.

    python benchmarks/mag.py [--only speed stream attention] [--no-peer] [--out FOLDER]

Three measurements, of modules of the same widths on random inputs:

* speed: tokens per second of forward and backward through `NeuralMemory`, linear and MLP, beside
  its own token loop and `titans-pytorch`. With chunks of one token, that takes a step per token as
  ours does; with chunks of 64, one step per chunk, of gates averaged over it, and tokens read what
  the chunk before left. The former is the peer of what is computed, the latter of its speed alone.
* stream: the size of the state and the time per token as a text goes on, in segments.
* attention: a prefill of L tokens through the attention of a SmolLM2-135M layer (weights do not
  matter for time, so it needs none), and through a memory branch beside it, and where they cross.

The peer is no dependency: pip install -c constraints.txt titans-pytorch

Systems take turns, and medians are given, so that a busy machine slows all of them alike; the
ratios are to be read, more than the speeds. With one thread it is the processor's time.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from memgraft.core.errors import MemgraftError
from memgraft.mag.branch import MemoryBranch, Stream
from memgraft.mag.memory import NeuralMemory
from memgraft.mag.patch_config import PatchConfig
from memgraft.nn.fast_weights import Gates
from memgraft.nn.linear_memory import LinearState, linear_memory, linear_memory_oracle
from memgraft.nn.mlp_memory import mlp_memory, mlp_memory_oracle

HIDDEN, CHUNK = 384, 64
KINDS = {"linear": 1, "mlp": 2}
PARTS = ("speed", "stream", "attention")
# What a system takes of memory and time grows with the tokens; some are measured on few only.
SHORT = 1024
# Seconds from which on a call is made once.
PATIENCE = 10.0
# SmolLM2-135M.
SMOL = {"hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64}
Row = dict[str, Any]
Tell = Callable[[str], None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--heads", type=int, default=4, help="of width 64")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--longest", type=int, default=131_072, help="tokens of the stream")
    parser.add_argument(
        "--lengths", type=int, nargs="+", default=[256, 512, 1024, 2048, 4096, 8192]
    )
    parser.add_argument("--no-peer", action="store_true", help="without titans-pytorch")
    parser.add_argument("--out", type=Path, help="write figures as JSON, and plots, there")
    arguments = parser.parse_args()
    measures = {"speed": speed, "stream": stream, "attention": attention}
    if "speed" in arguments.only and not arguments.no_peer:
        peer()  # before hours are spent
    found: dict[str, list[Row]] = {}
    for name in arguments.only:
        torch.manual_seed(0)
        with Console(stderr=True).status(name) as status:
            found[name] = measures[name](arguments, status.update)
        show(name, found[name])
    if "attention" in found:
        for kind in ("sdpa", "eager"):
            print(f"the branch costs less than attention ({kind}) from {met(found, kind)} tokens")
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        about = {"torch": torch.__version__, "heads": arguments.heads, **found}
        (arguments.out / "mag.json").write_text(json.dumps(about, indent=2) + "\n")
        draw(found, arguments.out)


# -- speed -------------------------------------------------------------------------------------


class TokenLoop(NeuralMemory):
    """The same memory, token by token."""

    def _recall(self, query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> Any:
        gates, memory, used = rest
        inputs = (query, key, value, gates, memory, used, self.config.chunk_size)
        if isinstance(memory, LinearState):
            return linear_memory_oracle(*inputs)
        return mlp_memory_oracle(*inputs, origin=(self.first, self.second))


def speed(arguments: argparse.Namespace, tell: Tell) -> list[Row]:
    """A row per memory, threads, batch, and length."""
    rows = []
    for kind in KINDS:
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            for batch in arguments.batch:
                for tokens in arguments.tokens:
                    setting = {"memory": kind, "threads": threads, "batch": batch, "tokens": tokens}
                    tell(f"speed: {setting}")
                    systems = dict(trained(kind, arguments, batch * tokens <= SHORT))
                    hidden = torch.randn(batch, tokens, HIDDEN)
                    calls = {name: partial(step, one, hidden) for name, one in systems.items()}
                    seconds = medians(calls, arguments.repeats)
                    rows.append(setting | compared(batch * tokens, seconds))
                    if batch * tokens <= SHORT:
                        alone = medians(kernels(kind, arguments.heads, hidden), arguments.repeats)
                        setting = setting | {"memory": f"{kind}, without projections"}
                        rows.append(setting | compared(batch * tokens, alone))
    return rows


def kernels(kind: str, heads: int, hidden: Tensor) -> dict[str, Callable[[], Any]]:
    """The memory's own equations, and their token loop, without what leads to keys and values."""
    memory = NeuralMemory(HIDDEN, memory_config(kind, heads))
    state = memory.initial_state(len(hidden)).detach()
    query, key, value, _ = memory._projected(hidden, state.tail, None)
    inputs = [part.detach().requires_grad_() for part in (query, key, value)]
    gates = Gates(*(gate.detach().requires_grad_() for gate in memory.gates(hidden)))

    def pass_through(how: Callable[..., Any]) -> None:
        how(*inputs, gates, state.memory, None, CHUNK).output.square().mean().backward()

    fast, loop = (
        (linear_memory, linear_memory_oracle)
        if kind == "linear"
        else (mlp_memory, mlp_memory_oracle)
    )
    return {"ours": partial(pass_through, fast), "token loop": partial(pass_through, loop)}


def trained(
    kind: str, arguments: argparse.Namespace, short: bool
) -> Iterable[tuple[str, nn.Module]]:
    """The systems of one row, by name."""
    config = memory_config(kind, arguments.heads)
    yield "ours", NeuralMemory(HIDDEN, config)
    if short:
        yield "token loop", TokenLoop(HIDDEN, config)
    if not arguments.no_peer:
        if short:
            yield "titans, chunks of 1", titans(kind, arguments.heads, 1)
        yield "titans, chunks of 64", titans(kind, arguments.heads, CHUNK)


def memory_config(kind: str, heads: int) -> PatchConfig:
    return PatchConfig(memory_layers=KINDS[kind], memory_heads=heads, chunk_size=CHUNK)


def titans(kind: str, heads: int, chunk: int) -> nn.Module:
    """The peer with the same width, heads, and memory network."""
    module = peer()
    width, expansion = PatchConfig().memory_head_dim, float(PatchConfig().memory_expansion)
    network = module.MemoryMLP(width, depth=KINDS[kind], expansion_factor=expansion)
    return module.NeuralMemory(
        dim=HIDDEN, heads=heads, dim_head=width, chunk_size=chunk, model=network
    )


def peer() -> Any:
    try:
        import titans_pytorch
    except ImportError as error:
        raise MemgraftError(
            "the benchmark's peer is not installed",
            expected="titans-pytorch",
            got=str(error),
            next_step="pip install -c constraints.txt titans-pytorch, or give --no-peer",
        ) from error
    return titans_pytorch


def step(module: nn.Module, hidden: Tensor) -> None:
    """Forward and backward, to the weights and the input, as within a model."""
    module.zero_grad()
    output, _ = module(hidden.detach().requires_grad_())
    output.square().mean().backward()


def compared(tokens: int, seconds: Mapping[str, float]) -> Row:
    """Tokens per second of each system, and how many times as fast as the others ours is."""
    rates: Row = {f"{name} tok/s": tokens / spent for name, spent in seconds.items()}
    ratios = {
        f"ours / {name}": spent / seconds["ours"]
        for name, spent in seconds.items()
        if name != "ours"
    }
    return rates | ratios


# -- stream ------------------------------------------------------------------------------------


@torch.inference_mode()
def stream(arguments: argparse.Namespace, tell: Tell) -> list[Row]:
    """A row per memory and length: state and time per token up to there, since half of it."""
    rows, segment = [], 1024
    torch.set_num_threads(1)
    memories = {k: NeuralMemory(HIDDEN, memory_config(k, arguments.heads)) for k in KINDS}
    text = torch.randn(1, segment, HIDDEN)
    spent: dict[str, list[float]] = {kind: [] for kind in KINDS}
    states: dict[str, Any] = dict.fromkeys(KINDS)
    for memory in memories.values():
        memory(text)
    for count in range(1, max(arguments.longest // segment, 1) + 1):
        tell(f"stream: {count * segment:,} tokens")
        for kind, memory in memories.items():
            started = time.process_time()
            _, states[kind] = memory(text, states[kind])
            spent[kind].append((time.process_time() - started) / segment)
        if count & (count - 1) == 0:  # a power of two
            for kind, state in states.items():
                recent = spent[kind][count // 2 :]
                rows.append({
                    "memory": kind, "tokens": count * segment, "state bytes": state.bytes,
                    "µs per token": 1e6 * statistics.median(recent),
                })  # fmt: skip
    return sorted(rows, key=lambda row: row["memory"])


# -- attention ---------------------------------------------------------------------------------


@torch.inference_mode()
def attention(arguments: argparse.Namespace, tell: Tell) -> list[Row]:
    """A row per length: milliseconds of the attention and of each branch."""
    torch.set_num_threads(1)
    kinds = {k: memory_config(k, arguments.heads) for k in KINDS}
    branches = {k: MemoryBranch(SMOL["hidden_size"], c, 0, None) for k, c in kinds.items()}
    rows = []
    for tokens in sorted(arguments.lengths):
        tell(f"attention: {tokens:,} tokens")
        hidden = torch.randn(1, tokens, SMOL["hidden_size"])
        calls: dict[str, Callable[[], Any]] = {
            f"{kind} branch ms": partial(joined, branch, hidden)
            for kind, branch in branches.items()
        }
        calls["sdpa attention ms"] = base_attention("sdpa", hidden)
        if tokens <= 4096:  # it holds tokens² scores per head
            calls["eager attention ms"] = base_attention("eager", hidden)
        seconds = medians(calls, arguments.repeats)
        rows.append({"tokens": tokens, **{name: 1e3 * took for name, took in seconds.items()}})
    return rows


def joined(branch: MemoryBranch, hidden: Tensor) -> None:
    branch(hidden, hidden, Stream())


def base_attention(kind: str, hidden: Tensor) -> Callable[[], Any]:
    """A prefill of the base's attention, projections and rotations too."""
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

    config = LlamaConfig(**SMOL, attn_implementation=kind)
    layer = LlamaAttention(config, 0).eval()
    tokens = hidden.shape[1]
    positions = LlamaRotaryEmbedding(config)(hidden, torch.arange(tokens)[None])
    mask = None
    if kind == "eager":
        mask = torch.full((tokens, tokens), -math.inf).triu(1)[None, None]
    return partial(layer, hidden, positions, mask)


def met(found: Mapping[str, list[Row]], kind: str) -> str:
    """From how many tokens on the linear branch costs less than attention, between the lengths by
    a line in logarithms."""
    rows = [row for row in found["attention"] if f"{kind} attention ms" in row]
    logs = [
        (math.log(row["tokens"]), math.log(row["linear branch ms"] / row[f"{kind} attention ms"]))
        for row in rows
    ]
    if logs[-1][1] > 0:
        return f"more than {rows[-1]['tokens']:,}"
    if all(ratio <= 0 for _, ratio in logs):
        return f"less than {rows[0]['tokens']:,}"
    last = max(place for place, (_, ratio) in enumerate(logs) if ratio > 0)
    (left, above), (right, below) = logs[last : last + 2]
    return f"about {math.exp(left + (right - left) * above / (above - below)):,.0f}"


# -- common ------------------------------------------------------------------------------------


def medians(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median seconds of each call; they take turns. The first is not counted, unless it took so
    long that it is the only one."""
    spent = {name: [timed(call)] for name, call in calls.items()}
    gc.collect()
    again = {name: call for name, call in calls.items() if spent[name][0] < PATIENCE}
    for _ in range(repeats):
        for name, call in again.items():
            spent[name].append(timed(call))
    return {name: statistics.median(took[1:] or took) for name, took in spent.items()}


def timed(call: Callable[[], Any]) -> float:
    """Seconds of the processor where one thread works, which other processes take none of; seconds
    on the clock where several do."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    started = clock()
    call()
    return clock() - started


def show(title: str, rows: list[Row]) -> None:
    table = Table(title=title)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(written(row.get(name)) for name in columns))
    Console(width=max(120, Console().width)).print(table)


def written(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def draw(found: Mapping[str, list[Row]], folder: Path) -> None:
    """One picture of the stream and the attention, over the tokens."""
    from memgraft.evals.plots import check_matplotlib

    check_matplotlib()
    from matplotlib.figure import Figure

    panels = [name for name in ("stream", "attention") if name in found]
    if not panels:
        return
    figure = Figure(figsize=(5.5 * len(panels), 4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, points in lines(name, found[name]).items():
            axes.plot(list(points), list(points.values()), marker="o", label=label)
        axes.set(xscale="log", xlabel="tokens", ylabel=_UNITS[name], title=name)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log" if name == "attention" else "linear")
        axes.set_ylim(bottom=None if name == "attention" else 0)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.savefig(folder / "mag.png", dpi=130)


_UNITS = {"stream": "µs per token", "attention": "ms for a prefill of so many tokens"}


def lines(name: str, rows: list[Row]) -> dict[str, dict[int, float]]:
    """Values over tokens, by label."""
    found: dict[str, dict[int, float]] = {}
    for row in rows:
        if name == "stream":
            found.setdefault(row["memory"], {})[row["tokens"]] = row["µs per token"]
            continue
        for column, value in row.items():
            if column.endswith(" ms"):
                found.setdefault(column.removesuffix(" ms"), {})[row["tokens"]] = value
    return found


if __name__ == "__main__":
    try:
        main()
    except MemgraftError as error:
        sys.exit(f"mag.py: {error}")
