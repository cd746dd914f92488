"""`memgraft train seed`: it leaves a file that the writer loads."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from memgraft.cli.train import app
from memgraft.host.load import Host
from memgraft.injection.peers.seed import SeedWriter
from memgraft.train.loop import CHECKPOINT
from memgraft.train.seed import SeedTask


def test_it_trains_and_the_writer_loads_the_file(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(host, model=copy.deepcopy(host.model))
    monkeypatch.setattr("memgraft.host.load.load_host", lambda *_: own)
    monkeypatch.setattr(SeedTask, "recall", lambda *_: 0.5)
    words = "--steps 2 --batch-size 2 --lr 1e-3 --seed 1 --device cpu --no-half"
    command = ["seed", "--out", str(tmp_path), *words.split()]
    CliRunner().invoke(app, command, catch_exceptions=False, standalone_mode=False)
    assert (tmp_path / CHECKPOINT).is_file()
    written = SeedWriter.load(own, tmp_path / "encoder.safetensors")
    assert written.encoder.config.hidden == own.model.config.hidden_size
