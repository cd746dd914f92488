"""Pictures of experiment 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memgraft.evals.pictures import Panel, Picture, Series
from memgraft.experiments.inside import inside
from memgraft.experiments.spread import mean, spread, systems


def pictures(results: Sequence[dict[str, Any]]) -> list[Picture]:
    """Accuracy over distance, what each part earns, and the inside of one memory."""
    names = systems(results)
    tasks = list(results[0]["accuracy"])
    over = [
        Panel(
            task,
            "lines",
            [_over_distance(results, name, task) for name in names],
            x="distance, windows",
            y="accuracy",
            limits=(-0.03, 1.03),
            log_x=True,
        )
        for task in tasks
    ]
    found = [Picture("distance", "Accuracy over distance", over)]
    memnets = [name for name in names if _of(results, name, "habits")]
    if memnets:
        kinds = ("read_sparsity", "slot_reuse", "slots_used", "write_frequency")
        bars = [
            Series(
                name,
                [kind.replace("_", " ") for kind in kinds],
                [mean(row[kind] for row in _of(results, name, "habits")) for kind in kinds],
                [spread(row[kind] for row in _of(results, name, "habits")) for kind in kinds],
            )
            for name in memnets
        ]
        found.append(Picture("habits", "How the memory is used", [Panel("share", "bars", bars)]))
    watched = next((row for row in results if row.get("pictured")), None)
    if watched:
        found += inside(watched["pictured"], f"{watched['system']}, recall")
    return found


def _over_distance(results: Sequence[dict[str, Any]], system: str, task: str) -> Series:
    rows = [row["accuracy"][task] for row in results if row["system"] == system]
    distances = list(rows[0])
    return Series(
        system,
        [float(d) for d in distances],
        [mean(row[d] for row in rows) for d in distances],
        [spread(row[d] for row in rows) for d in distances],
    )


def _of(results: Sequence[dict[str, Any]], system: str, key: str) -> list[Any]:
    return [row[key] for row in results if row["system"] == system and row.get(key)]
