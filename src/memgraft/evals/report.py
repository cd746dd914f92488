"""A report for people: the figures of all systems and sizes, and pictures of them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memgraft import __version__
from memgraft.core.folder import replaced
from memgraft.evals.plots import draw

# What each column of the table is called, and what it means.
COLUMNS = {
    "question": (
        "question",
        "answers that stand in the reply to the fact's question; efficacy, of edits",
    ),
    "paraphrase": ("paraphrase", "the same, asked in other words"),
    "neighbour_safe": (
        "neighbours safe",
        "replies to near questions, which the fact does not answer, without its answer",
    ),
    "neighbour_unchanged": ("neighbours unchanged", "of those, the bare model's word for word"),
    "gate_open_neighbours": ("neighbours awake", "of those, with any fact awake"),
    "unrelated_unchanged": (
        "unrelated unchanged",
        "replies to unrelated prompts that are the bare model's, over 24 tokens",
    ),
    "locality": ("locality", "the same for the benchmark's locality prompts"),
    "fluency": (
        "fluency",
        "entropy in bits of the n-grams of what is said about the subject; short texts have little",
    ),
    "fluency_words": ("words", "mean length of those texts"),
    "refused": ("refused", "share of facts that the system did not take"),
    "write_ms_p50": ("write, ms", "median time of telling one fact"),
    "answer_ms_p50": ("answer, ms", "median time of a reply"),
    "route_ms_p50": ("route, ms", "median time of finding what is awake, after embedding"),
    "bytes_per_fact": ("bytes per fact", "kept on disk"),
    "peak_mb": ("peak MB", "most memory of the process up to then"),
}


def write_report(
    folder: Path, figures: Sequence[dict[str, Any]], *, command: str, facts: str, model: str
) -> None:
    """Write `report.md` and its pictures.

    Args:
        figures: see `memgraft.evals.injection.evaluate`; at least one.
        command: what was run.
        facts: where the facts are from.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    pictures = draw(figures, folder)
    parts = [
        "# Recall of told facts",
        f"```\n{command}\n```",
        f"{datetime.date.today().isoformat()}, memgraft {__version__}, model {model}. "
        f"{figures[0]['n']} facts of {facts} were asked for. Replies are generated greedily; an "
        "answer counts if it stands in the reply.",
        table(figures),
        *(f"![{title}]({path.name})" for title, path in pictures.items()),
        "\n".join(f"- {head}: {meaning}." for head, meaning in _shown(figures).values()),
    ]
    with replaced(folder / "report.md") as part:
        part.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def table(figures: Sequence[dict[str, Any]]) -> str:
    """A Markdown table: a line per system and size, a column per figure that any of them has."""
    shown = _shown(figures)
    heads = ["system", "facts", *(head for head, _ in shown.values())]
    lines = [heads, ["---", *("---:" for _ in heads[1:])]]
    for one in figures:
        cells = [as_text(name, one.get(name)) for name in shown]
        lines.append([one["system"], f"{one['stack']:,}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_text(name: str, value: float | None) -> str:
    """A figure as people read it."""
    if value is None:
        return "-"
    if name == "route_ms_p50" or name == "fluency":
        return f"{value:.2f}"
    return f"{value:,.0f}" if name.endswith(("_p50", "_fact", "_mb", "_words")) else f"{value:.3f}"


def _shown(figures: Sequence[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """The columns in which any figure stands."""
    return {
        name: column
        for name, column in COLUMNS.items()
        if any(one.get(name) is not None for one in figures)
    }
