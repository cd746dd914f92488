"""How the continual experiment chooses, measures and keeps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from memgraft.core.errors import FolderError, InvalidInput
from memgraft.data.continual import family
from memgraft.experiments import all as experiments
from memgraft.experiments.continual import (
    CHOSEN,
    ELASTIC,
    NEAREST,
    STRENGTH,
    SYSTEMS,
    Continual,
    accuracy,
    run_continual,
    settings,
)
from memgraft.experiments.report import write_report
from memgraft.experiments.systems import MemNetLearner, learner
from memgraft.memnet.model import Moment, Switches

SMALL = Continual(
    families=("facts-split",), size=1, tasks=2, steps=2, batch=2, examples=4, slots=48, lived=20
)


def test_every_system_that_learns_has_its_choice_and_says_so() -> None:
    assert set(CHOSEN) == set(SYSTEMS) - {NEAREST}
    named = {"family": "facts-split", "system": ELASTIC, "seed": 0}
    found = settings(Continual(), named)
    assert (found["lr"], found["steps"]) == CHOSEN[ELASTIC]
    assert found["elastic"] == STRENGTH["facts-split"]
    by_hand = settings(Continual(lr=0.5, steps=3, elastic=7.0), named)
    assert (by_hand["lr"], by_hand["steps"], by_hand["elastic"]) == (0.5, 3, 7.0)


def test_the_nearest_knows_the_facts_that_were_lived(tmp_path: Path) -> None:
    (row,) = run_continual(SMALL, tmp_path, 1, (NEAREST,))
    assert row["average"] == 1.0 and row["forgetting"] == 0.0
    assert row["trained"] == 0 and row["steps"] is None
    assert row["kept"] == 2 * 20 * (8 + 8)  # ids and labels of two tasks
    (fewer,) = run_continual(replace(SMALL, lived=5), tmp_path / "fewer", 1, (NEAREST,))
    assert fewer["average"] < 1.0


def test_what_is_kept_is_told(tmp_path: Path) -> None:
    names = ("memnet", "memnet-zeroed", "transformer-replay", "transformer-ewc", "lstm")
    rows = {row["system"]: row for row in run_continual(SMALL, tmp_path, 1, names)}
    assert rows["memnet"]["kept"] > 4 * 48 * (48 + 96)  # edges and slots
    assert rows["memnet-zeroed"]["kept"] == rows["lstm"]["kept"] == 0
    assert rows["transformer-replay"]["kept"] == 40 * (8 + 8)
    assert rows["transformer-ewc"]["kept"] == 2 * 2 * 4 * rows["transformer-ewc"]["trained"]


def test_measuring_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = family("facts-split", 2)
    model = learner("memnet", SMALL.memnet(tasks))
    assert isinstance(model, MemNetLearner)
    moments: list[Moment] = []
    whole = model.predict

    def watched(
        ids: Tensor, features: Tensor | None = None, switches: Switches | None = None
    ) -> Tensor:
        return whole(ids, features, switches, moments.append)

    monkeypatch.setattr(model, "predict", watched)
    accuracy(model, tasks.tasks[0][1], 10)
    assert moments and not any(moment.written.any() for moment in moments)
    assert not any(moment.state.slots.any() for moment in moments)
    watched(torch.tensor([[10]]))
    assert moments[-1].written.any()


def test_validation_is_another_run(tmp_path: Path) -> None:
    (row,) = run_continual(replace(SMALL, validation=True), tmp_path, 1, (NEAREST,))
    assert row["average"] == 1.0
    with pytest.raises(FolderError, match="other settings"):
        run_continual(SMALL, tmp_path, 1, (NEAREST,))


def test_what_a_folder_holds_with_the_same_settings_is_told_too(tmp_path: Path) -> None:
    run_continual(SMALL, tmp_path, 2, (NEAREST, "lstm"))
    run_continual(replace(SMALL, steps=1), tmp_path, 1, ("transformer-window",))
    (tmp_path / "facts-split" / "lstm-1" / "result.json").unlink()  # not done
    found = experiments.done("continual", SMALL, tmp_path)
    assert [(row["system"], row["seed"]) for row in found] == [
        (NEAREST, 0),
        ("lstm", 0),
        (NEAREST, 1),
    ]


@pytest.mark.parametrize("system", [NEAREST, "lstm"])
def test_one_system_alone_is_reported(system: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    rows = run_continual(SMALL, tmp_path / "runs", 1, (system,))
    write_report("continual", rows, tmp_path, "the command")
    text = (tmp_path / "report.md").read_text()
    assert f"| {system} |" in text and "stored examples alone" in text


def test_experiments_without_the_system_are_left_out() -> None:
    names = ("long-range", "continual", "forgetting")
    assert experiments.having(names) == list(names)
    assert experiments.having(names, ["lstm"]) == ["long-range", "continual"]
    assert experiments.having(names, [NEAREST]) == ["continual"]
    with pytest.raises(InvalidInput, match="no system typo"):
        experiments.having(names, ["lstm", "typo"])
