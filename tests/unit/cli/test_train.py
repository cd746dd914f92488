"""`memgraft train injection`: steps or epochs, fresh or resumed, and what it leaves behind."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from memgraft.cli.train import STEPS, _stacks, _steps, app
from memgraft.core.errors import InvalidInput
from memgraft.host.load import Host
from memgraft.injection.pretrained import load_encoder
from memgraft.train.injection import InjectionTask
from memgraft.train.loop import CHECKPOINT, LOG


@pytest.fixture
def base(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """What the command loads, whichever model it is told to."""
    own = replace(host, model=copy.deepcopy(host.model))
    monkeypatch.setattr("memgraft.host.load.load_host", lambda *_: own)
    return own


def run(out: Path, words: str) -> None:
    command = ["injection", "--out", str(out), *words.split()]
    CliRunner().invoke(app, command, catch_exceptions=False, standalone_mode=False)


def test_it_trains_resumes_and_leaves_a_card(
    base: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InjectionTask, "recall", lambda *_: 0.5)
    small = "--batch-size 4 --stack 2 --code 8 --rank 2 --layers 1,2 --device cpu --no-half "
    run(tmp_path, small + "--epochs 0.00016 --measure-every 1 --save-every 1")
    card = json.loads((tmp_path / "card.json").read_text())
    assert (card["steps"], card["epochs"], card["facts"]) == (2, 0.00016, 4)
    assert (card["sizes"]["rank"], card["sizes"]["layers"]) == (2, [1, 2])
    assert set(card["figures"]) == {"values", "phrasing", "relations", "values_4", "values_16"}
    assert load_encoder(base, tmp_path / "encoder.safetensors").config.code == 8
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(InvalidInput, match="checkpoint of an earlier run"):
        run(tmp_path, small + "--steps 3 --no-resume")
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    run(tmp_path, small + "--steps 3")
    rows = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all("values" in row for row in rows)  # the last one without being asked


def test_the_base_is_halved_but_for_the_frequencies_of_positions(
    base: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InjectionTask, "recall", lambda *_: 0.5)
    exact = {name: part.clone() for name, part in base.model.named_buffers()}
    run(tmp_path, "--batch-size 2 --stack 1 --code 8 --layers 1,2 --device cpu --steps 1")
    assert {part.dtype for part in base.model.parameters()} == {torch.bfloat16}
    assert exact and all(torch.equal(p, exact[name]) for name, p in base.model.named_buffers())
    row = json.loads((tmp_path / LOG).read_text())
    assert row["answering"] > 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--steps 3 --epochs 1", "exclude each other"),
        ("--layers 1,two", "--layers cannot be read"),
        ("--device abacus", "no device 'abacus'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memgraft.host.load.load_host", lambda *_: pytest.fail("loaded"))
    with pytest.raises(InvalidInput, match=told):
        run(tmp_path / "out", words)
    assert not (tmp_path / "out").exists()


def test_an_epoch_is_so_many_facts() -> None:
    assert _steps(None, None, 100) == STEPS
    assert _steps(7, None, 100) == 7
    assert _steps(None, 1.5, 50_000 / 32) == 2344
    assert _steps(None, 1e-9, 100) == 1


def test_stacks_divide_a_steps_facts() -> None:
    assert _stacks(16, 32) == (1, 1, 1, 1, 2, 4, 8, 16)
    assert _stacks(16, 12) == (1, 1, 1, 1, 2, 4)
    assert _stacks(1, 3) == (1, 1, 1, 1)
