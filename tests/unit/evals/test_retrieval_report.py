"""The report of retrieval: tables that hold every system, pictures beside them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from memgraft.core.errors import InvalidInput, MissingExtra
from memgraft.evals.retrieval import METRICS
from memgraft.evals.retrieval_report import category_rows, rows, summary, write_report

LABELS = {"1": "multi-hop"}
PNG = b"\x89PNG"


def means(value: float | None, questions: int) -> dict[str, Any]:
    return {"questions": questions, **dict.fromkeys(METRICS, value)}


def figures(system: str, value: float | None = 0.5) -> dict[str, Any]:
    """Invented ones, as `evaluate` gives them."""
    return {
        "system": system,
        "conversations": 2,
        "turns": 300,
        "skipped": 4,
        **means(value, 20),
        "all_categories": means(0.25, 30),
        "by_category": {"1": means(0.5, 20), "5": means(0.125, 10)},
        "ms_per_add": 12.345,
        "ms_per_add_beyond_embedding": 0.5,
        "ms_per_query": 20.0,
        "ms_per_query_beyond_embedding": 1.0,
    }


def test_a_line_per_system() -> None:
    head, first, second = rows([figures("bm25"), figures("rrf", None)])
    assert head[:4] == ["system", "R@5", "R@10", "R@50"]
    assert first[:4] == ["bm25", "50.0", "50.0", "50.0"]
    assert first[head.index("R@10, all")] == "25.0"
    assert first[head.index("add, ms")] == "12.35"
    assert second[:2] == ["rrf", "-"]


def test_categories_are_named_and_counted() -> None:
    assert category_rows([figures("bm25")], LABELS) == [
        ["system, R@10", "1 multi-hop (20)", "5 (10)"],
        ["bm25", "50.0", "12.5"],
    ]


def test_the_report_and_its_pictures(tmp_path: Path) -> None:
    given = [figures("bm25"), figures("minilm", 0.7)]
    folder = tmp_path / "deep" / "report"
    write_report(folder, given, command="memgraft eval", data="chats.json", labels=LABELS)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "memgraft eval" in text
    assert f"chats.json: {summary(given)}." in text
    assert "| minilm | 70.0 |" in text
    for name in ("recall.png", "categories.png"):
        assert f"({name})" in text
        assert (folder / name).read_bytes().startswith(PNG)
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == given


def test_a_report_without_averages(tmp_path: Path) -> None:
    write_report(tmp_path, [figures("bm25", None)], command="", data="", labels={})
    assert (tmp_path / "recall.png").read_bytes().startswith(PNG)


def test_where_no_report_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="for a report"):
        write_report(tmp_path / "file", [figures("a")], command="", data="", labels={})
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtra, match=r"memgraft\[plot\]"):
        write_report(tmp_path, [figures("a")], command="", data="", labels={})
