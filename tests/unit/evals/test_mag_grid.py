"""The grid: what it measures, with models of which it is known what they can do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.data.code_retrieval import CodeRetrievalConfig
from memgraft.data.dependency import DependencyConfig
from memgraft.data.hash_hop import HashHopConfig
from memgraft.data.needle import NeedleConfig
from memgraft.data.samples import Sample
from memgraft.evals import mag_grid
from memgraft.evals.mag_grid import MORE, Cells, GridConfig, decode_scores, evaluate
from memgraft.evals.mag_report import depth_rows, summary_rows, write_grid_report
from memgraft.evals.mag_subject import Subject
from memgraft.evals.mag_tasks import GridTask
from memgraft.evals.results import FILE

TinyHost = Callable[[str], Any]
SIGHT = 90
GRID = GridConfig(lengths=(400, 600), depths=(0.0, 1.0), samples=3, modes=("on", "off"), batch=2)
TASK = GridTask(NeedleConfig())


class Inducer:
    """Goes on as the text did after its last words, where it has seen them; else says 0."""

    def __init__(self, config: Any, words: int = 12) -> None:
        self.config, self.words, self.device = config, words, torch.device("cpu")
        self.sight: int | None = None
        self.model = self

    def lm_head(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden

    @contextmanager
    def memories_set_to(self, mode: str) -> Iterator[None]:
        self.sight = None if mode == "on" else SIGHT
        yield

    def __call__(
        self, input_ids: torch.Tensor, attention_mask: Any, past_key_values: Any, use_cache: bool
    ) -> Any:
        seen = getattr(past_key_values, "seen", [[] for _ in input_ids])
        hidden = torch.zeros(*input_ids.shape, self.config.vocab_size)
        for number, row in enumerate(input_ids.tolist()):
            for place, token in enumerate(row):
                seen[number].append(token)
                hidden[number, place, self.next(seen[number])] = 1
        past_key_values.seen = seen
        return SimpleNamespace(last_hidden_state=hidden)

    def next(self, seen: list[int]) -> int:
        sight = seen if self.sight is None else seen[-self.sight :]
        suffix = seen[-self.words :]
        for start in range(len(sight) - self.words - 1, -1, -1):
            if sight[start : start + self.words] == suffix:
                return sight[start + self.words]
        return 0


@pytest.fixture
def subject(tiny_host: TinyHost) -> Subject:
    host = tiny_host("llama")
    about = {"model": "x", "branch": "y", "window": 60, "dtype": "float32", "device": "cpu"}
    inducer = Inducer(host.model.config)
    return Subject(
        inducer, host.model, host.tokenizer, host.end_ids, "f", {**about, "patch": {}, "card": {}}
    )


def test_a_memory_that_recalls_and_a_window_that_cannot(subject: Subject) -> None:
    cells = evaluate(subject, TASK, GRID)
    assert [(c["length"], c["depth"], c["mode"]) for c in cells] == [
        (length, depth, mode)
        for length in (400, 600)
        for depth in (0.0, 1.0)
        for mode in GRID.modes
    ]
    for cell in cells:
        near = cell["depth"] == 1.0
        recalled = cell["mode"] == "on" or near  # at the end it lies in sight
        assert cell["n"] == 3
        for score in ("exact", "contains", "all", "tokens"):
            assert cell[score] == (1.0 if recalled else 0.0), cell
        assert (cell["distance"] < 150) == near
        assert {row["index"] for row in cell["rows"]} == {0, 1, 2}


def test_only_what_is_asked_for_is_scored(subject: Subject) -> None:
    for way, names in {
        "decode": {"exact", "contains"},
        "teacher-forced": {"all", "tokens"},
    }.items():
        config = GridConfig(lengths=(400,), depths=(0.5,), samples=1, scoring=(way,))
        [cell, *_] = evaluate(subject, TASK, config)
        assert {"exact", "contains", "all", "tokens"} & set(cell) == names
        assert cell[config.scores[0]] == 1.0


@pytest.mark.parametrize(
    "config", [HashHopConfig(hops=(1,)), DependencyConfig(hops=(1,)), CodeRetrievalConfig()]
)
def test_other_tasks(config: Any, subject: Subject) -> None:
    """The inducer needs the words before an answer as the question has them; hash-hop has."""
    grid = GridConfig(lengths=(900,), depths=(None, 0.5), samples=2, modes=("on",))
    cells = evaluate(subject, GridTask(config), grid)
    assert [cell["depth"] for cell in cells] == [None, 0.5]
    if isinstance(config, HashHopConfig):
        assert all(cell["exact"] == 1.0 for cell in cells)


@pytest.mark.parametrize(
    ("said", "exact", "contains"),
    [
        (" 48213.\nA", 1, 1),
        ("48213", 1, 1),
        (" 482134", 0, 0),
        (" It is 48213, he said", 0, 1),
        (" 4821", 0, 0),
        (" x48213", 0, 0),
        ("", 0, 0),
    ],
)
def test_what_counts_as_said(said: str, exact: int, contains: int) -> None:
    assert decode_scores(said, " 48213") == {"exact": exact, "contains": contains}


def test_targets_are_no_patterns() -> None:
    assert decode_scores(" 'axb'", " 'a.b'") == {"exact": 0, "contains": 0}
    assert decode_scores(" 'a.b' = ", " 'a.b'") == {"exact": 1, "contains": 1}


class Speaker:
    """Says given texts, a letter at a time, whatever was read."""

    class tokenizer:
        @staticmethod
        def decode(row: list[int], skip_special_tokens: bool) -> str:
            return "".join(map(chr, row))

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ends: tuple[int, ...] = ()
        monkeypatch.setattr(mag_grid, "greedy", self._greedy)

    def scores(self, *pairs: tuple[str, str]) -> list[dict[str, int]]:
        """Of what is said where a target is due, all of them in one batch."""
        samples = [Sample("", due, {}) for _, due in pairs]
        targets = [[ord(letter) for letter in due] for _, due in pairs]
        texts = [text for text, _ in pairs]
        said = mag_grid._said(self, None, texts, targets, samples)  # type: ignore[arg-type]
        return [decode_scores(one, due) for one, (_, due) in zip(said, pairs, strict=True)]

    def _greedy(
        self, model: Any, texts: list[str], steps: int, ends: Any, enough: Any
    ) -> list[list[int]]:
        said: list[list[int]] = [[] for _ in texts]
        for step in range(steps):
            for row, text in zip(said, texts, strict=True):
                row += [ord(letter) for letter in text[step : step + 1]]
            self.steps = step + 1
            if enough(said):
                break
        return said


@pytest.mark.parametrize(
    ("said", "exact", "contains"),
    [
        (" is 123456.", 0, 0),
        (" is 12345.", 0, 1),
        (" 12345 it is", 1, 1),
        (" 12345", 1, 1),
        (" nothing of the kind at all: 12345", 0, 0),  # after more words than it is given
    ],
)
def test_scores_are_the_same_in_any_batch(
    said: str, exact: int, contains: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker(monkeypatch)
    assert len(said) <= len(" 12345") + MORE or not contains
    wanted = {"exact": exact, "contains": contains}
    [alone] = speaker.scores((said, " 12345"))
    beside, _ = speaker.scores((said, " 12345"), (" no idea", f" {'9' * 40}"))
    assert alone == beside == wanted


def test_it_stops_where_the_target_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = Speaker(monkeypatch)
    speaker.scores((" 12345, and so on for ever", " 12345"))
    assert speaker.steps == len(" 12345,")


class TestCells:
    def test_finished_cells_are_not_measured_again(self, subject: Subject, tmp_path: Path) -> None:
        told: list[int] = []
        first = evaluate(subject, TASK, GRID, Cells(tmp_path, {"a": (1,)}))
        lines = (tmp_path / FILE).read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(first) == 8
        # Two whole lines and a torn one: what an interruption leaves.
        torn = "\n".join(lines[:2]) + "\n" + lines[2][:50]
        (tmp_path / FILE).write_text(torn, encoding="utf-8")
        again = evaluate(
            subject, TASK, GRID, Cells(tmp_path, {"a": (1,)}), lambda _, d, a, n: told.append(d)
        )
        assert [c["exact"] for c in again] == [c["exact"] for c in first]
        assert again[0]["seconds"] == first[0]["seconds"]
        assert told[0] > 2 * 3 * 400 and told[-1] == 2 * 2 * 3 * (400 + 600)
        kept = [line for line in map(_json, (tmp_path / FILE).read_text().splitlines()) if line]
        assert len(kept) == 8

    def test_others_are_not_found(self, subject: Subject, tmp_path: Path) -> None:
        cell = {"mode": "on", "length": 400, "depth": 0.5}
        Cells(tmp_path, {"seed": 0}).add(cell, {"exact": 1})
        assert Cells(tmp_path, {"seed": 0}).find(cell) == {"exact": 1}
        assert Cells(tmp_path, {"seed": 1}).find(cell) is None
        assert Cells(tmp_path, {"seed": 0}).find({**cell, "depth": 0.6}) is None

    def test_a_folder_that_cannot_be_used(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(InvalidInput, match="for a report"):
            Cells(tmp_path / "file", {})


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def test_the_report(subject: Subject, tmp_path: Path) -> None:
    cells = evaluate(subject, TASK, GRID)
    write_grid_report(tmp_path, cells, GRID, command="x", about=subject.about, task=TASK.to_dict())
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| 600 | on | 6 | 1.000 |" in text
    assert "| 600 | off | 6 | 0.500 |" in text
    for name in ("heatmap-exact.png", "heatmap-tokens.png", "lengths.png"):
        assert f"]({name})" in text
        assert (tmp_path / name).stat().st_size > 5000
    assert "Missed" not in text
    missing = [{**cell, "mode": "on"} for cell in cells if cell["mode"] == "off"]
    grid = GridConfig(**{**GRID.to_dict(), "modes": ("on",)})
    write_grid_report(
        tmp_path, missing, grid, command="x", about=subject.about, task=TASK.to_dict()
    )
    assert "Missed with the memory on: 6" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_tables_average_over_depths() -> None:
    def cell(depth: float, exact: float, n: int) -> dict[str, Any]:
        where = {"mode": "on", "length": 1000, "depth": depth}
        return {**where, "n": n, "exact": exact, "distance": 10.0, "tokens_per_second": 5.0}

    cells = [cell(0.0, 1.0, 3), cell(1.0, 0.0, 1)]
    assert summary_rows(cells, ("exact",))[1] == ["1,000", "on", "4", "0.750", "5"]
    assert depth_rows(cells, "exact", "on")[1] == ["1,000", "1.00 (10)", "0.00 (10)"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"lengths": ()}, "no lengths"),
        ({"scoring": ("votes",)}, "votes"),
        ({"samples": 0}, "samples"),
        ({"segment": 0}, "segment"),
    ],
)
def test_grids_that_make_no_sense(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        GridConfig(**wrong)


def test_a_length_that_is_too_short(subject: Subject) -> None:
    with pytest.raises(InvalidInput, match="longer than the sample"):
        evaluate(subject, TASK, GridConfig(lengths=(30,)))
