"""Recall over lengths and depths, with the memory on, off, not written, and with full attention.

Two ways of scoring. `decode`: the model goes on by itself, greedily; `exact`, what it says begins
with the target, and `contains`, the target stands in what it says. `teacher-forced`: the target is
given token by token; `tokens`, share of its tokens that were the most likely ones, and `all`,
samples of which all were.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from memgraft.core.config import Config
from memgraft.core.errors import InvalidInput
from memgraft.data.samples import Sample
from memgraft.evals.mag_stream import forced, greedy, read
from memgraft.evals.mag_subject import Subject
from memgraft.evals.mag_tasks import GridTask
from memgraft.evals.results import Journal

SCORINGS = ("decode", "teacher-forced")
# What each way of scoring measures; the first is its main figure.
SCORES = {"decode": ("exact", "contains"), "teacher-forced": ("all", "tokens")}
# Tokens beyond the target's in which it may still be said, after some words of introduction.
MORE = 24

Progress = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class GridConfig(Config):
    """What is measured."""

    lengths: tuple[int, ...] = (1024, 2048)  # tokens, target included
    depths: tuple[float | None, ...] = (0.0, 0.5, 1.0)  # None: where the generator likes
    samples: int = 4  # per cell
    modes: tuple[str, ...] = ("on", "off", "write-disabled")  # see `mag_subject.MODES`
    scoring: tuple[str, ...] = SCORINGS
    segment: int = 512  # tokens that are read at once
    batch: int = 4  # samples that are read at once

    def __post_init__(self) -> None:
        for name in ("lengths", "depths", "modes", "scoring"):
            values = tuple(dict.fromkeys(getattr(self, name)))
            object.__setattr__(self, name, values)
            if not values:
                raise InvalidInput(f"no {name} to measure", expected="one or more")
        for name in ("samples", "segment", "batch"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} is at least 1", got=str(getattr(self, name)))
        for way in self.scoring:
            if way not in SCORINGS:
                raise InvalidInput(f"nothing is scored by {way!r}", expected=" or ".join(SCORINGS))

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of what is measured."""
        return tuple(name for way in SCORINGS if way in self.scoring for name in SCORES[way])


class Cells(Journal):
    """Finished cells and their figures."""

    def find(self, cell: dict[str, Any]) -> dict[str, Any] | None:
        """The figures of a cell, if they were measured before."""
        return self._find({"settings": self.settings, "cell": cell})

    def add(self, cell: dict[str, Any], figures: dict[str, Any]) -> None:
        """They are in the file when this returns."""
        self._add({"settings": self.settings, "cell": cell}, figures)


def evaluate(
    subject: Subject,
    task: GridTask,
    config: GridConfig,
    cells: Cells | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """The figures of every cell, by length, depth and mode; those kept in `cells` are not
    measured again.

    Raises:
        InvalidInput: a length is too short for the task, or the subject has no such mode.
    """
    for mode in config.modes:
        subject.require(mode)
    kept = Cells(None, {}) if cells is None else cells
    wanted = [(length, depth) for length in config.lengths for depth in config.depths]
    due = sum(length for length, _ in wanted) * config.samples * len(config.modes)
    done, measured = 0, []
    for length, depth in wanted:
        samples: list[Sample] | None = None
        for mode in config.modes:
            cell = {"mode": mode, "length": length, "depth": depth}
            figures = kept.find(cell)
            if figures is None:
                samples = samples or task.samples(subject.tokenizer, length, depth, config.samples)
                bar = _Bar(progress, done, due, f"{length} tokens, depth {depth}, {mode}")
                figures = _measured(subject, mode, samples, config, bar)
                kept.add(cell, figures)
            measured.append({**cell, **figures})
            done += length * config.samples
    if progress:
        progress("tokens", due, due, "")
    return measured


class _Bar:
    """Tells of tokens that were read in one cell."""

    def __init__(self, progress: Progress | None, done: int, due: int, note: str) -> None:
        self._progress, self._done, self._due, self._note = progress, done, due, note

    def __call__(self, tokens: int) -> None:
        self._done += tokens
        if self._progress:
            self._progress("tokens", min(self._done, self._due), self._due, self._note)


def _measured(
    subject: Subject, mode: str, samples: Sequence[Sample], config: GridConfig, told: _Bar
) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    began, seconds = time.perf_counter(), 0.0
    with subject.reader(mode) as model:
        for at in range(0, len(samples), config.batch):
            some = samples[at : at + config.batch]
            made, reading = _scored(subject, model, some, config, told)
            rows += made
            seconds += reading
    tokens = sum(row["tokens_read"] for row in rows)
    means = {name: sum(row[name] for row in rows) / len(rows) for name in config.scores}
    return {
        "n": len(rows),
        **{name: round(value, 4) for name, value in means.items()},
        "distance": round(sum(row["distance"] for row in rows) / len(rows), 1),
        "seconds": round(time.perf_counter() - began, 2),
        "tokens_per_second": round(tokens / seconds, 1),
        "rows": rows,
    }


def _scored(
    subject: Subject, model: Any, samples: Sequence[Sample], config: GridConfig, told: _Bar
) -> tuple[list[dict[str, Any]], float]:
    """A row per sample, and the seconds that it took to read them."""
    inputs = [_ids(subject, sample.input) for sample in samples]
    targets = [_ids(subject, sample.target) for sample in samples]
    began = time.perf_counter()
    reading = read(model, inputs, config.segment, told)
    seconds = time.perf_counter() - began
    rows = [
        {
            "index": sample.metadata["index"],
            "distance": max(sample.metadata["distances"]),
            "tokens_read": len(ids),
            "due": sample.target,
        }
        for sample, ids in zip(samples, inputs, strict=True)
    ]
    if "decode" in config.scoring:
        twice = "teacher-forced" in config.scoring
        own = copy.deepcopy(reading) if twice else reading
        for row, said in zip(rows, _said(subject, model, own, targets, samples), strict=True):
            row |= {"said": said, **decode_scores(said, str(row["due"]))}
    if "teacher-forced" in config.scoring:
        for row, right in zip(rows, forced(model, reading, targets), strict=True):
            row |= {"tokens": round(sum(right) / len(right), 4), "all": int(all(right))}
    return rows, seconds


def _said(
    subject: Subject,
    model: Any,
    reading: Any,
    targets: Sequence[Sequence[int]],
    samples: Sequence[Sample],
) -> list[str]:
    """What the model goes on with, up to where every row has said its target and a bit more.

    Scores of a row do not depend on the others that are read with it.
    """
    limits = [len(due) + MORE for due in targets]

    def texts(said: list[list[int]]) -> list[str]:
        return [
            str(subject.tokenizer.decode(row[:limit], skip_special_tokens=True))
            for row, limit in zip(said, limits, strict=True)
        ]

    def enough(said: list[list[int]]) -> bool:
        return all(
            len(row) >= limit or _settled(text, str(sample.target))
            for row, limit, text, sample in zip(said, limits, texts(said), samples, strict=True)
        )

    return texts(greedy(model, reading, max(limits), subject.ends, enough))


def decode_scores(said: str, target: str) -> dict[str, int]:
    """Whether what is said begins with the target, or holds it; as whole words, either way."""
    due = re.escape(target.strip())
    return {
        "exact": int(re.match(rf"\s*{due}(?!\w)", said) is not None),
        "contains": int(_found(said, target) is not None),
    }


def _found(said: str, target: str) -> re.Match[str] | None:
    """The target in what is said, as whole words."""
    return re.search(rf"(?<!\w){re.escape(target.strip())}(?!\w)", said)


def _settled(said: str, target: str) -> bool:
    """Whether the target stays found whatever is said next.

    At the very end it might be the beginning of a longer number or word; so it might before a
    letter of which only some bytes were said.
    """
    found = _found(said, target)
    return found is not None and found.end() < len(said.rstrip("\N{REPLACEMENT CHARACTER}"))


def _ids(subject: Subject, text: Any) -> list[int]:
    ids: list[int] = subject.tokenizer(str(text), add_special_tokens=False).input_ids
    return ids
