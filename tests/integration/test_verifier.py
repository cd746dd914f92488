"""The verifier on the real MiniLM: it learns, and what was trained comes back from its file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from memgraft.core.errors import FolderError
from memgraft.core.folder import save_arrays
from memgraft.injection.verifier import Verifier
from memgraft.train.loop import LoopConfig, train
from memgraft.train.verifier import VerifierTask, VerifierTraining

pytestmark = [pytest.mark.bundle, pytest.mark.slow]

QUESTIONS = ["What is my name?", "Where do I live?"]
FACTS = ["My name is Yusuf.", "I keep bees."]


def test_it_learns_and_is_saved(tmp_path: Path) -> None:
    verifier = Verifier.untrained()
    task = VerifierTask(verifier, config=VerifierTraining(facts=8, measured=8))
    frozen = verifier.model.encoder.layer[0].attention.self.query.weight.clone()
    with torch.no_grad():
        before = sum(float(task.loss(step)[0]) for step in range(100, 104))
    loop = LoopConfig(steps=25, lr=2e-4, warmup=2, decay=5, save_every=25, measure_every=25)
    train(task, loop, tmp_path)
    with torch.no_grad():
        after = sum(float(task.loss(step)[0]) for step in range(100, 104))
    assert after < before
    assert torch.equal(verifier.model.encoder.layer[0].attention.self.query.weight, frozen)
    verifier.save(tmp_path / "verifier.safetensors")
    loaded = Verifier.untrained().load(tmp_path / "verifier.safetensors")
    with torch.inference_mode():
        ours, theirs = (v(QUESTIONS, FACTS) for v in (verifier, loaded))
    assert torch.allclose(ours, theirs, atol=0.05)
    assert loaded.odds("What is my name?", []) == []
    assert len(loaded.odds("What is my name?", FACTS)) == 2


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_arrays(path, {"a": torch.zeros(1).numpy()}, {"kind": "something"})
    with pytest.raises(FolderError):
        Verifier.untrained().load(path)
