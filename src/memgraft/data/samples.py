"""Samples of long-context tasks: an input, the target that is due, and where the needle lies."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.core.folder import replaced

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Sample:
    """One row of a file.

    `input` and `target` are texts, to be tokenised one by one and joined: targets begin with a
    space where a word follows. Of token tasks they are ids and labels of one length, where -100
    marks what is not learned. Where `metadata` has a `question`, the input ends in it, and in its
    place each question of `also`, pairs of question and target, could be asked. `ending` is what
    comes after a target. `apart` are texts that have nothing to do with the input.
    """

    input: str | list[int]
    target: str | list[int]
    metadata: dict[str, Any]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def endless(
    task: str, seed: int | str, start: int, make: Callable[[random.Random], Sample]
) -> Iterator[Sample]:
    """Samples number `start` and on.

    Each has a generator of its own, so that a stream can be taken up anywhere at no cost.
    """
    for index in itertools.count(start):
        made = make(random.Random(f"{task}-{seed}-{index}"))
        yield Sample(made.input, made.target, made.metadata | {"seed": seed, "index": index})


def require_size(tokens: int, depths: tuple[float, ...], hops: tuple[int, ...] = (1,)) -> None:
    """`InvalidInput` unless a text of that size, with needles so deep, could be made."""
    if tokens < 1:
        raise InvalidInput("a sample has at least one token", got=str(tokens))
    if not hops or min(hops) < 1:
        raise InvalidInput("a chain has at least one hop", got=", ".join(map(str, hops)) or "none")
    if any(not 0 <= depth <= 1 for depth in depths):
        raise InvalidInput(
            "a depth is a share of the context",
            expected="0 (at the beginning) to 1 (at the end)",
            got=", ".join(map(str, depths)),
        )


def write_samples(
    samples: Iterable[Sample], path: Path, total: int, progress: Progress | None = None
) -> None:
    """Write samples as JSON lines; the file appears when it is whole."""
    with replaced(path) as part, part.open("w", encoding="utf-8") as file:
        for done, sample in enumerate(samples, 1):
            file.write(sample.to_json() + "\n")
            if progress:
                progress("samples", done, total)


def read_samples(path: Path) -> Iterator[Sample]:
    """Samples of a JSONL file, one at a time.

    Raises:
        InvalidInput: the file cannot be read, or a line is no sample; the line's number is told.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield _parsed(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}", got=str(error)) from error


def _parsed(line: str, where: str) -> Sample:
    try:
        row = json.loads(line)
        sample = Sample(row["input"], row["target"], row["metadata"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{where} is no sample",
            expected="a JSON object with input, target and metadata",
            got=f"{type(error).__name__}: {error}",
        ) from error
    if not isinstance(sample.metadata, dict):
        raise InvalidInput(f"{where}: metadata is no object", got=repr(sample.metadata)[:80])
    return sample
