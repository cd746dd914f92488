"""The results of each experiment as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memgraft.experiments.spread import shown, systems, table
from memgraft.experiments.survival import median, pooled

Results = Sequence[dict[str, Any]]

# What is told of forgetting under each pressure.
PRESSED = (
    "accuracy",
    "gate_asked",
    "gate_never",
    "read_entropy",
    "write_frequency",
    "writes_per_token",
    "slot_reuse",
)
KEPT = (
    "nearest: the label of the nearest of the very examples that MemNet lives through, by id and "
    "the cosine of raw features, with nothing trained; what the stored examples alone are worth. "
    "kept: what is carried from task to task besides the weights, as it lies in memory: MemNet's "
    "slots and the edges between all of them, the examples of replay and of nearest, and for EWC a "
    "strength and an anchor per weight and task."
)


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
    """How each system was trained, what it keeps, and the figures of transfer; by family."""
    figures = ("average", "forgetting", "backward", "forward", "learned")
    parts = []
    for family in dict.fromkeys(row["family"] for row in results):
        mine = [row for row in results if row["family"] == family]
        rows = [
            [
                name,
                f"{_first(mine, name)['parameters']:,}",
                f"{_first(mine, name)['trained']:,}",
                _loop(_first(mine, name)),
                f"{_first(mine, name)['kept'] / 1000:,.1f}",
                *(shown(r[figure] for r in _of(mine, name)) for figure in figures),
            ]
            for name in systems(mine)
        ]
        heads = ["system", "parameters", "trained", "steps · rate", "kept, KB", *figures]
        parts += [f"### {family}", table(heads, rows)]
    return "\n\n".join([*parts, KEPT])


def _loop(row: dict[str, Any]) -> str:
    return f"{row['steps']} · {row['lr']:g}" if row["steps"] else "-"


def forgetting(results: Results) -> str:
    """What happens under each pressure, a table per system."""
    kinds = ("asked", "never")
    parts = []
    for name in systems(results):
        rows = [
            [
                f"{float(level):g}",
                *(shown(r["pressure"][level][f] for r in _of(results, name)) for f in PRESSED),
                *(_lifetime(_of(results, name), level, kind) for kind in kinds),
            ]
            for level in _first(results, name)["pressure"]
        ]
        names = [figure.replace("_", " ") for figure in PRESSED]
        heads = ["items per slot", *names, *(f"lifetime {kind}" for kind in kinds)]
        parts += [f"### {name}", table(heads, rows)]
    return "\n\n".join(parts)


def _lifetime(rows: Results, level: str, kind: str) -> str:
    """The median over the lives of all seeds; "> n" where most outlive n, the last one observed."""
    curve = pooled(row["pressure"][level]["lives"][kind] for row in rows)
    if len(curve[0]) == 1:
        return "-"
    found = median(curve)
    return f"> {curve[0][-1]:g}" if found is None else f"{found:g}"


def _of(results: Results, system: str) -> list[dict[str, Any]]:
    return [row for row in results if row["system"] == system]


def _first(results: Results, system: str) -> dict[str, Any]:
    return _of(results, system)[0]
