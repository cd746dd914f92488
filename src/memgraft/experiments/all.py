"""The experiments by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.experiments import continual, forgetting, long_range
from memgraft.experiments.systems import SYSTEMS
from memgraft.train.loop import Progress


def run(
    name: str,
    out: Path,
    quick: bool = False,
    seeds: int = 3,
    size: int = 2,
    systems: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Run an experiment, or go on with it; returns the results of its runs.

    Args:
        systems: only these; those that the experiment does not have are left out.

    Raises:
        InvalidInput: there is no such experiment, or none of the systems is in it.
    """
    chosen: dict[str, tuple[Any, Any, Sequence[str]]] = {
        "long-range": (long_range.LongRange, long_range.run_long_range, SYSTEMS),
        "continual": (continual.Continual, continual.run_continual, continual.SYSTEMS),
        "forgetting": (forgetting.Forgetting, forgetting.run_forgetting, forgetting.SYSTEMS),
    }
    if name not in chosen:
        raise InvalidInput(f"there is no experiment {name!r}", expected=", ".join(chosen))
    kind, start, known = chosen[name]
    wanted = [one for one in known if systems is None or one in systems]
    if not wanted:
        raise InvalidInput(
            f"{name} has none of these systems",
            expected=", ".join(known),
            got=", ".join(systems or ()),
        )
    config = replace(kind.quick() if quick else kind(), size=size)
    results: list[dict[str, Any]] = start(config, out, seeds, wanted, progress)
    return results
