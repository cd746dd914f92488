"""Progress on standard error, where it disturbs no output."""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)


class Bars:
    """One bar per named piece of work; call it as `(name, done, all, note)`, 0 for "unknown".

    Where standard error is no terminal, a line for every tenth of the work instead, and for
    every hundredth of work that takes hours.
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._plain = not console.is_terminal
        self._lines: dict[str, Lines] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self._plain,
            # Steps of training take seconds each: guess what remains from the last minutes.
            speed_estimate_period=600,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, name: str, done: int, total: int, note: str = "") -> None:
        if self._plain:
            line = self._lines.setdefault(name, Lines(name)).line(done, total, note)
            if line:
                print(line, file=sys.stderr, flush=True)
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total or None)
        shown = f"{name}, {note}" if note else name
        self._progress.update(
            self._tasks[name], description=shown, completed=done, total=total or None
        )
        if total and done >= total:
            self._progress.update(self._tasks[name], visible=False)


class Lines:
    """What is told of one piece of work in a log: when, how far, and what is left."""

    # A hundredth of the work gets a line of its own when the last line is this old, in seconds.
    OLD = 60.0

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._began: tuple[float, int] | None = None
        self._told = (-1, 0.0)

    def line(self, done: int, total: int, note: str = "") -> str | None:
        """The line that is due now, if one is."""
        now = self._clock()
        self._began = self._began or (now, done)
        percent = 100 * done // total if total else 0
        told, then = self._told
        if percent == told or (percent // 10 == told // 10 and now - then < self.OLD):
            return None
        self._told = (percent, now)
        if not total:
            return f"{self.name} ..."
        notes = "".join(f", {each}" for each in (note, self._left(now, done, total)) if each)
        return f"{self.name} {percent}%{notes}"

    def _left(self, now: float, done: int, total: int) -> str:
        """An estimate from the pace so far, where there is something to tell."""
        began, first = self._began or (now, done)
        seconds = (now - began) / max(1, done - first) * (total - done)
        if seconds < self.OLD:
            return ""
        return f"{timedelta(seconds=round(seconds))} left"


def prepare_libraries() -> None:
    """Settle the libraries' habits before they are imported: no bars or warnings of their own.

    Idle OpenMP threads sleep instead of spinning: with another busy process on the machine,
    spinning made a write six times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="transformers")
