"""Means and spreads over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any


def systems(results: Sequence[dict[str, Any]]) -> list[str]:
    """The systems, in the order in which they first come."""
    return list(dict.fromkeys(row["system"] for row in results))


def mean(values: Iterable[float | None]) -> float:
    """Of those that are there; NaN if none is."""
    there = [value for value in values if value is not None]
    return statistics.fmean(there) if there else float("nan")


def spread(values: Iterable[float | None]) -> float:
    """The sample standard deviation of those that are there; 0 of one."""
    there = [value for value in values if value is not None]
    return statistics.stdev(there) if len(there) > 1 else 0.0


def shown(values: Iterable[float | None], digits: int = 3) -> str:
    """Mean and spread as a table has them; "-" where there is nothing."""
    there = [value for value in values if value is not None]
    if not there:
        return "-"
    text = f"{mean(there):.{digits}f}"
    return f"{text} ± {spread(there):.{digits}f}" if len(there) > 1 else text


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
