"""Curves of recall: means over seeds, and a report with every figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput
from memgraft.evals.recall_curve import Point, curve_table, curves, draw_curves
from memgraft.evals.recall_report import write_recall_report


def result(task: str, model: str, seed: int, accuracies: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "task": task,
        "model": model,
        "seed": seed,
        "parameters": 40_000 - seed,
        "chance": 0.04,
        "minutes": 1.5,
        "settings": {
            "sizes": {"layers": 2, "width": 32, "window": 4},
            "loop": {"steps": 700},
            "training": {"batch": 64},
            "sequences": {"pairs": 8, "queries": None},
        },
        "curve": [
            {"mode": mode, "factor": factor, "distance": 30.0 * factor, "accuracy": accuracy}
            for mode, values in accuracies.items()
            for factor, accuracy in zip((1, 20), values, strict=True)
        ],
    }


RESULTS = [
    result("mqar", "linear", 0, {"on": [1.0, 0.9], "read": [0.04, 0.03]}),
    result("mqar", "linear", 1, {"on": [0.9, 0.7], "read": [0.04, 0.05]}),
    result("mqar", "window", 0, {"on": [0.03, 0.05]}),
    result("hops", "mlp", 0, {"on": [0.5, 0.25], "read": [0.02, 0.02]}),
]


def test_seeds_are_gathered() -> None:
    found = curves(RESULTS)
    assert list(found) == ["mqar", "hops"]
    near, far = found["mqar"]["linear", "on"]
    assert near == Point(1, 30.0, (1.0, 0.9))
    assert (far.factor, far.distance) == (20, 600.0)
    assert far.mean == pytest.approx(0.8)
    assert far.spread == pytest.approx(0.02**0.5)
    assert found["mqar"]["window", "on"][0].spread == 0.0


def test_the_table_has_a_row_per_line_and_a_column_per_distance() -> None:
    lines = curve_table(curves(RESULTS)["mqar"]).splitlines()
    assert lines[0] == "|  | as in training | 20 times |"
    assert lines[2:] == [
        "| window + linear memory | 0.950 ± 0.071 | 0.800 ± 0.141 |",
        "| linear, writing disabled | 0.040 ± 0.000 | 0.040 ± 0.014 |",
        "| window alone | 0.030 | 0.050 |",
    ]


def test_a_figure_that_is_missing_is_a_dash() -> None:
    other = result("mqar", "full", 0, {"on": [0.5, 0.25]})
    del other["curve"][1]
    assert curve_table(curves([*RESULTS, other])["mqar"]).splitlines()[-1] == (
        "| attention to everything | 0.500 | - |"
    )


def test_the_report_has_all_figures_and_pictures(tmp_path: Path) -> None:
    write_recall_report(tmp_path, RESULTS, "memgraft train recall --out here")
    text = (tmp_path / "report.md").read_text()
    for told in (
        "memgraft train recall --out here",
        "0.800 ± 0.141",
        "39,999 to 40,000 parameters",
        "6 minutes of training",
        "700 steps of 64 sequences (pairs 8)",
        "Chance is 0.040",
        "MLP, step θ",
    ):
        assert told in text, told
    for picture in ("recall.png", "stability.png"):
        assert picture in text
        assert 10_000 < (tmp_path / picture).stat().st_size < 200_000
    assert json.loads((tmp_path / "results.json").read_text()) == RESULTS


def test_without_results_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no results"):
        write_recall_report(tmp_path / "out", [], "")
    assert not (tmp_path / "out").exists()


def test_one_task_is_drawn_alone(tmp_path: Path) -> None:
    draw_curves(curves(RESULTS[:1]), {"mqar": 0.04}, tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 10_000
