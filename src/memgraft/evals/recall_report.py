"""The report of `memgraft train recall`: recall over distance, and what repeated keys do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memgraft import __version__
from memgraft.core.errors import InvalidInput
from memgraft.core.folder import replaced
from memgraft.evals.memory_stability import (
    MEMORIES,
    Course,
    Repetition,
    course,
    draw_courses,
)
from memgraft.evals.recall_curve import TITLES, Curves, curve_table, curves, draw_curves

CURVES, STABILITY = "recall.png", "stability.png"
# Without a word on them, keys are random and unit, values random and of length 1.
REPETITIONS = {
    "one key": Repetition(keys=1),
    "eight keys in turn": Repetition(keys=8),
}
MEANINGS = """\
- Every model has the same number of parameters, all of them trained from scratch on the same number
  of steps, with new sequences in each. What a model has no need for went into wider feed-forward
  layers.
- *Times*: the distance in lengths of a training sequence. Even the nearest answer is that far from
  its question, while training had none that far even once.
- Replies are greedy. *Told step by step*: the model says the name that it meets on the way before
  the answer, and only the answer counts; *at once*: it says the answer alone.
- *Writing disabled*: the trained model, whose memory reads as ever but stays empty. *Off*: without
  what the memory adds.
- Figures are means over seeds ± their standard deviation; bands in the picture go from the worst
  seed to the best."""


def write_recall_report(folder: Path, results: Sequence[Mapping[str, Any]], command: str) -> None:
    """Write `results.json`, `report.md` and its pictures.

    Args:
        results: of `train.recall.recall`; at least one.
        command: what was run.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    if not results:
        raise InvalidInput("there are no results to report", next_step="train a model first")
    folder.mkdir(parents=True, exist_ok=True)
    found = curves(results)
    draw_curves(found, {one["task"]: one["chance"] for one in results}, folder / CURVES)
    courses = {
        title: {memory: course(memory, repetition) for memory in MEMORIES}
        for title, repetition in REPETITIONS.items()
    }
    draw_courses(courses, folder / STABILITY)
    parts = [
        "# Recall beyond the window",
        f"```\n{command}\n```",
        f"memgraft {__version__}. {_runs(results)}",
        MEANINGS,
        f"![accuracy over distance]({CURVES})",
        *_tasks(found, results),
        "## Repeated keys",
        "4,096 tokens that write the same keys over and over, momentum 0.9, without decay. The "
        "norm is of the weights, of all layers together; the error is how far what the keys read "
        "is from their values, in lengths of these. The MLP memory takes the gradients of a chunk "
        "of C = 64 tokens at the chunk's start, so that its steps are divided by C; the last row "
        "is what it would be without.",
        stability_table(courses),
        f"![norm and error over tokens]({STABILITY})",
    ]
    _write(folder / "results.json", json.dumps(list(results), indent=1))
    _write(folder / "report.md", "\n\n".join(parts))


def stability_table(courses: Mapping[str, Mapping[str, Course]]) -> str:
    """A Markdown table: a row per memory, norm and error at the end of each repetition."""
    heads = ["memory", *(f"{title}: {what}" for title in courses for what in ("norm", "error"))]
    lines = [heads, ["---", *("---:" for _ in heads[1:])]]
    for memory, label in MEMORIES.items():
        cells = [
            f"{value:.3g}"
            for memories in courses.values()
            for value in (memories[memory].norm[-1], memories[memory].error[-1])
        ]
        lines.append([label, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _runs(results: Sequence[Mapping[str, Any]]) -> str:
    counts = [one["parameters"] for one in results]
    settings = results[0]["settings"]
    sizes = settings["sizes"]
    seeds = sorted({one["seed"] for one in results})
    minutes = sum(one["minutes"] for one in results)
    return (
        f"{len(results)} models of {min(counts):,} to {max(counts):,} parameters: "
        f"{sizes['layers']} layers of width {sizes['width']}, attention windows of "
        f"{sizes['window']} tokens. Seeds {', '.join(map(str, seeds))}; {minutes:.0f} minutes of "
        "training in all, by the clock."
    )


def _tasks(found: Curves, results: Sequence[Mapping[str, Any]]) -> list[str]:
    parts = []
    for task, lines in found.items():
        runs = [one for one in results if one["task"] == task]
        settings = runs[0]["settings"]
        sequences = ", ".join(
            f"{name} {value}"
            for name, value in settings["sequences"].items()
            if value not in (None, [])
        )
        parts += [
            f"## {TITLES[task]}",
            f"{settings['loop']['steps']:,} steps of {settings['training']['batch']} sequences "
            f"({sequences}); {_minutes(runs)}. Chance is {runs[0]['chance']:.3f}.",
            curve_table(lines),
        ]
    return parts


def _minutes(runs: Sequence[Mapping[str, Any]]) -> str:
    by_model: dict[str, list[float]] = {}
    for one in runs:
        by_model.setdefault(one["model"], []).append(one["minutes"])
    told = [f"{model} {sum(each) / len(each):.1f}" for model, each in by_model.items()]
    return f"minutes per run: {', '.join(told)}"


def _write(path: Path, text: str) -> None:
    with replaced(path) as part:
        part.write_text(text + "\n", encoding="utf-8")
