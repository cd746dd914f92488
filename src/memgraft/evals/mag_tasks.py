"""The tasks of the grid: samples of a length whose needle lies at a depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from memgraft.data.code_retrieval import CodeRetrievalConfig, code_retrieval
from memgraft.data.dependency import DependencyConfig, dependency
from memgraft.data.hash_hop import HashHopConfig, hash_hop
from memgraft.data.needle import NeedleConfig, needle
from memgraft.data.samples import Sample

MAKERS: dict[type, tuple[str, Callable[..., Any]]] = {
    NeedleConfig: ("needle", needle),
    HashHopConfig: ("hash-hop", hash_hop),
    DependencyConfig: ("dependency", dependency),
    CodeRetrievalConfig: ("code-completion", code_retrieval),
}

# Begins the seeds of the grid's streams and of no others: `memgraft data` draws with plain numbers,
# training with streams of its own.
STREAM = "eval"


@dataclass(frozen=True)
class GridTask:
    """A generator's config, whose `tokens` and `depths` the grid sets.

    Args:
        config: of one of `MAKERS`.
        seed: of the samples, none of which is a training sample of the same seed. Number i of a
            cell has the same seed in every cell.
    """

    config: Any
    seed: int = 0

    @property
    def name(self) -> str:
        return MAKERS[type(self.config)][0]

    def samples(self, tokenizer: Any, length: int, depth: float | None, count: int) -> list[Sample]:
        """Samples of up to `length` tokens, target included.

        Args:
            depth: 0 to 1; None where the generator likes.

        Raises:
            InvalidInput: the length is too short for the task.
        """
        depths = () if depth is None else (depth,)
        config = replace(self.config, tokens=length, depths=depths)
        _, make = MAKERS[type(self.config)]
        made = islice(make(config, tokenizer, f"{STREAM}-{self.seed}"), count)
        return [replace(one, metadata=one.metadata | {"seed": self.seed}) for one in made]

    def to_dict(self) -> dict[str, Any]:
        """What the samples depend on, but for the cell."""
        kept = {k: v for k, v in self.config.to_dict().items() if k not in ("tokens", "depths")}
        return {"task": self.name, "seed": self.seed, "stream": STREAM, **kept}
