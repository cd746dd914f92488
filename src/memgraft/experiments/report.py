"""An experiment's folder: results as JSON, figures, and a report for people."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memgraft import __version__
from memgraft.core.errors import InvalidInput
from memgraft.core.folder import replaced
from memgraft.evals.pictures import Picture
from memgraft.evals.pictures_html import draw_html
from memgraft.evals.pictures_png import draw_png
from memgraft.experiments import (
    pictures_continual,
    pictures_forgetting,
    pictures_long_range,
    tables,
)
from memgraft.experiments.runs import SETTINGS, read_json, write_json

RESULTS, REPORT, PAGE, RUNS = "results.json", "report.md", "figures.html", "runs"
# What tells one run of an experiment from another.
NAMED = ("family", "system", "seed")


@dataclass(frozen=True)
class Form:
    """How an experiment is told."""

    title: str
    about: str
    table: Callable[[Sequence[dict[str, Any]]], str]
    pictures: Callable[[Sequence[dict[str, Any]]], list[Picture]]


FORMS = {
    "long-range": Form(
        "Long range",
        "Accuracy of what was shown a number of windows ago. recall: pairs of key and value, then "
        "a key; copy: symbols again, one after the other; latest: the symbol at the last of some "
        "marks. All systems have equally many parameters and were trained on the same sequences, "
        "over 1 to 10 windows.",
        tables.long_range,
        pictures_long_range.pictures,
    ),
    "continual": Form(
        "Continual learning",
        "Tasks one after the other, each seen in its turn only. average: accuracy on all tasks in "
        "the end; forgetting: what the best accuracy on a task before the last was above its "
        "accuracy in the end (Chaudhry et al. 2018); backward and forward: transfer (Lopez-Paz and "
        "Ranzato 2017); learned: accuracy on each task right after it.",
        tables.continual,
        pictures_continual.pictures,
    ),
    "forgetting": Form(
        "Forgetting",
        "More items than slots, half of which are of a kind that is never asked for. Gates are of "
        "writing a value, lifetimes the median number of segments until it is overwritten "
        "(Kaplan-Meier over the lives of all seeds; > n where most outlive n, the last observed), "
        "both by whether it may be asked.",
        tables.forgetting,
        pictures_forgetting.pictures,
    ),
}


def write_report(name: str, results: Sequence[dict[str, Any]], folder: Path, command: str) -> None:
    """Write results, figures and report of an experiment into a folder, which holds its runs.

    With the results go the date, the version and the settings that they were made with. Results
    that are written again as they were keep their date and version.

    Raises:
        MissingExtra: matplotlib or plotly is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain = json.loads(json.dumps(results))
    before = read_json(folder / RESULTS)
    made = {"date": datetime.date.today().isoformat(), "version": __version__}
    if before is not None and before.get("results") == plain:
        made = {key: before[key] for key in made if key in before}
    content = {"experiment": name, "command": command, **made, "settings": _settings(folder, plain)}
    write_json(folder / RESULTS, {**content, "results": plain})
    redraw(folder)


def redraw(folder: Path) -> list[Path]:
    """Draw figures and report anew from a folder's results; returns the files.

    Date, version and settings are those of the results, unknown where they do not say.

    Raises:
        InvalidInput: the folder holds no results.
        MissingExtra: matplotlib or plotly is not installed.
    """
    content = read_json(folder / RESULTS)
    if content is None or content.get("experiment") not in FORMS:
        raise InvalidInput(
            f"{folder} holds no results",
            expected=f"{RESULTS}, as memgraft experiment writes it",
            next_step="name the folder of an experiment",
        )
    form, results = FORMS[content["experiment"]], content["results"]
    pictures = form.pictures(results)
    files = [draw_png(picture, folder) for picture in pictures]
    files.append(draw_html(pictures, folder / PAGE, form.title))
    seeds = len({row["seed"] for row in results})
    parts = [
        f"# {form.title}",
        f"```\n{content['command']}\n```",
        _provenance(content),
        f"{form.about} Means over {seeds} seeds, ± the standard deviation over them."
        if seeds > 1
        else f"{form.about} One seed.",
        form.table(results),
        f"All figures to zoom into: [{PAGE}]({PAGE}).",
        *(f"![{picture.title}]({picture.name}.png)" for picture in pictures),
    ]
    with replaced(folder / REPORT) as part:
        part.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return [*files, folder / REPORT]


def _settings(folder: Path, results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The settings that the runs of these results share, from the files beside the runs."""

    def name(row: dict[str, Any]) -> list[Any]:
        return [row.get(key) for key in NAMED]

    wanted = [name(row) for row in results]
    kept = [read_json(path) for path in sorted((folder / RUNS).rglob(SETTINGS))]
    first, *others = [one for one in kept if name(one) in wanted] or [{}]
    return {
        key: value
        for key, value in first.items()
        if key not in NAMED and all(one.get(key) == value for one in others)
    }


def _provenance(content: dict[str, Any]) -> str:
    date, version = (content.get(key, "unknown") for key in ("date", "version"))
    settings = content.get("settings")
    told = ", ".join(f"{k} {v}" for k, v in settings.items()) if settings else "unknown"
    return f"Date {date}, memgraft {version}. Settings: {told}."
