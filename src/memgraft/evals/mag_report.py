"""The grid for people: tables by length and depth, heatmaps, curves over the length."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memgraft import __version__
from memgraft.core.folder import replaced
from memgraft.evals.mag_grid import GridConfig
from memgraft.evals.plots import MARKERS, check_matplotlib

Cell = dict[str, Any]

SCORE_LABELS = {
    "exact": "what the model says begins with the target",
    "contains": "the target stands in what the model says",
    "all": "all tokens of the target right, those before each being given",
    "tokens": "share of the target's tokens right, those before each being given",
}
MODE_LABELS = {
    "on": "the memory is written and read",
    "off": "without the memory: the attention's window alone",
    "write-disabled": "the memory is read, but nothing is written into it",
    "full": "the base model, whose attention sees the whole text",
}
# The figure of each way of scoring that is shown depth by depth.
SHOWN = ("exact", "tokens")
# Samples that are quoted where the memory missed the target.
QUOTED = 5


def write_grid_report(
    folder: Path,
    cells: Sequence[Cell],
    config: GridConfig,
    *,
    command: str,
    about: dict[str, Any],
    task: dict[str, Any],
) -> None:
    """Write `report.md` and its pictures.

    Args:
        cells: see `mag_grid.evaluate`.
        command: what was run.
        about: see `mag_subject.Subject`.
        task: see `mag_tasks.GridTask.to_dict`.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    main = config.scores[0]
    pictures = {}
    for score in (name for name in SHOWN if name in config.scores):
        pictures[f"Heatmap: {score}"] = folder / f"heatmap-{score}.png"
        draw_heatmaps(cells, score, folder / f"heatmap-{score}.png")
    if len(config.lengths) > 1:
        pictures["Over the length"] = folder / "lengths.png"
        draw_lengths(cells, main, pictures["Over the length"])
    parts = [
        f"# {task['task']}: recall over lengths and depths",
        f"```\n{command}\n```",
        f"{datetime.date.today().isoformat()}, memgraft {__version__}. {describe(about)}",
        f"{config.samples} samples per cell. Task: {_listed(task)}.",
        *(f"![{title}]({path.name})" for title, path in pictures.items()),
        "## By length, mean over depths",
        markdown(summary_rows(cells, config.scores)),
        *_by_depth(cells, config.scores),
        *_misses(cells, main),
        "## What is what",
        "\n".join(f"- {name}: {SCORE_LABELS[name]}." for name in config.scores),
        "\n".join(f"- {mode}: {MODE_LABELS[mode]}." for mode in config.modes),
        "- depth: share of the text before the needle, 0 at its beginning, 1 at its end.\n"
        "- distance: tokens from the needle to the answer, mean.\n"
        "- tokens/s: at which the text was read.",
    ]
    if spread := _card(about):
        parts += ["## The branches", spread]
    with replaced(folder / "report.md") as part:
        part.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def describe(about: dict[str, Any]) -> str:
    """What was evaluated, in a sentence."""
    branch = f", branches {about['branch']}" if about["branch"] else ""
    window = f", window {about['window']}" if about["window"] else ""
    return f"Model {about['model']}{branch}{window}, {about['dtype']} on {about['device']}."


def summary_rows(cells: Sequence[Cell], scores: Sequence[str]) -> list[list[str]]:
    """A head, then a line per length and mode."""
    lines = [["length", "mode", "n", *scores, "tokens/s"]]
    for length in _each(cells, "length"):
        for mode in _each(cells, "mode"):
            some = [c for c in cells if c["length"] == length and c["mode"] == mode]
            count = sum(cell["n"] for cell in some)
            means = [sum(cell[name] * cell["n"] for cell in some) / count for name in scores]
            pace = sum(cell["tokens_per_second"] for cell in some) / len(some)
            shown = [f"{mean:.3f}" for mean in means]
            lines.append([f"{length:,}", mode, str(count), *shown, f"{pace:,.0f}"])
    return lines


def depth_rows(cells: Sequence[Cell], score: str, mode: str) -> list[list[str]]:
    """A head, then a line per length, a column per depth."""
    depths = _each(cells, "depth")
    lines = [["length", *(f"depth {_depth(depth)}" for depth in depths)]]
    for length in _each(cells, "length"):
        found = {c["depth"]: c for c in cells if c["length"] == length and c["mode"] == mode}
        lines.append(
            [
                f"{length:,}",
                *(f"{found[d][score]:.2f} ({found[d]['distance']:,.0f})" for d in depths),
            ]
        )
    return lines


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose numbers stand on the right."""
    head, *lines = rows
    rule = ["---" if i and not _numeric(lines, i) else "---:" for i in range(len(head))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *lines])


def draw_heatmaps(cells: Sequence[Cell], score: str, path: Path) -> None:
    """A panel per mode, lengths from left to right, depths from top to bottom."""
    check_matplotlib()
    # Not pyplot: nothing global, and no display is looked for.
    from matplotlib.figure import Figure

    modes, lengths, depths = (_each(cells, name) for name in ("mode", "length", "depth"))
    width = 1.9 + len(modes) * (0.7 + 0.75 * len(lengths))
    figure = Figure(figsize=(width, 1.5 + 0.55 * len(depths)), layout="constrained")
    panels = figure.subplots(1, len(modes), squeeze=False, sharey=True)[0]
    image: Any = None
    for axes, mode in zip(panels, modes, strict=True):
        found = {(c["depth"], c["length"]): c[score] for c in cells if c["mode"] == mode}
        values = [[found[depth, length] for length in lengths] for depth in depths]
        image = axes.imshow(values, vmin=0, vmax=1, cmap="YlGnBu", aspect="auto")
        for row, line in enumerate(values):
            for column, value in enumerate(line):
                ink = "white" if value > 0.55 else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink)
        axes.set_xticks(range(len(lengths)), [_short(length) for length in lengths])
        axes.set_title(mode, fontsize=11)
        axes.set_xlabel("tokens")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    panels[0].set_yticks(range(len(depths)), [_depth(depth) for depth in depths])
    panels[0].set_ylabel("depth of the needle")
    figure.colorbar(image, ax=list(panels), label=score, fraction=0.05)
    figure.savefig(path, dpi=130)


def draw_lengths(cells: Sequence[Cell], score: str, path: Path) -> None:
    """A line per mode over the length, mean over depths; depths are the faint points."""
    check_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    lengths = _each(cells, "length")
    for place, mode in enumerate(_each(cells, "mode")):
        own = [cell for cell in cells if cell["mode"] == mode]
        means = []
        for length in lengths:
            some = [cell[score] for cell in own if cell["length"] == length]
            means.append(sum(some) / len(some))
        marker, colour = MARKERS[place % len(MARKERS)], f"C{place}"
        # Where modes are equal, the ones below still show.
        axes.plot(
            lengths, means, label=mode, color=colour, marker=marker, markersize=9 - 1.5 * place
        )
        where, values = [cell["length"] for cell in own], [cell[score] for cell in own]
        axes.scatter(where, values, color=colour, s=10, alpha=0.35, linewidths=0)
    axes.set_xscale("log")
    axes.set_xticks(lengths, [_short(length) for length in lengths])
    axes.minorticks_off()
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("tokens of the text")
    axes.set_ylabel(score)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best")
    figure.savefig(path, dpi=130)


def _by_depth(cells: Sequence[Cell], scores: Sequence[str]) -> list[str]:
    """Of each way of scoring, with the mean distance behind each figure."""
    parts = []
    for score in (name for name in SHOWN if name in scores):
        parts.append(f"## By depth: {score} (distance)")
        for mode in _each(cells, "mode"):
            parts += [f"{mode}:", markdown(depth_rows(cells, score, mode))]
    return parts


def _misses(cells: Sequence[Cell], score: str) -> list[str]:
    """Some of what the memory did not recall."""
    found = [
        (cell, row)
        for cell in cells
        if cell["mode"] == "on"
        for row in cell["rows"]
        if not row[score] and "said" in row
    ]
    if not found:
        return []
    quoted = [
        f"- {cell['length']:,} tokens, depth {_depth(cell['depth'])}: due "
        f"`{_line(row['due'])}`, said `{_line(row['said'])}`"
        for cell, row in found[:: max(1, len(found) // QUOTED)][:QUOTED]
    ]
    return [f"## Missed with the memory on: {len(found)}, such as", "\n".join(quoted)]


def _card(about: dict[str, Any]) -> str:
    told = {**(about["patch"] or {}), **about["card"]}
    return "\n".join(f"- {name}: {_line(str(value))}" for name, value in told.items())


def _listed(task: dict[str, Any]) -> str:
    def shown(value: Any) -> str:
        return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)

    return ", ".join(f"{name} {shown(value)}" for name, value in task.items() if name != "task")


def _each(cells: Sequence[Cell], name: str) -> list[Any]:
    return list(dict.fromkeys(cell[name] for cell in cells))


def _depth(depth: float | None) -> str:
    return "any" if depth is None else f"{depth:g}"


def _short(length: int) -> str:
    return f"{length // 1024}k" if length % 1024 == 0 else f"{length:,}"


def _line(text: str, letters: int = 80) -> str:
    """On one line, and not too long."""
    flat = " ".join(text.split()).replace("`", "'")
    return flat if len(flat) <= letters else flat[: letters - 1] + "…"


def _numeric(lines: Sequence[Sequence[str]], column: int) -> bool:
    return all(line[column][:1].isdigit() for line in lines)
