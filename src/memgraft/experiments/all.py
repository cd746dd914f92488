"""The experiments by their names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from memgraft.core.errors import InvalidInput
from memgraft.experiments import continual, forgetting, long_range
from memgraft.experiments.runs import RESULT, SETTINGS, read_json
from memgraft.experiments.systems import SYSTEMS
from memgraft.train.loop import Progress


@dataclass(frozen=True)
class Experiment:
    """What it takes to run one.

    settings: those of a run by the config and what names the run, as its folder holds them.
    """

    kind: Any
    start: Callable[..., list[dict[str, Any]]]
    systems: tuple[str, ...]
    settings: Callable[[Any, Mapping[str, Any]], dict[str, Any]]


def _settings(config: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    return {"system": named["system"], "seed": named["seed"], **asdict(config)}


KNOWN = {
    "long-range": Experiment(long_range.LongRange, long_range.run_long_range, SYSTEMS, _settings),
    "continual": Experiment(
        continual.Continual, continual.run_continual, continual.SYSTEMS, continual.settings
    ),
    "forgetting": Experiment(
        forgetting.Forgetting, forgetting.run_forgetting, forgetting.SYSTEMS, _settings
    ),
}


def having(names: Sequence[str], systems: Sequence[str] | None = None) -> list[str]:
    """Those of these experiments that have one of the systems; all, where no system is named.

    Raises:
        InvalidInput: there is no such experiment, or a system that none of them has.
    """
    found = [name for name in names if _wanted(name, systems)]
    known = dict.fromkeys(one for name in names for one in KNOWN[name].systems)
    unknown = [one for one in systems or () if one not in known]
    if unknown:
        raise InvalidInput(
            f"{', '.join(names)} has no system {', '.join(unknown)}", expected=", ".join(known)
        )
    return found


def run(
    name: str,
    out: Path,
    quick: bool = False,
    seeds: int = 3,
    size: int = 2,
    systems: Sequence[str] | None = None,
    progress: Progress | None = None,
    first: int = 0,
) -> list[dict[str, Any]]:
    """Run an experiment, or go on with it; returns the results of its runs.

    Args:
        systems: only these are run; those that the experiment does not have are left out. What
            `out` holds besides, of other systems or seeds, done with the same settings, is
            returned with them.
        first: the first of the seeds.

    Raises:
        InvalidInput: there is no such experiment, or it has none of the systems.
    """
    wanted = _wanted(name, systems)
    if not wanted:
        raise InvalidInput(
            f"{name} has none of these systems",
            expected=", ".join(KNOWN[name].systems),
            got=", ".join(systems or ()),
        )
    experiment = KNOWN[name]
    config = replace(experiment.kind.quick() if quick else experiment.kind(), size=size)
    experiment.start(config, out, seeds, wanted, progress, first)
    return done(name, config, out)


def done(name: str, config: Any, out: Path) -> list[dict[str, Any]]:
    """The results that `out` holds of runs with this config, by family, seed and system."""
    experiment = KNOWN[name]
    families = getattr(config, "families", ())
    found = []
    for path in out.rglob(SETTINGS):
        kept, result = read_json(path), read_json(path.with_name(RESULT))
        if result is None or kept.get("system") not in experiment.systems:
            continue
        if families and kept.get("family") not in families:
            continue
        if kept == json.loads(json.dumps(experiment.settings(config, kept))):
            found.append(result)

    def place(row: dict[str, Any]) -> tuple[int, int, int]:
        family = families.index(row["family"]) if families else 0
        return family, row["seed"], experiment.systems.index(row["system"])

    return sorted(found, key=place)


def _wanted(name: str, systems: Sequence[str] | None) -> list[str]:
    if name not in KNOWN:
        raise InvalidInput(f"there is no experiment {name!r}", expected=", ".join(KNOWN))
    return [one for one in KNOWN[name].systems if systems is None or one in systems]
