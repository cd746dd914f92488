"""Two processes that share each step's facts train what one process trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from memgraft.core.errors import InvalidInput
from memgraft.core.folder import load_arrays
from memgraft.host.load import Host
from memgraft.train.loop import CHECKPOINT, LOG
from memgraft.train.processes import device_of

# With --cpu, accelerate starts one process only, unless there is MPI.
TWO = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
TRAIN = "train injection --steps 3 --batch-size 8 --stack 2 --lr 1e-3 --code 8 --no-half"


def run(model: Path, out: Path, *launcher: str) -> None:
    command = [sys.executable, *launcher, "-m", "memgraft", *TRAIN.split()]
    done = subprocess.run(
        [*command, "--device", "cpu", "--model", str(model), "--out", str(out)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("phrasing") == 1
    assert done.stderr.count("training 100%, loss") == 1


@pytest.mark.slow
def test_two_processes_train_what_one_trains(
    tiny_host: Callable[[str], Host], tmp_path: Path
) -> None:
    host, model = tiny_host("llama"), tmp_path / "model"
    host.model.save_pretrained(model)
    host.tokenizer.save_pretrained(model)
    run(model, tmp_path / "one")
    run(model, tmp_path / "two", *TWO, "--main_process_port", "0")
    logs = [(tmp_path / name / LOG).read_text().splitlines() for name in ("one", "two")]
    assert len(logs[0]) == len(logs[1]) == 3
    for mine, ours in zip(*logs, strict=True):
        one, two = json.loads(mine), json.loads(ours)
        for name in ("step", "stack", "answering", "leaving", "exact", "loss", "norm"):
            assert one[name] == pytest.approx(two[name], abs=1e-3), name
    trained, header = load_arrays(tmp_path / "one" / CHECKPOINT)
    shared, same = load_arrays(tmp_path / "two" / CHECKPOINT)
    assert header == same
    # Adam divides by the size of a gradient, so where that is about zero, rounding is felt.
    for name, array in trained.items():
        distance = np.linalg.norm(array - shared[name])
        assert distance <= 5e-3 * np.linalg.norm(array) + 1e-6, name


def test_a_device_by_name() -> None:
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(InvalidInput, match="no device 'abacus'"):
        device_of("abacus")
