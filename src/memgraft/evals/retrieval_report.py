"""What retrieval measured, for people: tables, curves of recall, bars by category."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memgraft import __version__
from memgraft.core.errors import InvalidInput
from memgraft.core.folder import replaced
from memgraft.evals.plots import MARKERS, check_matplotlib
from memgraft.evals.retrieval import CUTS

Figures = Sequence[dict[str, Any]]
Labels = Mapping[str, str]

# What each column of the table is called, and what it means.
COLUMNS = {
    "recall@5": ("R@5", "share of the evidence among the first 5 turns, mean over questions"),
    "recall@10": ("R@10", "among the first 10"),
    "recall@50": ("R@50", "among the first 50"),
    "session_hit@10": ("session@10", "questions with any of 10 turns from a session with evidence"),
    "mrr": ("MRR", "reciprocal rank of the first evidence"),
    "all": ("R@10, all", "over the questions of all categories"),
    "ms_per_query": ("query, ms", "mean time of a search for 50 turns"),
    "ms_per_query_beyond_embedding": ("beyond embedding", "of that, without embedding"),
    "ms_per_add": ("add, ms", "mean time per turn that is added"),
    "ms_per_add_beyond_embedding": ("beyond embedding", "of that, without embedding"),
}
CATEGORY_METRIC = "recall@10"


def rows(figures: Figures) -> list[list[str]]:
    """A head, then a line per system, as people read it; shares in percent."""
    table = [["system", *(head for head, _ in COLUMNS.values())]]
    for one in figures:
        values = {**one, "all": one["all_categories"][CATEGORY_METRIC]}
        table.append([one["system"], *(_as_text(name, values[name]) for name in COLUMNS)])
    return table


def category_rows(figures: Figures, labels: Labels) -> list[list[str]]:
    """R@10 by category and, in the head, how many questions each has."""
    categories = figures[0]["by_category"]
    heads = [f"{_label(name, labels)} ({each['questions']})" for name, each in categories.items()]
    table = [["system, R@10", *heads]]
    for one in figures:
        values = [one["by_category"][name][CATEGORY_METRIC] for name in categories]
        table.append([one["system"], *(_as_text(CATEGORY_METRIC, value) for value in values)])
    return table


def summary(figures: Figures) -> str:
    """What was asked, and what could not be."""
    one = figures[0]
    return (
        f"{one['questions']} questions ({one['all_categories']['questions']} with all categories), "
        f"conversations: {one['conversations']}, turns: {one['turns']}, left out since they have "
        f"no evidence: {one['skipped']}"
    )


def prepare_folder(folder: Path) -> None:
    """Make the report's folder now rather than after hours of measuring.

    Raises:
        InvalidInput: it cannot be made.
        MissingExtra: matplotlib is not installed.
    """
    check_matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"cannot use {folder} for a report", expected="a folder", got=str(error)
        ) from error


def write_report(
    folder: Path, figures: Figures, *, command: str, data: str, labels: Labels
) -> None:
    """Write `report.md`, its pictures, and the figures as `results.jsonl`.

    Args:
        figures: see `memgraft.evals.retrieval.evaluate`; at least one, all of the same questions.
        command: what was run.
        data: where the conversations are from.
        labels: names of categories.

    Raises:
        InvalidInput, MissingExtra: see `prepare_folder`.
    """
    prepare_folder(folder)
    draw_recall(figures, folder / "recall.png")
    draw_categories(figures, labels, folder / "categories.png")
    with replaced(folder / "results.jsonl") as part:
        lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in figures]
        part.write_text("".join(lines), encoding="utf-8")
    parts = [
        "# Retrieval from long conversations",
        f"```\n{command}\n```",
        f"{datetime.date.today().isoformat()}, memgraft {__version__}, {data}: {summary(figures)}.",
        _markdown(rows(figures)),
        _markdown(category_rows(figures, labels)),
        "![Recall](recall.png)",
        "![Recall by category](categories.png)",
        "\n".join(f"- {head}: {meaning}." for head, meaning in COLUMNS.values()),
    ]
    with replaced(folder / "report.md") as part:
        part.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def draw_recall(figures: Figures, path: Path) -> None:
    """Recall over the number of retrieved turns, a line per system."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for place, one in enumerate(figures):
        recalls = [one[f"recall@{k}"] for k in CUTS]
        if None not in recalls:
            axes.plot(CUTS, recalls, label=one["system"], marker=MARKERS[place % len(MARKERS)])
    axes.set_xscale("log")
    axes.set_xticks(CUTS, [str(k) for k in CUTS])
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("retrieved turns")
    axes.set_ylabel("recall of the evidence")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False)
    figure.savefig(path, dpi=130)


def draw_categories(figures: Figures, labels: Labels, path: Path) -> None:
    """R@10 of every system, in a group of bars per category."""
    from matplotlib.figure import Figure

    categories = list(figures[0]["by_category"])
    figure = Figure(figsize=(6.4, 1.4 + 0.22 * len(categories) * (len(figures) + 1)))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    height = 0.8 / len(figures)
    for place, one in enumerate(figures):
        where = [at + (place - (len(figures) - 1) / 2) * height for at in range(len(categories))]
        values = [one["by_category"][name][CATEGORY_METRIC] for name in categories]
        bars = axes.barh(where, values, height, label=one["system"], alpha=0.85)
        axes.bar_label(bars, [f"{100 * value:.0f}" for value in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(categories)), [_label(name, labels) for name in categories])
    axes.set_ylim(len(categories) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("recall among 10 turns")
    axes.grid(alpha=0.3, axis="x")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=130)


def _label(category: str, labels: Labels) -> str:
    return " ".join(part for part in (category, labels.get(category)) if part) or "all"


def _as_text(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if name.startswith("ms_") else f"{100 * value:.1f}"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    lines = [table[0], ["---", *("---:" for _ in table[0][1:])], *table[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
