"""What the report of forgetting says of lifetimes, and of where its figures come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from memgraft.evals.pictures import Picture
from memgraft.experiments import report
from memgraft.experiments.pictures_forgetting import pictures
from memgraft.experiments.runs import once
from memgraft.experiments.tables import PRESSED, forgetting
from memgraft.experiments.watch import habits
from memgraft.memnet.bank import Requests
from memgraft.memnet.config import MemNetConfig
from memgraft.memnet.model import Moment
from memgraft.memnet.state import MemNetState


def result(seed: int, asked: list[list[int]], never: list[list[int]]) -> dict[str, Any]:
    level = dict.fromkeys(PRESSED, 0.5) | {
        "by_age": [0.5] * 4,
        "lives": {"asked": asked, "never": never},
        "pictured": None,
    }
    return {"system": "memnet", "seed": seed, "pressure": {"0.5": level}}


RESULTS = [
    result(0, asked=[[2, 1, 3], [9, 0, 1]], never=[[3, 1, 2]]),
    result(1, asked=[[9, 0, 5]], never=[[3, 1, 1], [8, 0, 1]]),
]


def test_a_median_that_was_not_observed_is_told_as_such() -> None:
    row = forgetting(RESULTS).splitlines()[-1]
    assert row.endswith("| > 9 | 3 |")
    empty = [result(0, asked=[], never=[[3, 1, 2]])]
    assert forgetting(empty).splitlines()[-1].endswith("| - | 3 |")


def test_survival_is_drawn_of_all_seeds_to_the_end() -> None:
    (survival,) = (one for one in pictures(RESULTS) if one.name == "survival")
    asked, never = survival.panels
    assert list(asked.series[0].x) == [0.0, 2.0, 9.0]
    assert asked.series[0].y == pytest.approx([1.0, 6 / 9, 6 / 9])
    assert never.series[0].y == pytest.approx([1.0, 0.25, 0.25])
    (flat,) = (one for one in pictures([RESULTS[1]]) if one.name == "survival")
    assert (flat.panels[0].series[0].x, flat.panels[0].series[0].y) == ([0.0, 9.0], [1.0, 1.0])


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without their figures, which take longer than all else."""

    def drawn(picture: Picture, folder: Path) -> Path:
        return folder / picture.name

    monkeypatch.setattr(report, "draw_png", drawn)
    monkeypatch.setattr(report, "draw_html", lambda pictures, path, title: path)


def run(folder: Path, seed: int, steps: int) -> None:
    settings = {"system": "memnet", "seed": seed, "steps": steps, "window": 8}
    once(folder / "runs" / f"memnet-{seed}", settings, dict)


@pytest.mark.usefixtures("undrawn")
def test_a_report_drawn_again_tells_what_its_results_were_made_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, 0, 5)
    run(tmp_path, 1, 5)
    run(tmp_path, 2, 7)  # of no result here
    monkeypatch.setattr(report, "__version__", "0.0.1")
    report.write_report("forgetting", RESULTS, tmp_path, "the command")
    kept = json.loads((tmp_path / "results.json").read_text())
    assert kept["settings"] == {"steps": 5, "window": 8}
    kept["date"] = "2001-02-03"
    (tmp_path / "results.json").write_text(json.dumps(kept))

    monkeypatch.setattr(report, "__version__", "0.0.2")
    report.redraw(tmp_path)
    told = "Date 2001-02-03, memgraft 0.0.1. Settings: steps 5, window 8."
    assert told in (tmp_path / "report.md").read_text()
    report.write_report("forgetting", RESULTS, tmp_path, "the command")  # nothing ran again
    assert told in (tmp_path / "report.md").read_text()
    report.write_report("forgetting", RESULTS[:1], tmp_path, "the command")
    again = (tmp_path / "report.md").read_text()
    assert "memgraft 0.0.2" in again
    assert "2001" not in again


@pytest.mark.usefixtures("undrawn")
def test_results_that_do_not_say_where_they_are_from_are_of_unknown_origin(tmp_path: Path) -> None:
    content = {"experiment": "forgetting", "command": "the command", "results": RESULTS}
    (tmp_path / "results.json").write_text(json.dumps(content))
    report.redraw(tmp_path)
    told = "Date unknown, memgraft unknown. Settings: unknown."
    assert told in (tmp_path / "report.md").read_text()


def test_writes_are_counted_by_what_they_leave_and_not_by_the_mean_gate() -> None:
    config = MemNetConfig(window=4, slots=4, memory_heads=1)
    written = torch.diag(torch.tensor([0.9, 0.05, 0.2, 0.0]))[None, None]
    nothing = torch.zeros(1, 1, 4, 3)
    gate = written.sum(dim=-1)
    asked = Requests(nothing, nothing, nothing, nothing, nothing, gate)
    found = habits([Moment(asked, written, written, MemNetState.empty(config, 1))])
    assert found["writes_per_token"] == 0.5
    assert found["write_frequency"] == pytest.approx(1.15 / 4)
