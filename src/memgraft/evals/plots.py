"""Pictures of figures: what is recalled, what is left alone, what a write costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memgraft.core.errors import MissingExtra

# Per picture: its file, its title, and the figures in it with theirs.
PICTURES = (
    ("recall.png", "Recall", {"question": "questions", "paraphrase": "paraphrases"}),
    (
        "locality.png",
        "Locality",
        {
            "neighbour_safe": "neighbours safe",
            "unrelated_unchanged": "unrelated unchanged",
            "locality": "locality prompts unchanged",
        },
    ),
    ("write_time.png", "Write time", {"write_ms_p50": "milliseconds per fact, median"}),
)
MARKERS = "osD^vPX*"


def check_matplotlib() -> None:
    """Raise `MissingExtra` now rather than after hours of measuring."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtra("drawing plots", "plot") from error


def draw(figures: Sequence[dict[str, Any]], folder: Path) -> dict[str, Path]:
    """Draw every picture that there are figures for; returns the PNG files by title.

    Over the number of facts where several were measured, else as bars.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    check_matplotlib()
    drawn = {}
    for file, title, panels in PICTURES:
        there = {
            name: label
            for name, label in panels.items()
            if any(one.get(name) is not None for one in figures)
        }
        if there:
            _picture(figures, there, folder / file)
            drawn[title] = folder / file
    return drawn


def _picture(figures: Sequence[dict[str, Any]], panels: dict[str, str], path: Path) -> None:
    """One panel beside the other, with one legend."""
    # Not pyplot: nothing global, and no display is looked for.
    from matplotlib.figure import Figure

    systems = list(dict.fromkeys(one["system"] for one in figures))
    sizes = sorted({one["stack"] for one in figures})
    lines = len(sizes) > 1
    height = 3.8 if lines else 1.2 + 0.4 * len(systems)
    figure = Figure(figsize=(1.5 + 4.2 * len(panels), height), layout="constrained")
    row = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (name, label) in zip(row, panels.items(), strict=True):
        values = {
            system: {
                one["stack"]: one[name]
                for one in figures
                if one["system"] == system and one.get(name) is not None
            }
            for system in systems
        }
        (_lines if lines else _bars)(axes, values, share=not name.endswith("_p50"))
        axes.set_title(label, fontsize=11)
        axes.grid(alpha=0.3, axis="both" if lines else "x")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    if lines:
        handles, labels = row[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.savefig(path, dpi=130)


def _lines(axes: Any, values: dict[str, dict[int, float]], *, share: bool) -> None:
    """A line per system over the number of facts."""
    for place, (system, points) in enumerate(values.items()):
        axes.plot(
            list(points),
            list(points.values()),
            label=system,
            marker=MARKERS[place % len(MARKERS)],
            # Where systems are equal, the ones below still show.
            linewidth=max(1.2, 2.6 - 0.25 * place),
            markersize=max(4.0, 9.0 - place),
            alpha=0.85,
        )
    sizes = sorted({size for points in values.values() for size in points})
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("facts held at the same time")
    if share:
        axes.set_ylim(-0.03, 1.03)
    else:
        axes.set_yscale("log")


def _bars(axes: Any, values: dict[str, dict[int, float]], *, share: bool) -> None:
    """A bar per system, its value at its end, for the one size there is."""
    heights = [next(iter(points.values()), 0.0) for points in values.values()]
    colours = [f"C{place % 10}" for place in range(len(values))]
    bars = axes.barh(list(values), heights, color=colours, alpha=0.85)
    axes.bar_label(bars, [f"{h:.2f}" if share else f"{h:,.0f}" for h in heights], padding=3)
    if not axes.yaxis_inverted():
        axes.invert_yaxis()
    if share:
        axes.set_xlim(0, 1.15)
    else:
        axes.set_xscale("log")
        axes.margins(x=0.2)
