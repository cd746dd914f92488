"""The results of each experiment as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memgraft.experiments.spread import shown, systems, table

Results = Sequence[dict[str, Any]]


def long_range(results: Results) -> str:
    """Accuracy by task and distance, and what is left when a part is switched off afterwards."""
    parts = []
    for task in results[0]["accuracy"]:
        distances = list(results[0]["accuracy"][task])
        rows = [
            [
                name,
                f"{_first(results, name)['parameters']:,}",
                *(shown(r["accuracy"][task][d] for r in _of(results, name)) for d in distances),
            ]
            for name in systems(results)
        ]
        heads = ["system", "parameters", *(f"{d} windows" for d in distances)]
        parts += [f"### {task}", table(heads, rows)]
    watched = [name for name in systems(results) if "habits" in _first(results, name)]
    if watched:
        kinds = list(_first(results, watched[0])["habits"])
        rows = [
            [name, *(shown(r["habits"][kind] for r in _of(results, name)) for kind in kinds)]
            for name in watched
        ]
        heads = ["system", *(kind.replace("_", " ") for kind in kinds)]
        parts += ["### Use of the memory, in recall at the farthest distance", table(heads, rows)]
    whole = [r for r in results if r["system"] == "memnet"]
    if whole:
        rows = [
            [
                part,
                shown(r["switched_off"][part]["accuracy"] for r in whole),
                shown(r["switched_off"][part]["change"] for r in whole),
            ]
            for part in whole[0]["switched_off"]
        ]
        heads = ["trained with all, evaluated without", "recall", "largest change of a logit"]
        parts += ["### Parts switched off after training", table(heads, rows)]
    return "\n\n".join(parts)


def continual(results: Results) -> str:
    """The figures of transfer, a table per family."""
    figures = ("average", "forgetting", "backward", "forward", "learned")
    parts = []
    for family in dict.fromkeys(row["family"] for row in results):
        mine = [row for row in results if row["family"] == family]
        rows = [
            [
                name,
                f"{_first(mine, name)['parameters']:,}",
                f"{_first(mine, name)['trained']:,}",
                *(shown(r[figure] for r in _of(mine, name)) for figure in figures),
            ]
            for name in systems(mine)
        ]
        parts += [f"### {family}", table(["system", "parameters", "trained", *figures], rows)]
    return "\n\n".join(parts)


def forgetting(results: Results) -> str:
    """What happens under each pressure, a table per system."""
    figures = (
        "accuracy",
        "gate_asked",
        "gate_never",
        "lifetime_asked",
        "lifetime_never",
        "read_entropy",
        "write_frequency",
        "slot_reuse",
    )
    parts = []
    for name in systems(results):
        rows = [
            [
                f"{float(level):g}",
                *(shown(r["pressure"][level][f] for r in _of(results, name)) for f in figures),
            ]
            for level in _first(results, name)["pressure"]
        ]
        heads = ["items per slot", *(figure.replace("_", " ") for figure in figures)]
        parts += [f"### {name}", table(heads, rows)]
    return "\n\n".join(parts)


def _of(results: Results, system: str) -> list[dict[str, Any]]:
    return [row for row in results if row["system"] == system]


def _first(results: Results, system: str) -> dict[str, Any]:
    return _of(results, system)[0]
