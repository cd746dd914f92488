"""Progress on standard error, where it disturbs no output."""

from __future__ import annotations

import logging
import os
import sys
import warnings
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
    """One bar per named piece of work; call it as `(name, done, all)`, 0 for "unknown".

    Where standard error is no terminal, a line for every tenth of the work instead.
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._lines = not console.is_terminal
        self._tenths: dict[str, int] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self._lines,
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

    def __call__(self, name: str, done: int, total: int) -> None:
        if self._lines:
            self._line(name, done, total)
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total or None)
        self._progress.update(self._tasks[name], completed=done, total=total or None)
        if total and done >= total:
            self._progress.update(self._tasks[name], visible=False)

    def _line(self, name: str, done: int, total: int) -> None:
        tenth = 10 * done // total if total else 0
        if self._tenths.get(name) != tenth:
            self._tenths[name] = tenth
            print(f"{name} {10 * tenth}%" if total else f"{name} ...", file=sys.stderr, flush=True)


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
