"""The recipes parse, and what they run is what the command takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import typer.main

from memgraft.cli.train import app

FOLDER = Path(__file__).parents[2] / "recipes"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
# Recipes of the memory encoder.
PRESETS = [
    path.stem
    for path in SCRIPTS
    if path.stem not in ("launch", "gpu-machine") and not path.stem.startswith("mag-")
]
# What a script needs besides bash; no other program is on its path, a real nvidia-smi least of all.
TOOLS = ["bash", "env", "dirname", "sort", "sed", "wc", "tar", "gzip", "cat", "mkdir"]
# Tells how it was called, one word per line, and leaves what training leaves in its folder.
CALLED = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$CALL"
while [[ $1 != --out ]]; do shift; done
mkdir -p "$2"
for name in encoder.safetensors card.json log.jsonl checkpoint.safetensors; do
    echo "$name" > "$2/$name"
done
"""


class Machine:
    """A copy of the recipes beside programs that only pretend."""

    def __init__(self, folder: Path, gpus: int, memory: int) -> None:
        self.folder = folder
        self.call = folder / "call"
        shutil.copytree(FOLDER, folder / "recipes")
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        for name in ("memgraft", "accelerate"):
            self.program(self.bin / name, CALLED)
        if gpus:
            listing = "\n".join(f"GPU {n}" for n in range(gpus))
            sizes = "\n".join(str(memory + n) for n in reversed(range(gpus)))
            script = f'[[ $1 == --list-gpus ]] && echo "{listing}" || echo "{sizes}"\n'
            self.program(self.bin / "nvidia-smi", f"#!/usr/bin/env bash\n{script}")

    def program(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def run(self, recipe: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "recipes" / f"{recipe}.sh"), *words],
            capture_output=True,
            text=True,
            env={"PATH": str(self.bin), "CALL": str(self.call)},
        )

    def options(self) -> dict[str, Any]:
        """What the recorded call means to `memgraft train injection`, which must accept it."""
        words = self.call.read_text().splitlines()
        start = words.index("train")
        assert words[start : start + 2] == ["train", "injection"]
        command = typer.main.get_command(app).commands["injection"]  # type: ignore[attr-defined]
        return command.make_context("injection", words[start + 2 :]).params


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_recipe_parses(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert os.access(path, os.X_OK) == (path.stem != "launch")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("gpus", [1, 4])
def test_a_recipe_runs_what_the_command_takes(preset: str, gpus: int, tmp_path: Path) -> None:
    batches = []
    for memory in (22563, 24564, 46068, 49140, 81559, 143771):
        machine = Machine(tmp_path / str(memory), gpus, memory)
        done = machine.run(preset, "runs/mine", "--seed", "7")
        assert done.returncode == 0, done.stderr
        options = machine.options()
        assert (options["out"], options["seed"]) == (Path("runs/mine"), 7)
        assert options["stack"] == 16
        assert options["facts"] % (16 * gpus) == 0
        assert options["model"].lower().endswith(preset)
        launched = machine.call.read_text().startswith("launch\n")
        assert launched == (gpus > 1)
        batches.append(options["facts"] // gpus)
    small, also_small, middle, also_middle, large, larger = batches
    assert small == also_small < middle == also_middle < large == larger


@pytest.mark.parametrize("preset", PRESETS)
def test_without_a_gpu_only_the_small_model_is_trained(preset: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0, 0)
    done = machine.run(preset)
    if preset == "smollm2-135m":
        assert done.returncode == 0
        assert machine.options()["facts"] == 32
    else:
        assert done.returncode == 1
        assert "no batch size" in done.stderr
        assert not machine.call.exists()


def test_a_rented_machine_packs_what_it_trained(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 1, 24564)
    # Set up already: what is installed there only pretends, too.
    machine.program(tmp_path / ".venv" / "bin" / "memgraft", CALLED)
    machine.program(tmp_path / ".venv" / "bin" / "python", "#!/usr/bin/env bash\n")
    done = machine.run("gpu-machine", "qwen3-4b", "out")
    assert done.returncode == 0, done.stderr
    assert machine.options()["model"] == "Qwen/Qwen3-4B"
    with tarfile.open(tmp_path / "out.tar.gz") as packed:
        assert packed.getnames() == ["encoder.safetensors", "card.json", "log.jsonl"]


def test_a_rented_machine_needs_a_recipe_and_a_gpu(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0, 0)
    done = machine.run("gpu-machine", "qwen3-9000b")
    assert (done.returncode, "there is no recipe" in done.stderr) == (2, True)
    done = machine.run("gpu-machine", "qwen3-4b")
    assert (done.returncode, "no GPU" in done.stderr) == (1, True)


@pytest.mark.parametrize("fails", [False, True])
def test_two_processes_share_the_recall_of_all_models(fails: bool, tmp_path: Path) -> None:
    machine = Machine(tmp_path, 0, 0)
    told = (
        'echo "$@" >> "$CALL"; [[ "$*" != *linear,window* ]]' if fails else 'echo "$@" >> "$CALL"'
    )
    machine.program(machine.bin / "memgraft", f"#!/usr/bin/env bash\n{told}\n")
    done = machine.run("mag-recall", "runs/mine", "--seeds", "7")
    assert (done.returncode != 0) == fails
    command = typer.main.get_command(app).commands["recall"]  # type: ignore[attr-defined]
    calls = [
        command.make_context("recall", line.split()[2:]).params
        for line in machine.call.read_text().splitlines()
    ]
    assert all((call["out"], call["seeds"]) == (Path("runs/mine"), "7") for call in calls)
    shared = [call["models"] for call in calls if not call["report"]]
    assert sorted(shared) == ["linear,window", "mlp,full"]
    whole = [call["models"] for call in calls if call["report"]]
    assert whole == ([] if fails else ["linear,mlp,window,full"])
