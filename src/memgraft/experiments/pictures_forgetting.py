"""Pictures of experiment 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memgraft.evals.pictures import Panel, Picture, Series
from memgraft.experiments.inside import inside
from memgraft.experiments.spread import mean, spread, systems
from memgraft.experiments.survival import pooled

OVER = (
    ("accuracy", "accuracy"),
    ("read_entropy", "read entropy, nats"),
    ("slot_reuse", "share of writes into written slots"),
)


def pictures(results: Sequence[dict[str, Any]]) -> list[Picture]:
    """Figures over pressure, accuracy by age, survival curves, and the inside of one memory."""
    names = systems(results)
    over = [
        Panel(
            title,
            "lines",
            [_over(results, name, figure, name) for name in names],
            x="items per slot",
            log_x=True,
        )
        for figure, title in OVER
    ]
    first = [row for row in results if row["system"] == names[0]]
    gates = [
        _over(first, names[0], "gate_asked", "may be asked"),
        _over(first, names[0], "gate_never", "never asked"),
    ]
    found = [
        Picture("pressure", "Under pressure", over),
        Picture(
            "forgotten",
            f"What is forgotten: {names[0]}",
            [
                Panel("write gate", "lines", gates, x="items per slot", log_x=True),
                Panel("accuracy by age", "lines", _by_age(first), x="age, quarters of items"),
            ],
        ),
        Picture(
            "survival", f"Slots that outlive a number of segments: {names[0]}", _survival(first)
        ),
    ]
    watched = next((p["pictured"] for p in first[0]["pressure"].values() if p["pictured"]), None)
    return found + (inside(watched, f"{names[0]}, one item per slot") if watched else [])


def _over(results: Sequence[dict[str, Any]], system: str, figure: str, title: str) -> Series:
    rows = [row["pressure"] for row in results if row["system"] == system]
    levels = [p for p in rows[0] if any(row[p][figure] is not None for row in rows)]
    return Series(
        title,
        [float(p) for p in levels],
        [mean(row[p][figure] for row in rows) for p in levels],
        [spread(row[p][figure] for row in rows) for p in levels],
    )


def _by_age(rows: Sequence[dict[str, Any]]) -> list[Series]:
    return [
        Series(
            f"{float(level):g} items per slot",
            [1, 2, 3, 4],
            [
                mean(row["pressure"][level]["by_age"][quarter] for row in rows)
                for quarter in range(4)
            ],
        )
        for level in rows[0]["pressure"]
    ]


def _survival(rows: Sequence[dict[str, Any]]) -> list[Panel]:
    """A curve per pressure of the lives of all seeds; it is flat where nothing was overwritten."""
    kinds = {"asked": "may be asked", "never": "never asked"}
    return [
        Panel(
            title,
            "steps",
            [
                Series(
                    f"{float(level):g} items per slot",
                    *pooled(row["pressure"][level]["lives"][kind] for row in rows),
                )
                for level in rows[0]["pressure"]
                if any(row["pressure"][level]["lives"][kind] for row in rows)
            ],
            x="segments",
            y="share that is left",
            limits=(-0.03, 1.03),
        )
        for kind, title in kinds.items()
    ]
