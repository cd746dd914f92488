"""The diagnosis of memory branches for people: tables, pictures, and all figures as JSON."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memgraft import __version__
from memgraft.core.folder import replaced
from memgraft.evals.mag_diagnosis import PER_TOKEN, Diagnosis, means
from memgraft.evals.mag_report import describe, markdown
from memgraft.evals.plots import check_matplotlib

COLUMNS = {
    "opening": ("gate", "how open it is, 0 to 1, mean over channels and tokens"),
    "open": ("open", "share of channels and tokens at which the gate is more than half open"),
    "weight": ("weight", "length of what the memory adds, over that of the attention's output"),
    "strength": ("strength", "step of a token's write"),
    "momentum": ("momentum", "share of the earlier step that goes on"),
    "decay": ("decay", "share of the memory that a token forgets"),
    "surprise": ("surprise", "length of the error with which the memory foretells a token's value"),
    "norm": ("norm", "of the memory's weights at the end, mean over heads"),
    "needle": (
        "needle",
        "share of other tokens whose values are farther from what is read at the question's end "
        "than the needle's, in the best head; 1 is found",
    ),
}
# Pictures have at most so many columns; tokens are averaged into them.
BINS = 160
# The tokens that write most, that are listed.
LISTED = 12


def write_diagnosis(
    folder: Path,
    made: Sequence[Diagnosis],
    shown: Callable[[int], str],
    *,
    command: str,
    about: dict[str, Any],
    source: str,
) -> None:
    """Write `report.md`, its pictures (of the first text) and `figures.json`.

    Args:
        made: see `mag_diagnosis.diagnose`, one or more.
        shown: a token as text.
        command: what was run.
        about: see `mag_subject.Subject`.
        source: what the texts are.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    check_matplotlib()
    folder.mkdir(parents=True, exist_ok=True)
    first = made[0]
    pictures = {
        "Gate and writes over the text": folder / "tokens.png",
        "State": folder / "state.png",
        "Keys asked again": folder / "again.png",
        "Gain over the text": folder / "gain.png",
    }
    draw_tokens(first, pictures["Gate and writes over the text"])
    draw_norms(first, pictures["State"])
    draw_again(means(made)[1], pictures["Keys asked again"])
    draw_gain(first, pictures["Gain over the text"])
    _write_json(folder / "figures.json", made, about, source)
    texts, layers = means(made)
    count = f"{len(made)} texts" if len(made) > 1 else "One text"
    parts = [
        "# Memory branches at work",
        f"```\n{command}\n```",
        f"{datetime.date.today().isoformat()}, memgraft {__version__}. {describe(about)} "
        f"{count}, {source}, {texts['tokens']:,.0f} tokens on average; pictures show the first.",
        "## Prediction",
        prediction(texts),
        "## Layers, means over tokens and texts",
        markdown(layer_rows(layers)),
        "\n".join(f"- {head}: {meaning}." for head, meaning in _columns(layers).values()),
        "## Keys asked again",
        "Cosine between the value that a token wrote and what the memory answers to its key at the "
        "end of the text, by the token's distance from there; and, for comparison, between that "
        "answer and the value of another token.",
        markdown(again_rows(layers)),
        "## Tokens that write most",
        ", ".join(strongest(first, shown)) + ".",
        *(f"![{title}]({path.name})" for title, path in pictures.items()),
    ]
    with replaced(folder / "report.md") as part:
        part.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def prediction(texts: dict[str, Any]) -> str:
    """What the memory does to the prediction, in sentences."""
    told = (
        f"The memory raises the log-probability of {texts['raised']:.1%} of the tokens; the mean "
        f"change is {texts['gain']:+.4f} nats."
    )
    if "answer_gain" in texts:
        told += (
            f" Of the answer's tokens it raises {texts['answer_raised']:.1%}; the mean change is "
            f"{texts['answer_gain']:+.3f} nats."
        )
    return told


def layer_rows(layers: dict[int, dict[str, Any]]) -> list[list[str]]:
    """A head, then a line per layer."""
    columns = _columns(layers)
    lines = [["layer", *(head for head, _ in columns.values())]]
    for index, figures in layers.items():
        lines.append([str(index), *(f"{figures[name]:.3f}" for name in columns)])
    return lines


def again_rows(layers: dict[int, dict[str, Any]]) -> list[list[str]]:
    """A head, then a line per layer, a column per distance."""
    distances = list(next(iter(layers.values()))["again"])
    lines = [["layer", *(f"< {int(distance):,}" for distance in distances), "another token"]]
    for index, figures in layers.items():
        values = [*(figures["again"][each] for each in distances), figures["others"]]
        lines.append([str(index), *(f"{value:.3f}" for value in values)])
    return lines


def strongest(made: Diagnosis, shown: Callable[[int], str]) -> list[str]:
    """The tokens that write most, mean over layers, each once, with the strength."""
    strength = _stacked(made, "strength").mean(axis=0)
    found: dict[str, float] = {}
    for place in np.argsort(-strength):
        text = shown(made.text.ids[place]).replace("`", "'").replace("\n", "⏎")
        found.setdefault(f"`{text}`", float(strength[place]))
        if len(found) == LISTED:
            break
    return [f"{text} {value:.2f}" for text, value in found.items()]


def draw_tokens(made: Diagnosis, path: Path) -> None:
    """Layers over the text: how open the gate is, how strongly it is written, the surprise."""
    from matplotlib.figure import Figure

    titles = {"opening": "gate", "strength": "strength of writes", "surprise": "surprise"}
    layers = list(made.series)
    height = 1.1 + 0.09 * max(6, len(layers))
    figure = Figure(figsize=(8.0, len(titles) * height), layout="constrained")
    panels = figure.subplots(len(titles), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        values = np.stack([_binned(line) for line in _stacked(made, name)])
        edges = (0, len(made.text.ids), len(layers) - 0.5, -0.5)
        image = axes.imshow(
            values, aspect="auto", cmap="viridis", extent=edges, interpolation="nearest"
        )
        every = max(1, len(layers) // 8)
        axes.set_yticks(range(0, len(layers), every), [str(i) for i in layers[::every]])
        axes.set_ylabel("layer")
        axes.set_title(title, fontsize=11)
        figure.colorbar(image, ax=axes, pad=0.01)
        _mark(axes, made, "white")
    panels[-1].set_xlabel(_along(made))
    figure.savefig(path, dpi=130)


def draw_norms(made: Diagnosis, path: Path) -> None:
    """The size of the memory's weights over the text, a line per layer."""
    figure, axes = _lines(made.norms, made.ends)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tokens read")
    axes.set_ylabel("norm of the memory")
    figure.savefig(path, dpi=130)


def draw_again(layers: dict[int, dict[str, Any]], path: Path) -> None:
    """How well values come back by distance, a line per layer."""
    distances = [int(each) for each in next(iter(layers.values()))["again"]]
    curves = {index: list(figures["again"].values()) for index, figures in layers.items()}
    figure, axes = _lines(curves, distances)
    for line, figures in zip(axes.get_lines(), layers.values(), strict=True):
        others = [figures["others"]] * len(distances)
        axes.plot(distances, others, color=line.get_color(), linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks(distances, [f"< {each:,}" for each in distances])
    axes.minorticks_off()
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_xlabel("tokens from the write to the end")
    axes.set_ylabel("cosine of value and answer\n(dotted: value of another token)")
    figure.savefig(path, dpi=130)


def draw_gain(made: Diagnosis, path: Path) -> None:
    """What the memory does to each token's log-probability, and the mean of its neighbours."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    axes = figure.subplots()
    gains = made.gains.numpy()
    where = np.arange(1, len(gains) + 1)
    axes.scatter(where, gains, s=4, alpha=0.25, color="C0", linewidths=0)
    binned = _binned(gains)
    centres = (np.arange(len(binned)) + 0.5) * (len(gains) / len(binned)) + 1
    axes.plot(centres, binned, color="C1", linewidth=1.4)
    axes.axhline(0, color="0.4", linewidth=0.8)
    # A few tokens change by many nats, and would press the rest into a line.
    bound = max(0.1, float(np.quantile(np.abs(gains), 0.99)) * 1.3)
    answer = gains[made.text.answer - 1 :] if made.text.answer is not None else gains[:0]
    axes.set_ylim(1.05 * min(-bound, *answer), 1.05 * max(bound, *answer))
    axes.scatter(where[len(gains) - len(answer) :], answer, s=14, color="C3", zorder=3)
    _mark(axes, made, "C3")
    axes.set_xlabel(_along(made))
    axes.set_ylabel("log-probability, on - off")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def _lines(curves: dict[int, list[float]], places: Sequence[float]) -> tuple[Any, Any]:
    """A line per layer, low layers dark and high ones bright."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 3.8), layout="constrained")
    axes = figure.subplots()
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(curves)))
    for colour, (index, values) in zip(colours, curves.items(), strict=True):
        axes.plot(places, values, color=colour, marker=".", label=f"layer {index}", linewidth=1.2)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    columns = 1 + len(curves) // 16
    figure.legend(loc="outside right center", frameon=False, fontsize=8, ncols=columns)
    return figure, axes


def _mark(axes: Any, made: Diagnosis, colour: str) -> None:
    """Where the needle lies and where its answer is due."""
    if made.text.needle:
        axes.axvline(made.text.needle[0], color=colour, linewidth=1, linestyle=":")
    if made.text.answer is not None:
        axes.axvline(made.text.answer, color=colour, linewidth=1, linestyle="--")


def _along(made: Diagnosis) -> str:
    marks = "; dotted: the needle, dashed: the answer" if made.text.needle else ""
    return f"token of the text{marks}"


def _stacked(made: Diagnosis, name: str) -> NDArray[np.float64]:
    """(layers, tokens)."""
    return np.stack([series[name].double().numpy() for series in made.series.values()])


def _binned(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of so many neighbours that there are at most `BINS`."""
    return np.array([part.mean() for part in np.array_split(line, min(BINS, len(line)))])


def _columns(layers: dict[int, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    some = next(iter(layers.values()))
    return {name: column for name, column in COLUMNS.items() if name in some}


def _write_json(path: Path, made: Sequence[Diagnosis], about: dict[str, Any], source: str) -> None:
    texts, layers = means(made)
    first = made[0]
    content = {
        "version": __version__,
        "about": about,
        "source": source,
        "texts": texts,
        "layers": layers,
        "each": [{"text": one.figures, "layers": one.layers} for one in made],
        "first": {
            "ids": first.text.ids,
            "answer": first.text.answer,
            "needle": first.text.needle,
            "gains": _rounded(first.gains.tolist()),
            "segment_ends": first.ends,
            "norms": {index: _rounded(line) for index, line in first.norms.items()},
            "series": {
                index: {name: _rounded(series[name].tolist()) for name in PER_TOKEN}
                for index, series in first.series.items()
            },
        },
    }
    with replaced(path) as part:
        part.write_text(json.dumps(content) + "\n", encoding="utf-8")


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in values]
