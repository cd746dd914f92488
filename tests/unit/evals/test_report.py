"""The report: a table that holds every system and size, and pictures beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import MissingExtra
from memgraft.evals.plots import draw
from memgraft.evals.report import as_text, table, write_report

SYSTEMS = ("weights: closed-form", "weights: lora", "none")
PNG = b"\x89PNG"


def figures(system: str, stack: int, **more: Any) -> dict[str, Any]:
    """Invented ones, as `evaluate` gives them."""
    home, _, writer = system.partition(": ")
    return {
        "home": home,
        "system": system,
        "writer": writer or None,
        "stack": stack,
        "n": 120,
        "question": 0.9,
        "paraphrase": 0.7,
        "question_exact": 0.0,
        "paraphrase_exact": 0.0,
        "neighbour_safe": 0.95,
        "neighbour_unchanged": 0.8,
        "gate_open_neighbours": 0.2,
        "unrelated_unchanged": 0.99,
        "refused": 0.0,
        "write_ms_p50": 1234.5,
        "answer_ms_p50": 400.0,
        "route_ms_p50": 0.125,
        "bytes_per_fact": 6954.0,
        "peak_mb": None,
        "misses": [],
        **more,
    }


def measured(*stacks: int, **more: Any) -> list[dict[str, Any]]:
    return [figures(system, stack, **more) for stack in stacks for system in SYSTEMS]


def test_a_line_per_system_and_size() -> None:
    lines = table(measured(10, 1000)).splitlines()
    assert len(lines) == 2 + 2 * len(SYSTEMS)
    assert lines[0].startswith("| system | facts | question | paraphrase | neighbours safe |")
    assert lines[-2].startswith("| weights: lora | 1,000 | 0.900 | 0.700 | 0.950 |")
    assert len({line.count("|") for line in lines}) == 1
    assert "peak MB" not in lines[0], "nobody measured it"
    assert "locality" not in lines[0]


def test_columns_of_editing_benchmarks() -> None:
    edits = [figures("none", 10), figures("weights: lora", 10, locality=0.5, fluency=5.125)]
    *_, first, second = table(edits).splitlines()
    assert "| - |" in first
    assert "| 0.500 | 5.12 |" in second


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("question", 0.5, "0.500"),
        ("question", None, "-"),
        ("write_ms_p50", 12345.6, "12,346"),
        ("route_ms_p50", 0.256, "0.26"),
        ("bytes_per_fact", 84295.3, "84,295"),
        ("peak_mb", 1261.8, "1,262"),
    ],
)
def test_figures_as_text(name: str, value: float | None, text: str) -> None:
    assert as_text(name, value) == text


@pytest.mark.parametrize("stacks", [(50,), (1, 10, 100)])
def test_the_report_and_its_pictures(tmp_path: Path, stacks: tuple[int, ...]) -> None:
    write_report(
        tmp_path,
        measured(*stacks),
        command="memgraft eval injection --stack 1",
        facts="facts.jsonl",
        model="tiny",
    )
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "memgraft eval injection --stack 1" in text
    assert "model tiny" in text
    assert "120 facts of facts.jsonl" in text
    assert table(measured(*stacks)) in text
    for name in ("recall", "locality", "write_time"):
        assert f"({name}.png)" in text
        assert (tmp_path / f"{name}.png").read_bytes().startswith(PNG)
    assert "peak MB" not in text


def test_a_picture_without_figures_is_not_drawn(tmp_path: Path) -> None:
    none = {"neighbour_safe": None, "unrelated_unchanged": None}
    assert set(draw(measured(10, **none), tmp_path)) == {"Recall", "Write time"}
    assert not (tmp_path / "locality.png").exists()


def test_matplotlib_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"pip install 'memgraft\[plot\]'"):
        draw(measured(10), tmp_path)
