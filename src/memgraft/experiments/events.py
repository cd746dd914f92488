"""The logs of runs as TensorBoard reads them."""

from __future__ import annotations

import json
from pathlib import Path

from memgraft.core.errors import MissingExtra
from memgraft.train.loop import LOG


def check_tensorboard() -> None:
    """Raise `MissingExtra` now rather than after hours of training."""
    try:
        from torch.utils import tensorboard  # noqa: F401
    except ImportError as error:
        raise MissingExtra("TensorBoard logs", "experiments") from error


def write_events(runs: Path, out: Path) -> int:
    """Write every training log below `runs` as events below `out`; returns how many logs.

    A log that grew since is written anew.

    Raises:
        MissingExtra: tensorboard is not installed.
    """
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    logs = sorted(runs.rglob(LOG))
    for log in logs:
        folder = out / log.parent.relative_to(runs)
        for old in folder.glob("events.*"):
            old.unlink()
        with SummaryWriter(str(folder)) as writer:
            for line in log.read_text(encoding="utf-8").splitlines():
                figures = json.loads(line)
                step = figures.pop("step")
                for name, value in figures.items():
                    writer.add_scalar(name, value, step)
    return len(logs)
