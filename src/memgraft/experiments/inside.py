"""Pictures of the inside of a memory: its slots over time, its graph, how it was read."""

from __future__ import annotations

from typing import Any

import numpy as np

from memgraft.evals.pictures import Panel, Picture, Series, principal
from memgraft.memnet.policies import MIXED


def inside(pictured: dict[str, Any], of: str) -> list[Picture]:
    """Slots over time, reads, the policy mixture, the graph and the slots' main components.

    Args:
        pictured: one sequence and memory head, see `watch.pictured`.
        of: what it is of, for the titles.
    """
    writes, usage = np.array(pictured["writes"]), np.array(pictured["usage"])
    reads, mixture = np.array(pictured["reads"]), np.array(pictured["mixture"])
    tokens = list(range(len(mixture)))
    used = np.flatnonzero(pictured["used"])
    names = [str(slot) for slot in used]
    return [
        Picture(
            "slots",
            f"Slots over time: {of}",
            [
                Panel("written", "heatmap", matrix=writes.T.tolist(), x="segment", y="slot"),
                Panel("usage", "heatmap", matrix=usage.T.tolist(), x="segment", y="slot"),
            ],
        ),
        Picture(
            "attention",
            f"Attention of tokens over slots: {of}",
            [Panel("read weights", "heatmap", matrix=reads.T.tolist(), x="token", y="slot")],
        ),
        Picture(
            "policies",
            f"Policy mixture and write gate: {of}",
            [
                Panel(
                    "share of each policy",
                    "areas",
                    [Series(n, tokens, mixture[:, i].tolist()) for i, n in enumerate(MIXED)],
                    x="token",
                ),
                Panel("write gate", "lines", [Series("gate", tokens, pictured["gate"])], x="token"),
            ],
        ),
        Picture(
            "graph",
            f"The graph between slots in use: {of}",
            [
                Panel("edges", "graph", matrix=_among(pictured["edges"], used), rows=names),
                Panel(
                    "weights, from row to column",
                    "heatmap",
                    matrix=_among(pictured["edges"], used),
                    rows=names,
                    columns=names,
                ),
            ],
        ),
        Picture(
            "components",
            f"Slots in two principal components: {of}",
            [
                Panel(
                    "keys and values",
                    "scatter",
                    [_components(np.array(pictured["slots"])[used], usage[-1][used], names)],
                    x="first component",
                    y="second component",
                )
            ],
        ),
    ]


def _among(edges: list[list[float]], used: Any) -> list[list[float]]:
    return np.array(edges)[np.ix_(used, used)].tolist()


def _components(slots: Any, usage: Any, names: list[str]) -> Series:
    places = principal(slots) if len(slots) > 1 else np.zeros((len(slots), 2))
    return Series(
        "usage", places[:, 0].tolist(), places[:, 1].tolist(), None, usage.tolist(), names
    )
